//! `--config` and `--check`.

use std::os::unix::fs::symlink;
use std::process::Command;

use crate::running::{Running, client, file, run};

#[test]
fn a_file_has_settings_and_variables_and_options_count_more() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let text = "
host = '127.0.0.1'
port = 1
storage = 'sql:names.db'
nathost = 'file.example'
natport = 4711
key_file = 'key'
read_only = false

[settings]
NS_AUTOCLEAN = 10
LOGFILE = 'ns.log'
LOGLEVEL = 'INFO,Pyro.naming=DEBUG'
SERIALIZERS_ACCEPTED = ['serpent', 'json']
DETAILED_TRACEBACK = true
";
    file(folder, "ns.toml", text);
    file(folder, "key", "secret\n");
    let config = ["--config", "ns.toml"];
    let (server, uri) = Running::ns(folder, &config, &[]);
    assert!(uri.to_string().starts_with("PYRO:Pyro.NameServer@127.0.0.1:"), "{uri}");
    assert_eq!(
        server.out.next_with("external URI = "),
        "external URI = PYRO:Pyro.NameServer@file.example:4711"
    );
    assert!(folder.join("names.db").exists());
    let log = std::fs::read_to_string(folder.join("ns.log")).unwrap();
    assert!(log.contains("level=INFO,Pyro.naming=DEBUG"), "{log}");
    drop(server);
    let variable = [("PYRO_NATHOST", "variable.example"), ("PYRO_NATPORT", "0")];
    let (server, _) = Running::ns(folder, &config, &variable);
    server
        .out
        .next_with("external URI = PYRO:Pyro.NameServer@variable.example:");
    drop(server);
    let option = [&config[..], &["--nathost", "option.example"]].concat();
    let (server, _) = Running::ns(folder, &option, &variable);
    server
        .out
        .next_with("external URI = PYRO:Pyro.NameServer@option.example:");
}

#[test]
fn a_read_only_name_server_takes_no_names() {
    let folder = tempfile::tempdir().unwrap();
    let (_server, uri) = Running::ns(folder.path(), &["--read-only"], &[]);
    let ns = client(&uri);
    assert_eq!(ns.lookup("Pyro.NameServer").unwrap(), uri);
    let error = ns.register("thing", &"PYRO:thing@h:1".parse().unwrap()).unwrap_err();
    assert!(error.to_string().contains("this name server is read-only"), "{error}");
}

#[test]
fn a_file_that_makes_no_sense_is_refused_with_the_line_and_what_is_known() {
    let folder = tempfile::tempdir().unwrap();
    for (text, expected) in [
        (
            "\nprot = 1",
            "ns.toml, line 2: unknown field `prot`, expected one of `host`, `port`,",
        ),
        ("port = 'many'", "ns.toml, line 1: port cannot be many: "),
        ("port = 70000", "ns.toml, line 1: port cannot be 70000: "),
        ("host =", "ns.toml, line 1: "),
        ("\n\nread_only = 1", "ns.toml, line 3: invalid type"),
        (
            "[settings]\nNS_AUTOCLAEN = 10",
            "line 2: there is no setting 'NS_AUTOCLAEN' (did you mean NS_AUTOCLEAN?)",
        ),
        (
            "[settings]\nHMAC_KEY = 'x'",
            "line 2: 'HMAC_KEY' cannot be set in this file",
        ),
        (
            "[settings]\nSSL = 'perhaps'",
            "line 2: SSL is true or false, not perhaps",
        ),
        (
            "[settings]\n# a comment\nNS_AUTOCLEAN = 'never'",
            "line 3: NS_AUTOCLEAN cannot be never: ",
        ),
        ("[settings]\nHOST = { name = 'x' }", "line 2: HOST cannot be table"),
        ("key_file = 'nowhere'", "cannot read the key_file nowhere: "),
    ] {
        file(folder.path(), "ns.toml", text);
        for extra in [&[][..], &["--check"]] {
            let args = [&["ns", "-p", "0", "--config", "ns.toml"], extra].concat();
            let (status, out, err) = run(folder.path(), &args, &[]);
            assert_eq!((status, &*out), (Some(2), ""), "{text}: {err}");
            assert!(err.starts_with("error: ") && err.contains(expected), "{text}: {err}");
        }
    }
    let (status, _, err) = run(folder.path(), &["ns", "--config", "nowhere.toml"], &[]);
    assert_eq!(status, Some(2));
    assert!(err.contains("cannot read nowhere.toml: "), "{err}");
}

#[test]
fn a_check_tells_all_that_is_wrong_and_starts_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let text = "
host = 'no-such-host.invalid'
storage = 'sql:no-such-folder/names.db'
metrics_addr = 'no-such-host.invalid:9100'
[settings]
SSL = true
SSL_SERVERCERT = 'no-such-file.pem'
";
    file(folder, "bad.toml", text);
    let (status, out, err) = run(folder, &["ns", "--check", "--config", "bad.toml"], &[]);
    assert_eq!((status, &*out), (Some(2), ""), "{err}");
    let reasons: Vec<&str> = err.lines().collect();
    for (reason, expected) in reasons.iter().zip([
        "error: storage: there is no folder no-such-folder",
        "error: host 'no-such-host.invalid': ",
        "error: the address for metrics ",
        "no-such-file.pem",
    ]) {
        assert!(reason.contains(expected), "{err}");
    }
    assert_eq!(reasons.len(), 4, "{err}");
    let good = "host = 'localhost'\nstorage = 'sql:names.db'\nmetrics_addr = '9100'\nread_only = true";
    file(folder, "good.toml", good);
    let (status, out, err) = run(folder, &["ns", "--check", "--config", "good.toml"], &[]);
    assert_eq!((status, &*err), (Some(0), ""));
    assert_eq!(out, "The settings are all right.\n");
    assert!(!folder.join("names.db").exists());
    for storage in ["foo", "sql:", "sql::memory:"] {
        assert_eq!(run(folder, &["ns", "--check", "-s", storage], &[]).0, Some(2));
    }
}

#[test]
fn by_the_names_of_pyros_programs_there_are_their_options_only() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["pyro4-ns", "pyro5-ns"] {
        let link = folder.path().join(name);
        symlink(env!("CARGO_BIN_EXE_ferropyro"), &link).unwrap();
        for option in ["--read-only", "--check", "--config=x", "--metrics-addr=0"] {
            let output = Command::new(&link).arg(option).output().unwrap();
            assert_eq!(output.status.code(), Some(2), "{output:?}");
        }
        let help = Command::new(&link).arg("--help").output().unwrap();
        let help = String::from_utf8(help.stdout).unwrap();
        assert!(help.contains("--unixsocket") && !help.contains("--read-only"), "{help}");
    }
}
