//! `cargo xtask bench`: the benchmarks, in release.

use crate::project::cargo;
use crate::test::PYTHON_VARIABLE;
use crate::{Failure, python, venv};

/// All arguments are for the benchmark program.
pub(crate) fn main(args: &[String]) -> Result<(), Failure> {
    let mut command = cargo(&["run", "--release", "--package", "bench", "--"]);
    command.args(args);
    if args.first().is_some_and(|arg| arg.starts_with("python")) {
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
