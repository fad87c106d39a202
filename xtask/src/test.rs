//! `cargo xtask test`: every test there is.

use std::process::Command;

use crate::project::{self, cargo};
use crate::steps::Steps;
use crate::{Failure, bench, only_flags, python, stress, venv};

/// The binary, for the tests in Python.
const BINARY_VARIABLE: &str = "FERROPYRO_BIN";
/// The interpreter with the real Pyro, for the Rust tests that ask it something.
pub(crate) const PYTHON_VARIABLE: &str = "FERROPYRO_PYTHON_VENV";

/// What has to hold for the thread server and the event loop alike; what is about the thread pool is left out.
const SUITES_OF_BOTH_SERVERS: &str =
    "package(ferropyro) & binary(/^(sessions|context|client|resources)$/) & not test(/^pool::/)";

/// The programs alone.
const PROGRAMS: &[&str] = &["--bins", "--examples"];
/// The same as the tests have built, so that only what they did not need is left to build.
const AS_FOR_TESTS: &[&str] = &["--all-targets"];

pub(crate) fn main(args: &[String]) -> Result<(), Failure> {
    only_flags(args, &["--full"])?;
    let full = args.iter().any(|arg| arg == "--full");
    let mut steps = Steps::default();
    run(&mut steps, project::features()?, full)?;
    steps.finish()
}

/// `cargo xtask values`: so many generated values through every serializer, there and back.
pub(crate) fn values(args: &[String]) -> Result<(), Failure> {
    let count = match args {
        [] => "100000",
        [count] if count.parse::<u32>().is_ok_and(|count| count > 0) => count,
        _ => return Err(Failure::Usage("values takes a number".to_owned())),
    };
    let mut steps = Steps::default();
    let python = steps.time("python environment", make_venv);
    let built = build(&mut steps, project::features()?, PROGRAMS);
    interop(
        &mut steps,
        python,
        built,
        &["interop/test_values.py", "-k", "Generated", "-v", "--values", count],
    )?;
    steps.finish()
}

/// Appends the tests to the steps of a longer run.
pub(crate) fn run(steps: &mut Steps, features: &[&str], full: bool) -> Result<(), Failure> {
    let python = steps.time("python environment", make_venv);
    rust_tests(steps, features, full);
    let built = build(steps, features, AS_FOR_TESTS);
    if built && cfg!(target_os = "linux") {
        steps.run_together("stress", stress::scaled()?);
    }
    instructions(steps);
    python_tests(steps, python, built, full)?;
    // Most of them wait for something most of the time, so that more run at a time than there are cores.
    let mut all = vec!["interop", "--numprocesses=4", "--dist=worksteal"];
    if full {
        all.push("--full");
    }
    interop(steps, python, built, &all)
}

/// The programs that the tests start.
fn build(steps: &mut Steps, features: &[&str], targets: &[&str]) -> bool {
    // Built for its own sake, the crate of the macros would not be the one that the tests have, and all that depends on it would be built anew.
    let mut command = cargo(&["build", "--workspace", "--exclude=xtask", "--exclude=ferropyro-macros"]);
    command.args(features).args(targets);
    steps.run("build for interop", command)
}

fn interop(steps: &mut Steps, python: bool, built: bool, args: &[&str]) -> Result<(), Failure> {
    match (python, built) {
        (true, true) => _ = steps.run("interop tests", pytest(args)?),
        (false, _) => steps.skip("interop tests", "there is no python environment"),
        (_, false) => steps.skip("interop tests", "the build failed"),
    }
    Ok(())
}

fn python_tests(steps: &mut Steps, python: bool, built: bool, full: bool) -> Result<(), Failure> {
    if python && built && steps.time("python package", python::install) {
        let mut tests = python::tests();
        tests.env(BINARY_VARIABLE, project::binary()?);
        steps.run("python tests", tests);
        steps.run("Pyro4's examples", python::examples(full));
    } else {
        steps.skip("python tests", "the package or its environment could not be made");
    }
    Ok(())
}

/// The instructions of a call, against those that are kept.
fn instructions(steps: &mut Steps) {
    const HAS_FIGURES: bool = cfg!(all(target_os = "linux", target_arch = "x86_64"));
    let is_possible = || HAS_FIGURES && project::works(project::command("valgrind", &["--version"]));
    if !project::checks_changes() && !is_possible() {
        println!(
            "\n==> instructions of a call are not counted: that needs Linux on x86-64, and valgrind (Debian: apt-get install valgrind)"
        );
        return;
    }
    steps.time("instructions of a call", || {
        println!("\n==> instructions of a call: cargo xtask bench profile echo --check");
        bench::profile(&["echo".to_owned(), "--check".to_owned()]).map_err(|failure| {
            if let Failure::Error(message) = failure {
                eprintln!("==> instructions of a call: {message}");
            }
            "cargo xtask bench profile echo --check".to_owned()
        })
    });
}

fn make_venv() -> Result<(), String> {
    println!("\n==> python environment");
    venv::make().map_err(|failure| {
        if let Failure::Error(message) = failure {
            eprintln!("==> python environment: {message}");
        }
        "cargo xtask test".to_owned()
    })
}

fn rust_tests(steps: &mut Steps, features: &[&str], full: bool) {
    if project::works(cargo(&["nextest", "--version"])) {
        let run = ["nextest", "run", "--workspace", "--no-fail-fast"];
        let ignored: &[&str] = if full { &["--run-ignored=all"] } else { &[] };
        steps.run("rust tests", rust_test(&run, features, ignored));
        // The suites choose their server by this variable. Of the whole workspace, because a package alone would be built anew, with fewer features.
        let mut again = rust_test(&run, features, &["-E", SUITES_OF_BOTH_SERVERS]);
        again.env("FERROPYRO_TEST_SERVER", "multiplex");
        steps.run("rust tests, event loop", again);
        steps.run(
            "documentation tests",
            rust_test(&["test", "--workspace", "--doc"], features, &[]),
        );
    } else {
        let ignored: &[&str] = if full { &["--", "--include-ignored"] } else { &[] };
        steps.run(
            "rust tests",
            rust_test(&["test", "--workspace", "--no-fail-fast"], features, ignored),
        );
    }
}

fn rust_test(args: &[&str], features: &[&str], more: &[&str]) -> Command {
    let mut command = cargo(args);
    command.args(features).args(more).env(PYTHON_VARIABLE, venv::python());
    command
}

fn pytest(args: &[&str]) -> Result<Command, Failure> {
    let mut command = project::command(venv::python(), &["-m", "pytest"]);
    command
        .args(args)
        .env(BINARY_VARIABLE, project::binary()?)
        .env("FERROPYRO_EXAMPLES", project::binaries()?.join("examples"));
    Ok(command)
}
