//! The commands of the binary `ferropyro`, for the programs that come with the package.

use std::ffi::OsString;
use std::path::PathBuf;

use pyo3::prelude::*;

/// Does what a command line says, as the binary does, and gives the exit status. The first argument is the name that the program was called by, and `folder` is where it is installed.
///
/// The process must be there for nothing else: signals are handled, and some commands end it.
#[pyfunction]
pub(crate) fn run_command(py: Python<'_>, arguments: Vec<OsString>, folder: PathBuf) -> u8 {
    py.detach(|| ferropyro_cli::main(arguments, &folder))
}
