//! The Python package, as the tests use it: in its folder, with the Rust module that was built for them.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::project::{self, binaries, command};
use crate::venv;

/// Puts the Rust module into the package, and tells the environment's Python where that is.
///
/// # Errors
/// The command that does this step alone.
pub(crate) fn install() -> Result<(), String> {
    println!("\n==> python package");
    put_in_place().map_err(|problem| {
        eprintln!("==> python package: {problem}");
        "cargo build -p ferropyro-python".to_owned()
    })
}

fn put_in_place() -> Result<(), String> {
    let (built, module) = match std::env::consts::OS {
        "windows" => ("_ferropyro.dll", "_ferropyro.pyd"),
        "macos" => ("lib_ferropyro.dylib", "_ferropyro.abi3.so"),
        _ => ("lib_ferropyro.so", "_ferropyro.abi3.so"),
    };
    let folder = project::root().join("python");
    let built = binaries()
        .map_err(|_| "cannot find out where xtask is".to_owned())?
        .join(built);
    let module = folder.join("ferropyro").join(module);
    // A program that has the old one loaded keeps it: a new file, not the old one with other contents.
    let fresh = module.with_extension("new");
    fs::copy(&built, &fresh).map_err(|error| format!("cannot copy {}: {error}", built.display()))?;
    fs::rename(&fresh, &module).map_err(|error| format!("cannot write {}: {error}", module.display()))?;
    let paths = site_packages()?.join("ferropyro.pth");
    fs::write(&paths, format!("{}\n", folder.display()))
        .map_err(|error| format!("cannot write {}: {error}", paths.display()))
}

fn site_packages() -> Result<PathBuf, String> {
    let script = "import sysconfig; print(sysconfig.get_paths()['purelib'])";
    let output = project::command(venv::python(), &["-c", script])
        .output()
        .map_err(|error| format!("cannot start {}: {error}", venv::python().display()))?;
    Ok(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()))
}

/// The package's own tests.
pub(crate) fn tests() -> Command {
    command(
        venv::python(),
        &[
            "-m",
            "pytest",
            "--config-file=python/pyproject.toml",
            "python/tests",
            "--ignore=python/tests/pyro4_examples",
            "--numprocesses=4",
            "--timeout=120",
        ],
    )
}

/// Pyro4's own examples. They wait for something most of the time.
pub(crate) fn examples(full: bool) -> Command {
    let mut command = command(
        venv::python(),
        &["-m", "pytest", "python/tests/pyro4_examples", "--numprocesses=8"],
    );
    if full {
        command.arg("--full");
    }
    command
}
