//! `cargo xtask bench`: the benchmarks, in release.

use crate::project::cargo;
use crate::test::PYTHON_VARIABLE;
use crate::{Failure, python, venv};

/// All arguments are for the benchmark program.
pub(crate) fn main(args: &[String]) -> Result<(), Failure> {
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
    let python = venv::python();
    if python.exists() {
        command.env(PYTHON_VARIABLE, python);
    }
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(Failure::Told),
        Err(error) => Err(Failure::Error(format!("cannot start cargo: {error}"))),
    }
}
