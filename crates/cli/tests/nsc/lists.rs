//! Lists in other forms, and names that are dead.

use std::net::TcpListener;

use crate::programs::{Ns, stderr, stdout};

/// A port at which nobody listens.
fn dead_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

// Conformance: NSC-08, NSC-10, NSC-11, NSC-12
#[test]
fn lists_have_the_form_that_is_asked_for() {
    let ns = Ns::start(&[]);
    ns.told(&["register", "b", "PYRO:x@h:20", "roof", "sensor"]);
    ns.told(&["register", "a", "PYRO:y@h:100", "--tag", "sensor"]);
    let a = r#"{"name": "a", "uri": "PYRO:y@h:100", "metadata": ["sensor"]}"#;
    let b = r#"{"name": "b", "uri": "PYRO:x@h:20", "metadata": ["roof", "sensor"]}"#;
    assert_eq!(
        ns.told(&["listmeta_any", "sensor", "-o", "json"]),
        format!("[{a}, {b}]\n")
    );
    assert_eq!(
        ns.told(&["listmatching", "[ab]$", "-o", "jsonl"]),
        format!("{a}\n{b}\n")
    );
    assert_eq!(
        ns.told(&["listmeta_all", "sensor", "roof", "-o", "json"]),
        format!("[{b}]\n")
    );
    assert_eq!(ns.told(&["yplookup_all", "nobody", "-o", "json"]), "[]\n");
    assert_eq!(ns.told(&["list", "nobody", "-o", "jsonl"]), "");
    assert_eq!(ns.told(&["lookup", "b", "-o", "json"]), format!("{b}\n"));
    assert_eq!(
        ns.told(&["list", "a", "-o", "table"]),
        "NAME  URI           TAGS\na     PYRO:y@h:100  sensor\n"
    );
    for (order, expected) in [("name", [a, b]), ("uri", [b, a]), ("server", [b, a])] {
        let list = ns.told(&["listmeta_any", "sensor", "-o", "jsonl", "--sort", order]);
        assert_eq!(list, format!("{}\n", expected.join("\n")), "{order}");
    }
    assert_eq!(ns.told(&["list", "--count"]), "3\n");
    assert_eq!(ns.told(&["list", "a", "--count", "-o", "json"]), "{\"count\": 1}\n");
    // Without any of these it is Pyro's.
    assert_eq!(
        ns.told(&["list", "a"]),
        "--------START LIST - prefix 'a'\na --> PYRO:y@h:100\n    metadata: {'sensor'}\n--------END LIST - prefix 'a'\n"
    );
    assert_eq!(ns.told(&["list", "a", "--sort", "name"]), ns.told(&["list", "a"]));
}

// Conformance: NSC-17
#[test]
fn errors_keep_out_of_the_data() {
    let ns = Ns::start(&[]);
    for args in [
        &["lookup", "nobody", "-o", "json"],
        &["listmatching", "[", "-o", "json"],
    ] {
        let output = ns.nsc(args);
        assert_eq!(
            (output.status.code(), stdout(&output).as_str()),
            (Some(1), ""),
            "{output:?}"
        );
        assert!(stderr(&output).starts_with("error: "), "{output:?}");
    }
    let output = ns.nsc(&["lst"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(stderr(&output), "unknown command 'lst' (is it 'list'?); try --help\n");
}

// Conformance: NSC-01, NSC-02, NSC-03
#[test]
fn options_of_the_name_server_may_stand_behind_the_command() {
    let ns = Ns::start(&[]);
    let port = ns.port.to_string();
    for args in [
        &["-n", "127.0.0.1", "-p", &port, "list", "Pyro"][..],
        &["list", "-n", "127.0.0.1", "-p", &port, "Pyro"],
        &["-n", "127.0.0.1", "list", "Pyro", "--port", &port],
        &["-n", "nowhere.invalid", "-p", &port, "list", "Pyro", "-n", "127.0.0.1"],
    ] {
        let output = crate::programs::ferropyro(&[&["nsc"], args].concat()).output().unwrap();
        assert!(stdout(&output).contains("Pyro.NameServer --> "), "{args:?}: {output:?}");
    }
}

#[test]
fn only_names_whose_server_cannot_be_reached_are_dead() {
    let ns = Ns::start(&[]);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let live = listener.local_addr().unwrap().port();
    let uri = |port: u16| format!("PYRO:x@127.0.0.1:{port}");
    let here = ns.port;
    ns.told(&["register", "live", &uri(live)]);
    ns.told(&["register", "alias", &format!("PYRONAME:live@127.0.0.1:{here}")]);
    ns.told(&["register", "alias without place", "PYRONAME:live"]);
    ns.told(&["register", "lost", &format!("PYRONAME:nobody@127.0.0.1:{here}")]);
    ns.told(&["register", "unix", "PYRO:x@./u:/nowhere/at/all"]);
    // More than are tried at a time.
    let dead: Vec<String> = (0..20).map(|number| format!("dead.{number:02}")).collect();
    for name in &dead {
        ns.told(&["register", name, &uri(dead_port())]);
    }
    let found = ns.told(&["list", "--dead", "-o", "jsonl"]);
    let names: Vec<&str> = found.lines().map(|line| line.split('"').nth(3).unwrap()).collect();
    let mut expected: Vec<&str> = dead.iter().map(String::as_str).collect();
    expected.extend(["lost", "unix"]);
    assert_eq!(names, expected);
    assert!(found.lines().all(|line| line.contains("\"reason\": \"")), "{found}");
    assert!(found.contains("unknown name: nobody"), "{found}");
    assert_eq!(ns.told(&["list", "dead.", "--dead", "--count"]), "20\n");
    assert!(
        ns.told(&["list", "dead.00", "--dead"])
            .contains("\n    unreachable: 127.0.0.1:")
    );
    assert_eq!(ns.told(&["lookup", "live", "--dead", "-o", "json"]), "null\n");
    assert!(
        ns.told(&["lookup", "unix", "--dead", "-o", "json"])
            .contains("\"reason\"")
    );
}
