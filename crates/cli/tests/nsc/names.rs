//! Names that are there while a program runs, and names that are taken out.

use rustix::process::Signal;

use crate::programs::{Folder, Ns, Program, stderr, stdout};

// Conformance: NSC-13
#[test]
fn a_name_is_there_while_the_other_command_runs_whose_status_becomes_ours() {
    let ns = Ns::start(&[]);
    let binary = env!("CARGO_BIN_EXE_ferropyro");
    let script = format!("{binary} nsc -n 127.0.0.1 -p {} lookup a; exit 7", ns.port);
    let command = [
        "register",
        "--ttl",
        "60",
        "a",
        "PYRO:x@h:1",
        "tag",
        "--",
        "sh",
        "-c",
        &script,
    ];
    let output = ns.nsc(&command);
    assert_eq!(output.status.code(), Some(7), "{output:?}");
    assert_eq!(stdout(&output), "PYRO:x@h:1\nmetadata: {'tag'}\n");
    assert_eq!(stderr(&output), "Registered a\n");
    assert_eq!(ns.nsc(&["lookup", "a"]).status.code(), Some(1));
    // A name that is somebody's stays so, and the command does not run.
    ns.told(&["register", "a", "PYRO:y@h:1"]);
    let output = ns.nsc(&["register", "--ttl", "60", "a", "PYRO:x@h:1", "--", "echo", "ran"]);
    assert_eq!(
        (output.status.code(), stdout(&output).as_str()),
        (Some(1), ""),
        "{output:?}"
    );
    assert!(stderr(&output).contains("name already registered: a"), "{output:?}");
    assert_eq!(ns.told(&["lookup", "a"]), "PYRO:y@h:1\n");
    // Nor does a name stay when there is nothing to run.
    let output = ns.nsc(&["register", "--ttl", "60", "b", "PYRO:x@h:1", "--", "/no/such/program"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("cannot start /no/such/program: "),
        "{output:?}"
    );
    assert_eq!(ns.nsc(&["lookup", "b"]).status.code(), Some(1));
}

#[test]
fn a_name_goes_with_the_command_that_keeps_it() {
    let ns = Ns::start(&[]);
    for (signal, status) in [(Signal::INT, Some(0)), (Signal::TERM, Some(0))] {
        let keeper = Program::start(ns.command(&["register", "--ttl", "60", "a", "PYRO:x@h:1"]));
        assert_eq!(keeper.line(), "Registered a");
        assert_eq!(ns.told(&["lookup", "a"]), "PYRO:x@h:1\n");
        keeper.signal(signal);
        assert_eq!(keeper.status(), status);
        assert_eq!(ns.nsc(&["lookup", "a"]).status.code(), Some(1));
    }
    // Killed, it goes a little later.
    let watch = ns.watch(&["a"]);
    let keeper = Program::start(ns.command(&["register", "--ttl", "1", "a", "PYRO:x@h:1"]));
    assert!(watch.line().contains("\"put\""));
    keeper.signal(Signal::KILL);
    assert!(watch.line().contains("\"remove\""));
}

#[test]
fn a_name_comes_back_after_the_name_server_was_silent() {
    let ns = Ns::start(&[]);
    let keeper = Program::start(ns.command(&["register", "--ttl", "1", "a", "PYRO:x@h:1"]));
    assert_eq!(keeper.line(), "Registered a");
    ns.signal(Signal::STOP);
    assert!(keeper.note().starts_with("warning: a is not kept alive: "));
    ns.signal(Signal::CONT);
    assert_eq!(keeper.note(), "a is kept alive again");
    assert_eq!(ns.told(&["lookup", "a"]), "PYRO:x@h:1\n");
    // Nor does a silent one hold up the end.
    ns.signal(Signal::STOP);
    keeper.signal(Signal::TERM);
    assert_eq!(keeper.status(), Some(0));
    ns.signal(Signal::CONT);
}

#[test]
fn who_ends_the_keeper_of_a_name_ends_the_other_command() {
    let ns = Ns::start(&[]);
    let script = "trap 'echo ended; exit 9' TERM; echo started; while :; do sleep 0.1; done";
    let command = ["register", "--ttl", "60", "a", "PYRO:x@h:1", "--", "sh", "-c", script];
    let keeper = Program::start(ns.command(&command));
    assert_eq!(keeper.line(), "started");
    keeper.signal(Signal::TERM);
    assert_eq!(keeper.line(), "ended");
    assert_eq!(keeper.status(), Some(9));
    assert_eq!(ns.nsc(&["lookup", "a"]).status.code(), Some(1));
}

// Conformance: NSC-13, NSC-17
#[test]
fn a_command_behind_two_hyphens_needs_a_time_and_a_name_does_not() {
    let ns = Ns::start(&[]);
    let output = ns.nsc(&["register", "a", "PYRO:x@h:1", "--", "true"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("requires --ttl"), "{output:?}");
    for (args, text) in [
        (&["register", "--ttl", "0", "a", "PYRO:x@h:1"][..], "above 0"),
        (&["register", "--ttl", "1", "a", "nonsense"], "nonsense"),
        (&["register", "--ttl", "1", "a"], "requires two arguments: name uri"),
    ] {
        let output = ns.nsc(args);
        assert_eq!(
            (output.status.code(), stdout(&output).as_str()),
            (Some(2), ""),
            "{output:?}"
        );
        assert!(stderr(&output).contains(text), "{output:?}");
    }
    assert_eq!(ns.told(&["register", "--", "-a", "PYRO:x@h:1"]), "Registered -a\n");
    assert_eq!(ns.told(&["remove", "--", "-a"]), "Removed -a\n");
}

#[test]
fn a_storage_without_times_to_live_says_so() {
    let folder = Folder::new();
    let ns = Ns::start(&["-s", &format!("dbm:{}", folder.path("names"))]);
    let output = ns.nsc(&["register", "--ttl", "1", "a", "PYRO:x@h:1"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("DbmStorage doesn't support names for a while only"),
        "{output:?}"
    );
}

// Conformance: NSC-14, NSC-15
#[test]
fn what_would_be_removed_is_told_and_stays() {
    let ns = Ns::start(&[]);
    for name in ["a.1", "a.2", "b"] {
        ns.told(&["register", name, "PYRO:x@h:1"]);
    }
    assert_eq!(ns.told(&["remove", "b", "--dry-run"]), "Would remove b\n");
    for name in ["nobody", "Pyro.NameServer"] {
        assert_eq!(ns.told(&["remove", name, "--dry-run"]), "Nothing would be removed\n");
    }
    for which in [&["a"][..], &["--prefix", "a."]] {
        let output = ns.nsc(&[&["removematching", "--dry-run"], which].concat());
        assert_eq!(
            (stdout(&output), stderr(&output)),
            ("a.1\na.2\n".into(), "2 items would be removed.\n".into())
        );
    }
    assert_eq!(ns.told(&["removematching", ".*", "--dry-run"]), "a.1\na.2\nb\n");
    assert_eq!(ns.told(&["list", "--count"]), "4\n");
}

// Conformance: NSC-15
#[test]
fn many_names_are_removed_by_who_is_sure() {
    let ns = Ns::start(&[]);
    for name in ["a.1", "a.2", "b.1", "ab"] {
        ns.told(&["register", name, "PYRO:x@h:1"]);
    }
    let prompt = "Potentially removing lots of items from the Name server. Are you sure (y/n)?";
    for answer in ["n\n", ""] {
        assert_eq!(
            stdout(&ns.nsc_with(&["removematching", "--prefix", "a."], answer)),
            prompt
        );
        assert_eq!(stdout(&ns.nsc_with(&["removematching", "a"], answer)), prompt);
    }
    // A prefix is no pattern.
    let removed = stdout(&ns.nsc_with(&["removematching", "--prefix", "a."], "y\n"));
    assert_eq!(removed, format!("{prompt}2 items removed.\n"));
    assert_eq!(ns.told(&["removematching", "--yes", "b"]), "1 items removed.\n");
    assert_eq!(ns.told(&["removematching", ".*", "-y"]), "1 items removed.\n");
    assert_eq!(ns.told(&["list", "--count"]), "1\n");
    for args in [
        &["removematching", "--prefix", "", "-y"][..],
        &["removematching", "a", "--prefix", "a"],
    ] {
        assert_eq!(ns.nsc(args).status.code(), Some(2));
    }
}
