//! The Python package, as the tests use it: in its folder, with the Rust module that was built for them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::project::{self, binaries, command};
use crate::{Failure, venv};

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

/// Copies the Rust module from where cargo puts it to the package.
fn copy_module(from: &Path, package: &Path) -> Result<(), String> {
    let (built, module) = match std::env::consts::OS {
        "windows" => ("_ferropyro.dll", "_ferropyro.pyd"),
        "macos" => ("lib_ferropyro.dylib", "_ferropyro.abi3.so"),
        _ => ("lib_ferropyro.so", "_ferropyro.abi3.so"),
    };
    let (built, module) = (from.join(built), package.join(module));
    // A program that has the old one loaded keeps it: a new file, not the old one with other contents.
    let fresh = module.with_extension("new");
    fs::copy(&built, &fresh).map_err(|error| format!("cannot copy {}: {error}", built.display()))?;
    fs::rename(&fresh, &module).map_err(|error| format!("cannot write {}: {error}", module.display()))
}

fn put_in_place() -> Result<(), String> {
    let folder = project::root().join("python");
    let built = binaries().map_err(|_| "cannot find out where xtask is".to_owned())?;
    copy_module(&built, &folder.join("ferropyro"))?;
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

/// Makes the package in release, beside what else is built so, and gives the folder that it is in.
///
/// # Errors
/// When it cannot be built.
pub(crate) fn release() -> Result<PathBuf, Failure> {
    let mut build = project::cargo(&["build", "--release", "--package", "ferropyro-python"]);
    if !build.status().is_ok_and(|status| status.success()) {
        return Err(Failure::Told);
    }
    let failed = |problem: String| Failure::Error(problem);
    let debug = binaries()?;
    let built = debug.parent().unwrap_or(&debug).join("release");
    let folder = built.join("python");
    copy_all(&project::root().join("python/ferropyro"), &folder.join("ferropyro")).map_err(failed)?;
    copy_module(&built, &folder.join("ferropyro")).map_err(failed)?;
    Ok(folder)
}

/// Copies the Python modules of a folder, and of those in it.
fn copy_all(from: &Path, to: &Path) -> Result<(), String> {
    let explain = |error: std::io::Error| format!("cannot copy {}: {error}", from.display());
    fs::create_dir_all(to).map_err(explain)?;
    for entry in fs::read_dir(from).map_err(explain)? {
        let path = entry.map_err(explain)?.path();
        let Some(name) = path.file_name() else { continue };
        if path.is_dir() {
            copy_all(&path, &to.join(name))?;
        } else if path.extension().is_some_and(|extension| extension == "py") {
            fs::copy(&path, to.join(name)).map_err(explain)?;
        }
    }
    Ok(())
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
