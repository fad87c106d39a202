//! Whether a server stands what hostile, slow, silent and dead peers do to it. Each trial starts the real servers as processes of their own, and looks at
//! what they answer, and at their memory, threads and descriptors.
//!
//! `cargo xtask stress`: all trials, scaled to a small machine. `cargo xtask stress idle --full`: one of them with the figures that we promise.

#![allow(clippy::print_stdout, clippy::print_stderr)] // it talks to the person at the terminal
#![allow(unreachable_pub)] // #[expose] goes by `pub`

#[cfg(unix)]
mod calls;
#[cfg(unix)]
mod frames;
#[cfg(unix)]
mod process;
#[cfg(unix)]
mod raw;
#[cfg(unix)]
mod server;
#[cfg(unix)]
mod trial;
#[cfg(unix)]
mod trials;
#[cfg(unix)]
mod yard;

use std::process::ExitCode;

type Problem = Box<dyn std::error::Error + Send + Sync>;

#[cfg(unix)]
fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let result = match args.as_slice() {
        // The servers are this program again, started by itself.
        ["serve", settings @ ..] => yard::serve(settings),
        ["help" | "-h" | "--help"] => {
            print!("{}", trials::usage());
            Ok(())
        }
        _ => trials::main(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(not(unix))]
fn main() -> ExitCode {
    let problem: Problem = "the stress tests look at processes as Unix shows them".into();
    eprintln!("{problem}");
    ExitCode::FAILURE
}
