//! What can be said of the commands without a peer of another kind.

use std::process::{Command, Output};

fn run(args: &[&str], env: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ferropyro"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("PYRO_")) {
        command.env_remove(name);
    }
    command.args(args).envs(env.iter().copied()).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn the_demo_succeeds_by_itself() {
    let output = run(&["demo", "--once"], &[]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(stdout(&output).matches("-> ['hello', 3.5, None]").count(), 2);
}

// Conformance: WIRE-04
#[test]
fn check_config_prints_the_protocol_versions() {
    let output = stdout(&run(&["check-config"], &[]));
    assert!(
        output.contains("\nProtocol version: 502 (Pyro5)\nProtocol version: 48 (Pyro4)\n"),
        "{output}"
    );
    for (generation, version) in [("pyro4", 48), ("pyro5", 502)] {
        let output = stdout(&run(&["check-config", "--as", generation], &[]));
        assert!(output.contains(&format!("\nProtocol version: {version}\n")), "{output}");
    }
}

// Conformance: LOG-01
#[test]
fn without_settings_there_is_no_log() {
    let output = run(&["demo", "--once"], &[("PYRO_LOGFILE", "{stderr}")]);
    assert_eq!(stderr(&output), "");
    let output = run(
        &["demo", "--once"],
        &[("PYRO_LOGFILE", "{stderr}"), ("PYRO_LOGLEVEL", "INFO")],
    );
    assert!(stderr(&output).contains(",Pyro.server,INFO]"), "{output:?}");
}

#[test]
fn misuse_ends_with_status_2_and_says_what_is_wanted() {
    for args in [
        &["call", "PYRO:obj@127.0.0.1:4711"][..],
        &["call", "obj.method"],
        &["inspect", "what"],
        &["probe", "host"],
    ] {
        let output = run(args, &[]);
        assert_eq!(
            (output.status.code(), stdout(&output)),
            (Some(2), String::new()),
            "{args:?}"
        );
        assert!(stderr(&output).contains("should look like"), "{output:?}");
    }
    assert_eq!(run(&["no-such-command"], &[]).status.code(), Some(2));
}

#[test]
fn every_command_has_help() {
    for command in [
        "ns",
        "nsc",
        "echo",
        "httpgateway",
        "call",
        "get",
        "set",
        "put",
        "serve-files",
        "inspect",
        "stub",
        "probe",
        "doctor",
        "cert",
        "check-config",
        "connection",
        "flame",
        "demo",
        "completions",
        "man",
    ] {
        let output = run(&[command, "--help"], &[]);
        assert_eq!(output.status.code(), Some(0), "{command}");
        assert!(stdout(&output).contains("Usage: ferropyro"), "{output:?}");
    }
}
