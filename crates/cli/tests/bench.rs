//! `ferropyro bench` against servers whose pace is known.

#![allow(unreachable_pub)] // #[expose] goes by `pub`

use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use ferropyro::formats::json;
use ferropyro::{Daemon, Dict, Raise, RunningDaemon, Value, expose};

#[derive(Default)]
struct Desk {
    calls: AtomicU32,
}

#[expose]
impl Desk {
    pub fn stamp(&self, sheets: Value) -> Value {
        self.calls.fetch_add(1, Ordering::SeqCst);
        sheets
    }

    pub fn count(&self) -> u32 {
        self.calls.load(Ordering::SeqCst)
    }

    pub fn weigh(&self, letter: ferropyro::Bytes) -> usize {
        letter.len()
    }

    pub fn file(&self) {
        thread::sleep(Duration::from_millis(40));
    }

    pub fn refuse(&self) -> Result<(), Raise> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        Err(Raise::new("ValueError", "closed\non Sundays"))
    }

    /// Every second call fails.
    pub fn flip(&self) -> Result<(), Raise> {
        match self.calls.fetch_add(1, Ordering::SeqCst) % 2 {
            0 => Ok(()),
            _ => Err(Raise::new("ValueError", "odd")),
        }
    }
}

fn serve() -> RunningDaemon {
    let daemon = Daemon::new().unwrap();
    daemon.register("desk", Desk::default()).unwrap();
    daemon.start()
}

fn bench(daemon: &RunningDaemon, method: &str, args: &[&str]) -> Output {
    let uri = daemon.uri_for("desk").unwrap();
    Command::new(env!("CARGO_BIN_EXE_ferropyro"))
        .args(["bench", &format!("{uri}{method}"), "--warm-up", "0"])
        .args(args)
        .output()
        .unwrap()
}

/// What it prints for programs.
fn measured(output: &Output) -> Dict {
    let value: Value = json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    let Value::Dict(dict) = value else { panic!("{value}") };
    dict
}

fn number(dict: &Dict, name: &str) -> f64 {
    match dict.get(name) {
        Some(Value::Float(number)) => *number,
        Some(Value::Int(number)) => *number as f64,
        other => panic!("{name}: {other:?}"),
    }
}

fn latency(dict: &Dict, name: &str) -> f64 {
    let Some(Value::Dict(times)) = dict.get("latency_ms") else {
        panic!("{dict:?}")
    };
    number(times, name)
}

fn counted(daemon: &RunningDaemon) -> u32 {
    let desk = ferropyro::Proxy::new(daemon.uri_for("desk").unwrap()).unwrap();
    desk.call("count", ()).unwrap()
}

#[test]
fn makes_as_many_calls_as_it_says_over_all_connections() {
    let daemon = serve();
    let output = bench(&daemon, ".stamp", &["3", "-n", "200", "-c", "4", "-o", "json"]);
    let found = measured(&output);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!((number(&found, "calls"), number(&found, "failed")), (200.0, 0.0));
    assert_eq!(counted(&daemon), 200);
    assert!(latency(&found, "min") <= latency(&found, "p50") && latency(&found, "p50") <= latency(&found, "max"));
}

#[test]
fn calls_of_a_batch_are_counted_one_by_one() {
    let daemon = serve();
    let found = measured(&bench(
        &daemon,
        ".stamp",
        &["3", "-n", "100", "--batch", "25", "-o", "json"],
    ));
    assert_eq!((number(&found, "calls"), counted(&daemon)), (100.0, 100));
}

#[test]
fn a_payload_has_the_size_that_was_asked_for() {
    let daemon = serve();
    for serializer in ["serpent", "json", "marshal", "msgpack"] {
        let method = if serializer == "json" { ".stamp" } else { ".weigh" };
        let output = bench(
            &daemon,
            method,
            &["--payload", "70000", "-n", "3", "--serializer", serializer],
        );
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    }
}

#[test]
fn errors_are_counted_by_what_they_say_and_give_a_status() {
    let daemon = serve();
    let output = bench(&daemon, ".refuse", &["-n", "7"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        text.contains("\n7 calls failed:\n        7  ValueError: closed\n"),
        "{text}"
    );
    assert_eq!((output.status.code(), counted(&daemon)), (Some(1), 7));
}

#[test]
fn in_a_batch_the_calls_after_one_that_failed_have_failed_too() {
    let daemon = serve();
    let found = measured(&bench(&daemon, ".flip", &["-n", "10", "--batch", "10", "-o", "json"]));
    assert_eq!(
        (number(&found, "calls"), number(&found, "failed"), counted(&daemon)),
        (10.0, 9.0, 2)
    );
}

/// One connection takes 40 ms for each call and has one to make every 20 ms: were the time counted from when a call is sent, all of them would seem to take 40 ms.
#[test]
fn with_a_rate_a_call_that_has_to_wait_for_its_turn_counts_the_wait() {
    let daemon = serve();
    let output = bench(&daemon, ".file", &["--rate", "50", "-n", "20", "--check", "-o", "json"]);
    let found = measured(&output);
    assert!(latency(&found, "max") > 300.0, "{found:?}");
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(
        told.contains("not good enough: ") && told.contains("% of the rate were reached, and not 90 %"),
        "{told}"
    );
}

#[test]
fn without_a_method_the_daemon_is_pinged() {
    let daemon = serve();
    let output = bench(&daemon, "", &["-n", "5"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        text.starts_with("PYRO:Pyro.Daemon@") && text.contains(", method ping, "),
        "{text}"
    );
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let daemon = serve();
    for (method, args, told) in [
        (".stamp", &["--check"][..], "--rate"),
        (".stamp", &["--rate", "0"], "a number of calls a second is wanted"),
        (".stamp", &["-c", "0"], "0"),
        (".stamp", &["-n", "5", "-d", "1"], "cannot be used with"),
        ("", &["hello"], "does not end in .METHOD"),
    ] {
        let output = bench(&daemon, method, args);
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && text.contains(told), "{output:?}");
    }
}

#[test]
fn who_is_not_there_is_an_error_at_the_beginning() {
    let output = Command::new(env!("CARGO_BIN_EXE_ferropyro"))
        .args(["bench", "PYRO:desk@127.0.0.1:1.stamp", "-c", "3"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("0 of 3 connections were made"), "{text}");
    assert_eq!(output.status.code(), Some(4));
}
