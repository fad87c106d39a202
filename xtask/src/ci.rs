//! `cargo xtask ci`: what a change must pass.

use crate::project::{cargo, features};
use crate::steps::Steps;
use crate::{Failure, conformance, only_flags, test};

pub(crate) fn main(args: &[String]) -> Result<(), Failure> {
    only_flags(args, &[])?;
    let mut steps = Steps::default();
    steps.run("fmt", cargo(&["fmt", "--all", "--check"]));
    // Before the tests, because it takes no time, and the tests' own closing lines are what a reader looks for at the end.
    steps.time("conformance", || {
        println!("\n==> conformance: cargo xtask conformance --check");
        conformance::main(&["--check".to_owned()]).map_err(|failure| {
            if let Failure::Error(message) | Failure::Usage(message) = failure {
                eprintln!("==> conformance: {message}");
            }
            "cargo xtask conformance --check".to_owned()
        })
    });
    let features = features()?;
    let mut clippy = cargo(&["clippy", "--workspace", "--all-targets"]);
    clippy.args(features).args(["--", "-D", "warnings"]);
    steps.run("clippy", clippy);
    // The library and the binary are both called ferropyro, and two pages of one name would overwrite each other.
    let mut doc = cargo(&["doc", "--workspace", "--no-deps", "--lib"]);
    doc.args(features).env("RUSTDOCFLAGS", "-D warnings");
    steps.run("doc", doc);
    test::run(&mut steps, features, false)?;
    steps.finish()
}
