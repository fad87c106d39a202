//! Changes as they happen.

use rustix::process::Signal;

use crate::programs::{Ns, Program, Relay, command_at, stderr};

/// The value of a number or a text in a line of JSON.
fn field<'l>(line: &'l str, name: &str) -> &'l str {
    let (_, rest) = line.split_once(&format!("\"{name}\": ")).unwrap();
    rest.split([',', '}']).next().unwrap().trim_matches('"')
}

#[test]
fn every_change_is_a_line_and_a_revision_is_where_to_go_on() {
    let ns = Ns::start(&[]);
    ns.told(&["register", "before", "PYRO:x@h:1"]);
    let watch = ns.watch(&[]);
    ns.told(&["register", "a", "PYRO:x@h:1", "t"]);
    ns.told(&["setmeta", "a"]);
    ns.told(&["remove", "a"]);
    let lines: Vec<String> = (0..3).map(|_| watch.line()).collect();
    let first: u64 = field(&lines[0], "revision").parse().unwrap();
    let expected = [
        format!(
            "{{\"revision\": {first}, \"event\": \"put\", \"name\": \"a\", \"uri\": \"PYRO:x@h:1\", \"metadata\": [\"t\"]}}"
        ),
        format!(
            "{{\"revision\": {}, \"event\": \"put\", \"name\": \"a\", \"uri\": \"PYRO:x@h:1\", \"metadata\": []}}",
            first + 1
        ),
        format!(
            "{{\"revision\": {}, \"event\": \"remove\", \"name\": \"a\", \"uri\": null, \"metadata\": []}}",
            first + 2
        ),
    ];
    assert_eq!(lines, expected);
    watch.signal(Signal::INT);
    assert_eq!(watch.status(), Some(0));
    // What happened meanwhile comes first.
    let again = ns.watch(&["--rev", &first.to_string()]);
    assert_eq!([again.line(), again.line()], expected[1..]);
    let some = ns.watch(&["b", "--rev", &first.to_string()]);
    ns.told(&["register", "c", "PYRO:x@h:1"]);
    ns.told(&["register", "b", "PYRO:x@h:1"]);
    assert_eq!(field(&some.line(), "name"), "b");
    let future = ns.nsc(&["watch", "--rev", "9000000000000000000"]);
    assert_eq!(future.status.code(), Some(2));
    assert!(stderr(&future).contains("has not happened yet"), "{future:?}");
}

#[test]
fn goes_on_without_gap_or_duplicate_after_the_name_server_was_away() {
    let ns = Ns::start(&[]);
    let relay = Relay::to(ns.port);
    let watch = Program::start(command_at(relay.port, &["watch"]));
    assert!(watch.note().starts_with("Watching behind revision "));
    let mut told = Vec::new();
    for round in 0..5 {
        let names = ["connected", "away"].map(|when| format!("{when}.{round}"));
        ns.told(&["register", &names[0], "PYRO:x@h:1"]);
        told.push(watch.line());
        relay.cut();
        ns.told(&["register", &names[1], "PYRO:x@h:1"]);
        assert!(watch.note().starts_with("the name server is away"));
        relay.lead_to(ns.port);
        told.push(watch.line());
        assert_eq!(watch.note(), "the name server is back");
    }
    let names: Vec<&str> = told.iter().map(|line| field(line, "name")).collect();
    let expected: Vec<String> = (0..5)
        .flat_map(|round| [format!("connected.{round}"), format!("away.{round}")])
        .collect();
    assert_eq!(names, expected);
}

#[test]
fn a_history_that_is_gone_has_an_exit_status_of_its_own() {
    let ns = Ns::start(&[]);
    let watch = ns.watch(&[]);
    let (one, other) = (Relay::to(ns.port), Ns::start(&[]));
    let relayed = Program::start(command_at(one.port, &["watch"]));
    relayed.note();
    one.cut();
    one.lead_to(other.port);
    assert!(relayed.note().starts_with("the name server is away"));
    assert_eq!(relayed.note(), "the name server is back");
    assert!(relayed.note().starts_with("error: changes are missing: "));
    assert_eq!(relayed.status(), Some(7));
    let old = ns.nsc(&["watch", "--rev", "1"]);
    assert_eq!(old.status.code(), Some(7), "{old:?}");
    watch.signal(Signal::TERM);
    assert_eq!(watch.status(), Some(0));
}

#[test]
fn a_new_list_takes_the_place_of_a_history_that_is_gone() {
    let ns = Ns::start(&[]);
    for name in ["a.old", "a.both", "b"] {
        ns.told(&["register", name, "PYRO:x@h:1"]);
    }
    let relay = Relay::to(ns.port);
    let watch = Program::start(command_at(relay.port, &["watch", "a.", "--rev", "0", "--relist"]));
    let events = |count: usize| -> Vec<String> {
        let lines = (0..count).map(|_| watch.line());
        lines
            .map(|line| format!("{} {}", field(&line, "event"), field(&line, "name")))
            .collect()
    };
    assert_eq!(events(2), ["put a.both", "put a.old"]);
    let other = Ns::start(&[]);
    for name in ["a.both", "a.new"] {
        other.told(&["register", name, "PYRO:x@h:1"]);
    }
    relay.cut();
    relay.lead_to(other.port);
    ns.kill();
    assert_eq!(events(3), ["remove a.old", "put a.both", "put a.new"]);
    other.told(&["remove", "a.new"]);
    assert_eq!(events(1), ["remove a.new"]);
}

#[test]
fn a_command_runs_for_every_change_one_after_the_other() {
    let ns = Ns::start(&[]);
    // A tool of ours takes no offence at the variables.
    let lookup = format!(
        "{} nsc -n 127.0.0.1 -p {} lookup a",
        env!("CARGO_BIN_EXE_ferropyro"),
        ns.port
    );
    let script = format!("echo $PYRO_EVENT $PYRO_NAME $PYRO_URI $PYRO_METADATA $PYRO_REVISION; {lookup}; exit 3");
    let watch = ns.watch(&["a", "--", "sh", "-c", &script]);
    ns.told(&["register", "a", "PYRO:x@h:1", "t 1", "t2"]);
    let line = watch.line();
    let (shown, first) = line.rsplit_once(' ').unwrap();
    assert_eq!(shown, "put a PYRO:x@h:1 [\"t 1\", \"t2\"]");
    assert_eq!(watch.line(), "PYRO:x@h:1");
    assert_eq!(watch.line(), "metadata: {'t 1', 't2'}");
    assert!(watch.note().contains("the command for a ended with exit status: 3"));
    ns.told(&["remove", "a"]);
    let second = first.parse::<u64>().unwrap() + 1;
    assert_eq!(watch.line(), format!("remove a [] {second}"));
    let named = ns.watch(&["--env-prefix", "NS_", "--", "sh", "-c", "echo $NS_NAME-$PYRO_NAME"]);
    ns.told(&["register", "b", "PYRO:x@h:1"]);
    assert_eq!(named.line(), "b-");
}

#[test]
fn who_waits_ends_when_nobody_reads_any_more() {
    let ns = Ns::start(&[]);
    let mut command = ns.command(&["watch"]);
    let (reader, writer) = std::io::pipe().unwrap();
    command.stdout(writer);
    let mut child = command.stderr(std::process::Stdio::null()).spawn().unwrap();
    drop((command, reader));
    // It notices when it has something to tell; it may not watch yet when the first ones happen.
    while child.try_wait().unwrap().is_none() {
        ns.told(&["register", "a", "PYRO:x@h:1"]);
        ns.told(&["remove", "a"]);
    }
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
