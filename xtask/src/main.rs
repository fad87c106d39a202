//! The project's chores, as `cargo xtask COMMAND`.

#![allow(clippy::print_stdout, clippy::print_stderr)] // it talks to the person at the terminal

mod bench;
mod ci;
mod conformance;
mod project;
mod python;
mod steps;
mod stress;
mod test;
mod venv;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  test [--full]                             run every test: Rust's, the documentation's, and interop/ against the real Pyro
                                            (--full: the slow ones and the other Python versions of this machine too)
  values [N]                                N (100000) generated values through every serializer, from Rust to Python and back, and the other way
  ci                                        what a change must pass: fmt, clippy, doc, conformance --check, test
  conformance [--check] [--list] [ROWS...]  which rows of docs/conformance.md have tests; ROWS: NS-12, NS-*, NS-01..NS-07
                                            (--check: fail when a row of docs/conformance-required.txt has none)
  bench [ARGS...]                           build the benchmarks in release and run them all, into docs/benchmarks.md; or one: bench echo --seconds 5
  stress [NAME...] [--full]                 servers under floods, bombs, silent, slow and dead peers, built in release; scaled to a small machine, or in full

environment:
  FERROPYRO_PYTHON   the Python (3.10 or newer) to make .venv with; python3 unless set
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let Some((command, rest)) = args.split_first() else {
        return usage_error("no command given");
    };
    let result = match command.as_str() {
        "test" => test::main(rest),
        "values" => test::values(rest),
        "ci" => ci::main(rest),
        "conformance" => conformance::main(rest),
        "bench" => bench::main(rest),
        "stress" => stress::main(rest),
        "help" | "-h" | "--help" => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        other => Err(Failure::Usage(format!("unknown command '{other}'"))),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Usage(message)) => usage_error(&message),
        Err(Failure::Told) => ExitCode::FAILURE,
        Err(Failure::Error(message)) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

fn usage_error(message: &str) -> ExitCode {
    eprintln!("{USAGE}\nerror: {message}"); // last, where it is seen
    ExitCode::from(2)
}

/// Why a command did not succeed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line makes no sense.
    Usage(String),
    /// Something went wrong that nobody has printed yet.
    Error(String),
    /// Everything worth saying is on the screen already.
    Told,
}

/// Refuses the first of `args` that is not one of `known`.
pub(crate) fn only_flags(args: &[String], known: &[&str]) -> Result<(), Failure> {
    match args.iter().find(|arg| !known.contains(&arg.as_str())) {
        Some(arg) => Err(Failure::Usage(format!("unknown argument '{arg}'"))),
        None => Ok(()),
    }
}
