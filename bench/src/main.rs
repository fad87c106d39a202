//! Benchmarks against the peers: everything is measured in one run on one core, and given as a ratio.
//!
//! `cargo xtask bench echo`: what a remote call costs, in multiples of a raw TCP ping-pong of the same bytes.
//! `cargo xtask bench formats`: what it costs to write and read a document, in multiples of serde_json's.

#![allow(clippy::print_stdout, clippy::print_stderr)] // it talks to the person at the terminal

mod core;
mod echo;
mod formats;
mod peer;
mod python_peers;
mod raw;
mod rounds;
mod rust_echo;
mod sizes;
mod table;

use std::process::ExitCode;
use std::time::Duration;

const USAGE: &str = "\
usage: bench COMMAND [OPTIONS]

  echo       a remote call that gives back its argument, against a raw TCP ping-pong of the same bytes
  formats    writing and reading a document of many types, against serde_json

  --seconds N   how long to measure, 10 unless given
  --quick       measure for an instant: shows that everything runs, and nothing else
  --markdown    print the table as Markdown

environment:
  FERROPYRO_PYTHON_VENV   a Python with Pyro4 and Pyro5 (cargo xtask makes .venv and sets this); python3 unless set
";

type Problem = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let result = match args.as_slice() {
        ["echo", options @ ..] => Options::parse(options).and_then(|options| echo::main(&options)),
        ["formats", options @ ..] => Options::parse(options).and_then(|options| formats::main(&options)),
        // The servers are this program again, started by itself.
        ["serve", "raw", request, reply] => raw::serve(request, reply),
        ["serve", "rust"] => rust_echo::serve(),
        ["help" | "-h" | "--help"] => {
            print!("{USAGE}");
            Ok(())
        }
        _ => Err(format!("{USAGE}\nerror: which benchmark?").into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

/// What the command line asks for.
struct Options {
    time: Duration,
    quick: bool,
    markdown: bool,
}

impl Options {
    fn parse(args: &[&str]) -> Result<Options, Problem> {
        let mut options = Options {
            time: Duration::from_secs(10),
            quick: false,
            markdown: false,
        };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match *arg {
                "--quick" => options.quick = true,
                "--markdown" => options.markdown = true,
                "--seconds" => {
                    let seconds = args.next().and_then(|number| number.parse().ok());
                    options.time = seconds
                        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
                        .ok_or("--seconds needs a number")?;
                }
                other => return Err(format!("{USAGE}\nerror: unknown option '{other}'").into()),
            }
        }
        Ok(options)
    }
}
