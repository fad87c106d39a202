//! The benchmarks themselves run, whatever they find.

use std::process::Command;

#[test]
fn echo_prints_a_table_with_raw_and_with_every_serializer() {
    let output = Command::new(env!("CARGO_BIN_EXE_bench"))
        .args(["echo", "--quick"])
        .output()
        .unwrap();
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{out}{err}");
    for line in [
        "raw TCP ping-pong          1.00   1.00..1.00",
        "Rust to Rust, serpent",
        "Rust to Rust, marshal",
        "Rust to Rust, msgpack",
        "Rust to Rust, json",
        "On one core an echo call with serpent takes, against moving its bytes alone: ferropyro ",
    ] {
        assert!(out.contains(line), "no line {line:?} in\n{out}");
    }
    // Either the real Pyro takes part, or the reason is told.
    assert!(
        out.contains("Pyro5 to Pyro5, serpent") != out.contains("left out"),
        "{out}"
    );
}

#[test]
fn formats_prints_a_table_with_every_format_on_both_roads() {
    let output = Command::new(env!("CARGO_BIN_EXE_bench"))
        .args(["formats", "--quick"])
        .output()
        .unwrap();
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{out}{err}");
    for format in ["serde_json", "serpent", "json", "marshal", "msgpack"] {
        for road in ["typed", "Value"] {
            assert!(
                out.contains(&format!("\n{format}, {road}")),
                "no {format}, {road} in\n{out}"
            );
        }
    }
    assert!(out.contains("serpent takes "), "{out}");
}
