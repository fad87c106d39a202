//! `cargo xtask bench`: the benchmarks, in release.

use std::path::PathBuf;
use std::process::Command;

use crate::project::{binaries, cargo};
use crate::test::PYTHON_VARIABLE;
use crate::{Failure, python, venv};

/// The program with other libraries that calls are compared with.
const CONTENDERS_VARIABLE: &str = "FERROPYRO_CONTENDERS";

/// All arguments are for the benchmark program.
pub(crate) fn main(args: &[String]) -> Result<(), Failure> {
    if args.first().is_some_and(|arg| arg == "profile") {
        return profile(&args[1..]);
    }
    let mut command = cargo(&["run", "--release", "--package", "bench", "--"]);
    // Without the name of a benchmark it is everything.
    let everything = args.first().is_none_or(|arg| arg.starts_with("--"));
    command.args(everything.then_some("all")).args(args);
    if everything
        || args
            .first()
            .is_some_and(|arg| arg == "all" || arg.starts_with("python"))
    {
        command.env("FERROPYRO_PACKAGE", python::release()?);
    }
    if everything || args.first().is_some_and(|arg| arg == "all" || arg == "echo") {
        command.env(CONTENDERS_VARIABLE, contenders()?);
    }
    let python = venv::python();
    if python.exists() {
        command.env(PYTHON_VARIABLE, python);
    }
    run(command)
}

/// `cargo xtask bench profile`, which has a program and a way of its own to be optimised, which takes less time.
pub(crate) fn profile(args: &[String]) -> Result<(), Failure> {
    const PACKAGE: [&str; 4] = ["--profile", "profiled", "--package", "profile"];
    run(cargo(&[&["build"], PACKAGE.as_slice()].concat()))?; // what is measured, too
    let mut command = cargo(&[&["run", "--quiet"], PACKAGE.as_slice(), &["--"]].concat());
    command.args(args);
    run(command)
}

fn run(mut command: Command) -> Result<(), Failure> {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(Failure::Told),
        Err(error) => Err(Failure::Error(format!("cannot start cargo: {error}"))),
    }
}

/// Builds the other libraries, apart from our own: together both would have the features that either asks for.
fn contenders() -> Result<PathBuf, Failure> {
    let mut build = cargo(&["build", "--release", "--package", "contenders"]);
    if !build.status().is_ok_and(|status| status.success()) {
        return Err(Failure::Told);
    }
    let debug = binaries()?;
    let release = debug.parent().unwrap_or(&debug).join("release");
    Ok(release.join(format!("contenders{}", std::env::consts::EXE_SUFFIX)))
}
