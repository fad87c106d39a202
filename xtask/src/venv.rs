//! The virtual environment with the real Pyro, which the interop tests talk to.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Failure;
use crate::project;

/// The interpreter of the environment: what tests find in the variable FERROPYRO_PYTHON_VENV.
pub(crate) fn python() -> PathBuf {
    let in_it = if cfg!(windows) {
        "Scripts/python.exe"
    } else {
        "bin/python"
    };
    project::root().join(".venv").join(in_it)
}

/// Makes `.venv` with what interop/requirements.txt names, unless it is there already.
pub(crate) fn make() -> Result<(), Failure> {
    let folder = project::root().join(".venv");
    let requirements = project::root().join("interop/requirements.txt");
    let wanted = fs::read_to_string(&requirements)
        .map_err(|error| Failure::Error(format!("cannot read {}: {error}", requirements.display())))?;
    let base = base_python();
    let stamp = format!("# {}\n{wanted}", check_version(&base)?);
    let stamp_file = folder.join("requirements.stamp");
    if fs::read_to_string(&stamp_file).is_ok_and(|found| found == stamp) && is_alive(&python()) {
        println!("{} is up to date", folder.display());
        return Ok(());
    }
    println!("making {} with {base}", folder.display());
    install(&base, &folder, &requirements)?;
    fs::write(&stamp_file, stamp)
        .map_err(|error| Failure::Error(format!("cannot write {}: {error}", stamp_file.display())))
}

fn base_python() -> String {
    std::env::var("FERROPYRO_PYTHON").unwrap_or_else(|_| "python3".to_owned())
}

/// Gives the version's text, or refuses one that today's Pyro5 cannot be installed on.
fn check_version(base: &str) -> Result<String, Failure> {
    let hint = "set FERROPYRO_PYTHON to a Python of version 3.10 or newer";
    let script = "import sys; print(sys.version.split()[0]); sys.exit(sys.version_info < (3, 10))";
    let output = project::command(base, &["-c", script])
        .output()
        .map_err(|error| Failure::Error(format!("cannot start {base}: {error}; {hint}")))?;
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if output.status.success() {
        Ok(version)
    } else {
        Err(Failure::Error(format!(
            "{base} will not do (version {version:?}); {hint}"
        )))
    }
}

/// A folder that was moved, or whose base Python is gone, has a stamp but no life.
fn is_alive(python: &Path) -> bool {
    project::works(project::command(python, &["-c", "import Pyro4, Pyro5, pytest"]))
}

fn install(base: &str, folder: &Path, requirements: &Path) -> Result<(), Failure> {
    let folder = folder.to_string_lossy();
    let from = requirements.to_string_lossy();
    let quiet = [
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--requirement",
        &from,
    ];
    if project::works(project::command(base, &["-m", "venv", "--clear", &folder])) {
        let mut pip = project::command(python(), &["-m", "pip"]);
        pip.args(quiet);
        return run(pip);
    }
    // Some distributions keep the module `ensurepip` in a package of its own: then the outer pip fills the environment.
    run(project::command(
        base,
        &["-m", "venv", "--clear", "--without-pip", &folder],
    ))?;
    let mut pip = project::command(base, &["-m", "pip", "--python"]);
    pip.arg(python()).args(quiet);
    run(pip)
}

fn run(mut command: Command) -> Result<(), Failure> {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failure::Error(format!("{command:?}: {status}"))),
        Err(error) => Err(Failure::Error(format!("cannot start {command:?}: {error}"))),
    }
}
