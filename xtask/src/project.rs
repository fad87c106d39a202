//! Where the project's things are, and the programs that build it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Failure;

/// The folder with the workspace's Cargo.toml.
pub(crate) fn root() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask).to_path_buf()
}

/// The folder where cargo puts the binaries of this profile: the one that this very program lies in, whatever the
/// target directory is called.
pub(crate) fn binaries() -> Result<PathBuf, Failure> {
    let myself =
        std::env::current_exe().map_err(|error| Failure::Error(format!("cannot find out where xtask is: {error}")))?;
    Ok(myself.parent().unwrap_or(&myself).to_path_buf())
}

/// The binary `ferropyro`, when it has been built.
pub(crate) fn binary() -> Result<PathBuf, Failure> {
    Ok(binaries()?.join(format!("ferropyro{}", std::env::consts::EXE_SUFFIX)))
}

/// `cargo` with these arguments, in the project's root.
pub(crate) fn cargo(args: &[&str]) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut cargo = command(program, args);
    // What the cargo that started this very program says of its package. Build scripts that look at it (ring's does) would run again, and all that depends
    // on them be built anew, each time somebody changes between `cargo` and `cargo xtask`.
    for (name, _) in std::env::vars_os() {
        let of_a_package = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
        if name.to_str().is_some_and(of_a_package) {
            cargo.env_remove(&name);
        }
    }
    cargo
}

/// Any program with these arguments, in the project's root.
pub(crate) fn command(program: impl AsRef<std::ffi::OsStr>, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(args).current_dir(root());
    command
}

/// Whether the program can be started and ends well; it prints nothing.
pub(crate) fn works(mut command: Command) -> bool {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// What is switched on beside the defaults wherever the whole workspace is built, always the same, so that nothing is built twice: numpy in pickles, and the
/// store in etcd, whose build needs protoc.
///
/// # Errors
/// Without protoc, on a machine that checks changes.
pub(crate) fn features() -> Result<&'static [&'static str], Failure> {
    if works(command(
        std::env::var_os("PROTOC").unwrap_or_else(|| "protoc".into()),
        &["--version"],
    )) {
        return Ok(&[
            "--features",
            "ferropyro-cli/etcd,ferropyro-nameserver/etcd,ferropyro-formats/numpy",
        ]);
    }
    let reason = "protoc is missing (Debian: apt-get install protobuf-compiler libprotobuf-dev), so the name server's store in etcd is not built";
    match checks_changes() {
        true => Err(Failure::Error(reason.to_owned())),
        false => {
            println!("==> {reason}");
            Ok(&["--features", "ferropyro-formats/numpy"])
        }
    }
}

/// Whether this is a machine that checks changes, where nothing is left out.
pub(crate) fn checks_changes() -> bool {
    std::env::var("CI").is_ok_and(|ci| ci == "true")
}
