//! `cargo xtask stress`: what hostile, slow, silent and dead peers do to servers.

use std::process::Command;

use crate::Failure;
use crate::project::{binaries, cargo, command};
use crate::steps::Steps;

/// The arguments are for the stress program: names of trials, and `--full`.
pub(crate) fn main(args: &[String]) -> Result<(), Failure> {
    let mut steps = Steps::default();
    if steps.run(
        "build",
        cargo(&["build", "--release", "--package=stress", "--package=ferropyro-cli"]),
    ) {
        let mut command = cargo(&["run", "--release", "--package", "stress", "--"]);
        command.args(args);
        steps.run("stress", command);
    }
    steps.finish()
}

/// The trials that do little but wait for time limits to pass.
const WAITING: &[&str] = &[
    "slow-readers",
    "shutdown",
    "slow-heads",
    "silent",
    "cancel",
    "dead-peers",
];

/// The scaled trials, with what has been built for the tests: those that wait, and at the same time the others.
pub(crate) fn scaled() -> Result<Vec<Command>, Failure> {
    let program = binaries()?.join("stress");
    let others = [&["--except"], WAITING].concat();
    Ok(vec![command(&program, WAITING), command(&program, &others)])
}
