//! The benchmarks themselves run, whatever they find.

use std::env::consts::EXE_SUFFIX;
use std::path::Path;
use std::process::Command;

/// Names the program with the other libraries in Rust.
const CONTENDERS: &str = "FERROPYRO_CONTENDERS";
/// Names the Python with the real Pyro, as `cargo xtask test` has it.
const PYTHON: &str = "FERROPYRO_PYTHON_VENV";

/// What a benchmark prints. The other libraries in Rust take part if their program lies beside the benchmarks', as in a build of the whole workspace.
fn run(args: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bench"));
    let contenders = Path::new(env!("CARGO_BIN_EXE_bench")).with_file_name(format!("contenders{EXE_SUFFIX}"));
    if contenders.is_file() && std::env::var_os(CONTENDERS).is_none() {
        command.env(CONTENDERS, contenders);
    }
    let output = command.args(args).output().unwrap();
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{out}{err}");
    out.into_owned()
}

#[test]
fn echo_prints_a_table_with_raw_and_with_every_serializer() {
    let out = run(&["echo", "--quick"]);
    for line in [
        "Rust to Rust, serpent",
        "Rust to Rust, marshal",
        "Rust to Rust, msgpack",
        "Rust to Rust, json",
        "On one core an echo call with serpent takes, against moving its bytes alone: ferropyro ",
    ] {
        assert!(out.contains(line), "no line {line:?} in\n{out}");
    }
    let raw = out.lines().find_map(|line| line.strip_prefix("raw TCP ping-pong"));
    let raw: Vec<&str> = raw.unwrap_or_default().split_whitespace().collect();
    assert_eq!(raw[..4], ["1.00", "1.00..1.00", "1.00..1.00", "1.00"], "{out}");
    let unit = raw.last().copied();
    assert!(unit == Some("µs") || unit == Some("ms"), "{out}");
    // Either the real Pyro takes part, or the reason is told.
    assert!(
        out.contains("Pyro5 to Pyro5, serpent") != out.contains("Left out: the real Pyro"),
        "{out}"
    );
}

/// Whether somebody has a line in the table, and whether somebody is said to be left out.
fn takes_part(out: &str, name: &str) -> (bool, bool) {
    let is_in_table = out.lines().any(|line| line.starts_with(&format!("{name}  ")));
    let reasons = out.lines().filter_map(|line| line.strip_prefix("Left out: "));
    (is_in_table, reasons.into_iter().any(|reason| reason.contains(name)))
}

#[test]
fn echo_has_every_contender_in_its_table_or_says_why_not() {
    let contenders = [
        "tarpc, bincode",
        "tarpc, json",
        "tonic",
        "jsonrpsee, WebSocket",
        "jsonrpsee, HTTP",
    ];
    let out = run(&["echo", "--quick", "--no-python"]);
    for name in contenders {
        let (is_in_table, is_left_out) = takes_part(&out, name);
        assert!(is_in_table != is_left_out, "{name} in\n{out}");
    }
    if cfg!(unix) {
        for name in [
            "raw Unix ping-pong",
            "fixed frame, event loop",
            "Rust to Rust, serpent, Unix",
        ] {
            assert_eq!(takes_part(&out, name), (true, false), "{name} in\n{out}");
        }
    }
    let none = Command::new(env!("CARGO_BIN_EXE_bench"))
        .args(["echo", "--quick", "--no-python"])
        .env(CONTENDERS, "no such program")
        .output()
        .unwrap();
    let out = String::from_utf8_lossy(&none.stdout);
    for name in contenders.into_iter().chain(["the real Pyro"]) {
        assert_eq!(takes_part(&out, name), (false, true), "{name} in\n{out}");
    }
    assert!(out.contains("cargo build --release --package contenders"), "{out}");
    assert!(out.contains("\nRust to Rust, serpent  "), "the others go on\n{out}");
}

#[test]
fn python_has_every_contender_in_its_table_or_says_why_not() {
    let Some(python) = std::env::var_os(PYTHON) else {
        return; // without Pyro it measures nothing
    };
    let output = Command::new(env!("CARGO_BIN_EXE_bench"))
        .args(["python", "--quick"])
        .env(PYTHON, python)
        .env_remove("FERROPYRO_PACKAGE")
        .output()
        .unwrap();
    let out = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{out}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    for name in ["multiprocessing.connection", "RPyC", "grpcio"] {
        let (is_in_table, is_left_out) = takes_part(&out, name);
        assert!(is_in_table != is_left_out, "{name} in\n{out}");
    }
    // Only a build in release makes the package.
    assert_eq!(takes_part(&out, "ferropyro"), (false, true), "{out}");
}

#[test]
fn formats_prints_a_table_with_every_format_on_both_roads() {
    let out = run(&["formats", "--quick"]);
    for format in ["serpent", "json", "marshal", "msgpack", "pickle"] {
        for road in ["typed", "Value"] {
            assert!(
                out.contains(&format!("\n{format}, {road}")),
                "no {format}, {road} in\n{out}"
            );
        }
    }
    assert!(out.contains(" takes serpent "), "{out}");
    // Either Python's own take part, or the reason is told.
    assert!(
        out.contains("msgpack 1") != out.contains("Left out: Python's own serializers"),
        "{out}"
    );
}

#[test]
#[cfg(target_os = "linux")]
fn servers_prints_a_table_of_every_transport_and_number_of_connections() {
    let out = run(&["servers", "--quick", "--markdown"]);
    assert!(
        out.contains("TCP 1 | TCP 4 | TCP 16 | Unix 1 | Unix 4 | Unix 16 | TLS 1 | TLS 4 | TLS 16"),
        "{out}"
    );
    for server in ["ferropyro thread", "ferropyro multiplex"] {
        assert!(out.contains(&format!("\n| {server} ")), "no {server} in\n{out}");
    }
    assert!(
        out.contains("\n| Pyro5 multiplex ") != out.contains("Left out: the real Pyro: "),
        "{out}"
    );
}

#[test]
fn connection_prints_a_table_of_objects_and_one_of_bytes() {
    let out = run(&["connection", "--quick"]);
    for line in [
        "The object [1, 2.5, 'three'] to a listener and back",
        "1 MiB of bytes to a listener and back",
    ] {
        assert!(out.contains(line), "no line {line:?} in\n{out}");
    }
    let lines = |name: &str| out.lines().filter(|line| line.starts_with(name)).count();
    assert_eq!((lines("raw TCP ping-pong"), lines("Rust to Rust")), (2, 2), "{out}");
    // Either Python takes part, or the reason is told.
    let is_left_out = out.contains("Left out: Python's multiprocessing.connection");
    assert_eq!(lines("Python to Python"), if is_left_out { 0 } else { 2 }, "{out}");
}

#[test]
#[cfg(target_os = "linux")]
fn bulk_prints_a_table_of_both_directions() {
    let out = run(&["bulk", "--quick", "--markdown"]);
    assert!(out.contains("there 1 MiB | back 1 MiB"), "{out}");
    for serializer in ["marshal", "msgpack", "serpent"] {
        assert!(
            out.contains(&format!("\n| Rust to Rust, {serializer} ")),
            "no {serializer} in\n{out}"
        );
    }
}

// Conformance: SER-07
#[test]
fn kinds_prints_a_table_of_every_serializer_and_says_what_json_cannot() {
    let out = run(&["kinds", "--quick", "--markdown", "--no-python"]);
    for serializer in ["pickle", "marshal", "msgpack", "json", "serpent"] {
        let line = out
            .lines()
            .find(|line| line.starts_with(&format!("| Rust to Rust, {serializer} ")));
        let cells: Vec<&str> = line.unwrap_or_default().split('|').map(str::trim).collect();
        assert_eq!(cells.len(), 7, "{serializer} in\n{out}");
        for (column, cell) in cells[2..6].iter().enumerate() {
            let is_missing = serializer == "json" && column > 0;
            assert_eq!(*cell == "-", is_missing, "{serializer}, column {column} in\n{out}");
        }
    }
    assert!(out.contains("not supported"), "{out}");
}

#[test]
#[cfg(target_os = "linux")]
fn idle_tells_memory_threads_and_descriptors_of_every_transport() {
    let out = run(&["idle", "--quick", "--markdown"]);
    for transport in ["TCP", "Unix", "TLS"] {
        let line = out.lines().find(|line| line.starts_with(&format!("| {transport} ")));
        let cells: Vec<&str> = line.unwrap_or_default().split('|').map(str::trim).collect();
        let descriptors: Vec<u32> = cells
            .get(7..10)
            .unwrap_or_default()
            .iter()
            .filter_map(|cell| cell.parse().ok())
            .collect();
        // The connections were there, and have gone.
        let [before, with, gone] = descriptors[..] else {
            panic!("no {transport} in\n{out}");
        };
        assert_eq!((with - before, gone), (100, before), "{transport} in\n{out}");
    }
}

#[test]
#[cfg(unix)]
fn names_prints_tables_of_look_ups_and_of_registrations() {
    let out = run(&["names", "--quick", "--no-python"]);
    // How far apart the columns stand depends on the figures.
    let heads: Vec<String> = out
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    for head in [
        "parts of the fixed-frame server's speed 1 16",
        "registrations for each fdatasync of a plain file 1 16",
        "the same, absolute 1 16",
    ] {
        assert!(heads.iter().any(|line| line == head), "no line {head:?} in\n{out}");
    }
    for server in ["ferropyro multiplex, sql", "ferropyro thread, sql", "ferropyro thread"] {
        let line = out.lines().find(|line| line.starts_with(server));
        assert!(
            line.is_some_and(|line| line.chars().any(|c| ('1'..='9').contains(&c))),
            "{server} in\n{out}"
        );
    }
}

#[test]
#[cfg(unix)]
fn gateway_prints_a_table_for_each_number_of_clients() {
    let out = run(&["gateway", "--quick", "--no-python"]);
    for name in [
        "axum, empty",
        "ferropyro, kept",
        "ferropyro, as usual",
        "ferropyro, fresh",
    ] {
        // One table for each number, and two for both; another one if the system has told processor times.
        let lines = out.lines().filter(|line| line.starts_with(name)).count();
        assert!((4..=5).contains(&lines), "{name}: {lines}\n{out}");
    }
}

#[test]
fn all_writes_a_page_with_every_benchmark_its_pictures_and_what_was_to_be_reached() {
    let folder = tempfile::tempdir().unwrap();
    run(&[
        "all",
        "--quick",
        "--no-python",
        "--out",
        folder.path().to_str().unwrap(),
    ]);
    let page = std::fs::read_to_string(folder.path().join("benchmarks.md")).unwrap();
    let help = run(&["help"]);
    let names: Vec<&str> = help
        .lines()
        .filter_map(|line| line.strip_prefix("  ")?.split_whitespace().next())
        .take_while(|word| !word.starts_with("--"))
        .filter(|name| *name != "all")
        .collect();
    assert!(names.len() > 8, "{help}");
    for name in names {
        // Without Python there is nothing to be seen of some, and the page says so.
        assert!(
            page.contains(&format!("`cargo xtask bench {name}")),
            "no {name} in\n{page}"
        );
    }
    assert!(page.contains("| what was to be reached "), "{page}");
    let pictures = page.matches("](benchmarks/").count();
    let files = std::fs::read_dir(folder.path().join("benchmarks")).unwrap().count();
    assert!(files > 5 && pictures == files, "{files} files in\n{page}");
}

#[test]
fn a_quick_run_of_everything_does_not_overwrite_the_page_of_a_real_one() {
    let output = Command::new(env!("CARGO_BIN_EXE_bench"))
        .args(["all", "--quick"])
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && told.contains("--out"), "{told}");
}

#[test]
#[cfg(target_os = "linux")]
fn growth_prints_a_line_for_everything_that_there_can_be_more_of() {
    let out = run(&["growth", "--quick", "--no-python", "--markdown"]);
    for (more, columns) in [
        ("connections", "1 | 10"),
        ("bytes", "10 | 100 | 1,000"),
        ("names", "10 | 100"),
        ("objects", "10 | 100"),
        ("calls in a batch", "1 | 10"),
        ("items", "1 | 10"),
        ("lists, each in the other", "1 | 10"),
    ] {
        let head = out.lines().find(|line| line.starts_with(&format!("| {more} ")));
        let head = head
            .unwrap_or_default()
            .split('|')
            .map(str::trim)
            .collect::<Vec<_>>()
            .join(" | ");
        assert!(
            head.contains(&format!("{more} | {columns} | steepness")),
            "{more}: {head:?} in\n{out}"
        );
    }
    assert!(
        out.contains("Goal: steepness, names: ferropyro, sql: at most 0.1"),
        "{out}"
    );
}

#[test]
#[cfg(target_os = "linux")]
fn memory_prints_what_objects_names_and_messages_take() {
    let out = run(&["memory", "--quick", "--markdown"]);
    for name in ["object of a daemon", "name in memory", "name in a file of SQLite"] {
        let line = out.lines().find(|line| line.starts_with(&format!("| {name} ")));
        let bytes: Option<u32> = line.and_then(|line| line.split('|').nth(2)?.trim().parse().ok());
        assert!(bytes.is_some(), "{name} in\n{out}");
    }
    for serializer in ["marshal", "msgpack", "pickle", "json", "serpent"] {
        let line = out.lines().find(|line| line.starts_with(&format!("| {serializer} ")));
        let cells: Vec<f64> = line
            .unwrap_or_default()
            .split('|')
            .filter_map(|cell| cell.trim().parse().ok())
            .collect();
        // A message of 1 MiB is there at some time, whatever else is.
        assert!(
            cells.len() == 4 && cells.iter().all(|peak| *peak > 0.5),
            "{serializer} in\n{out}"
        );
    }
}
