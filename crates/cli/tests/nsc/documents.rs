//! Names in documents, and from one storage to another.

use std::fs;
use std::process::Output;

use crate::programs::{Folder, Ns, ferropyro, stderr, stdout};

#[test]
fn an_exported_document_is_imported_as_it_was() {
    let folder = Folder::new();
    let (one, other) = (Ns::start(&[]), Ns::start(&[]));
    one.told(&["register", "ä \"quoted\"", "PYRO:x@h:1", "t", "ü"]);
    one.told(&["register", "b", "PYRONAME:a"]);
    let file = folder.path("names.json");
    assert_eq!(one.told(&["export", &file]), "");
    let text = fs::read_to_string(&file).unwrap();
    assert_eq!(text, one.told(&["export"]));
    assert_eq!(text, one.told(&["export", "-"]));
    assert!(
        text.starts_with("{\"format\": \"ferropyro names\", \"version\": 1, \"names\": [\n"),
        "{text}"
    );
    assert!(!text.contains("Pyro.NameServer"), "{text}");
    assert_eq!(folder.files(), ["names.json"]);
    let output = other.nsc(&["import", &file, "--dry-run"]);
    assert_eq!(
        stdout(&output),
        "add b --> PYRONAME:a\nadd ä \"quoted\" --> PYRO:x@h:1\n"
    );
    assert_eq!(other.told(&["list", "--count"]), "1\n");
    assert_eq!(
        other.told(&["import", &file]),
        "Imported 2 names (2 new, 0 replaced); 0 were there already.\n"
    );
    assert_eq!(other.told(&["export"]), text);
    // A second time there is nothing to do.
    let again = other.nsc_with(&["import", "-"], &text);
    assert_eq!(
        stdout(&again),
        "Imported 0 names (0 new, 0 replaced); 2 were there already.\n"
    );
}

#[test]
fn an_import_replaces_nothing_unless_it_is_told_to() {
    let ns = Ns::start(&[]);
    for name in ["a", "b"] {
        ns.told(&["register", name, "PYRO:x@h:1"]);
    }
    let document = ns
        .told(&["export"])
        .replace("\n]}\n", ",\n{\"name\": \"c\", \"uri\": \"PYRO:x@h:1\"}\n]}\n");
    ns.told(&["remove", "a"]);
    ns.told(&["setmeta", "b", "other"]);
    let refused = ns.nsc_with(&["import", "-"], &document);
    assert_eq!((refused.status.code(), stdout(&refused).as_str()), (Some(1), ""));
    assert!(
        stderr(&refused).contains("1 names are there already, and lead elsewhere or have other tags: b"),
        "{refused:?}"
    );
    assert_eq!(ns.told(&["list", "--count"]), "2\n");
    let done = ns.nsc_with(&["import", "-", "--replace"], &document);
    assert_eq!(
        stdout(&done),
        "Imported 3 names (2 new, 1 replaced); 0 were there already.\n",
        "{done:?}"
    );
    assert_eq!(ns.told(&["lookup", "b"]), "PYRO:x@h:1\n");
}

#[test]
fn a_document_with_a_mistake_changes_nothing() {
    let ns = Ns::start(&[]);
    let good = r#"{"name": "good", "uri": "PYRO:x@h:1"}"#;
    for bad in [r#"{"name": "bad", "uri": "nonsense"}"#, good, r#"{"name": "bad"}"#, "5"] {
        let document = format!(r#"{{"format": "ferropyro names", "version": 1, "names": [{good}, {bad}]}}"#);
        let output = ns.nsc_with(&["import", "-"], &document);
        assert_eq!(
            (output.status.code(), stdout(&output).as_str()),
            (Some(1), ""),
            "{output:?}"
        );
        assert!(stderr(&output).contains("names[1]: "), "{output:?}");
    }
    assert_eq!(ns.told(&["list", "--count"]), "1\n");
}

#[test]
fn a_time_to_live_in_a_document_is_kept_or_refused_before_the_first_change() {
    let folder = Folder::new();
    let document = r#"{"format": "ferropyro names", "version": 1, "names": [
        {"name": "ever", "uri": "PYRO:x@h:1"}, {"name": "while", "uri": "PYRO:x@h:1", "ttl": 1}]}"#;
    let ns = Ns::start(&[]);
    let watch = ns.watch(&["while"]);
    assert!(ns.nsc_with(&["import", "-"], document).status.success());
    assert!(watch.line().contains("\"put\""));
    assert!(watch.line().contains("\"remove\""));
    let dbm = Ns::start(&["-s", &format!("dbm:{}", folder.path("names"))]);
    let output = dbm.nsc_with(&["import", "-"], document);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("while: 0 of 2 names are imported"),
        "{output:?}"
    );
    assert_eq!(dbm.told(&["list", "--count"]), "1\n");
}

#[test]
fn a_name_server_without_tags_loses_them_aloud() {
    let folder = Folder::new();
    let ns = Ns::start(&["-s", &format!("dbm:{}", folder.path("names"))]);
    let document = r#"{"format": "ferropyro names", "version": 1, "names": [
        {"name": "a", "uri": "PYRO:x@h:1", "metadata": ["t"]}]}"#;
    let output = ns.nsc_with(&["import", "-"], document);
    assert!(stderr(&output).contains("those of 1 names are lost"), "{output:?}");
}

fn migrate(args: &[&str]) -> Output {
    ferropyro(&[&["nsc", "migrate"], args].concat()).output().unwrap()
}

/// A storage in an SQLite file with some names in it.
fn filled(folder: &Folder) -> String {
    let spec = format!("sql:{}", folder.path("old.db"));
    let ns = Ns::start(&["-s", &spec]);
    ns.told(&["register", "a", "PYRO:x@h:1", "t1", "t2"]);
    for number in 0..40 {
        ns.told(&["register", &format!("b.{number}"), &format!("PYRO:x@h:{}", number + 1)]);
    }
    spec
}

/// What a name server with this storage has.
fn names_in(spec: &str) -> String {
    Ns::start(&["-s", spec]).told(&["export"])
}

#[test]
fn names_go_from_one_storage_to_another_and_are_compared() {
    let folder = Folder::new();
    let old = filled(&folder);
    let new = format!("sql:{}", folder.path("new.db"));
    let output = migrate(&[&old, &new, "--dry-run"]);
    assert_eq!(
        stdout(&output),
        format!("Would migrate 41 names from {old} to {new}.\n"),
        "{output:?}"
    );
    assert!(!folder.files().contains(&"new.db".to_owned()));
    let output = migrate(&[&old, &new]);
    assert_eq!(
        stdout(&output),
        format!("Migrated 41 names from {old} to {new}.\n"),
        "{output:?}"
    );
    assert_eq!(stderr(&output), "");
    assert_eq!(names_in(&old), names_in(&new));
    // The name server that ran on it is registered there, but nobody else's.
    let output = migrate(&[&old, &new]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(
        stderr(&output).contains("is not empty: it has 41 names; --yes"),
        "{output:?}"
    );
    let more = Ns::start(&["-s", &new]);
    more.told(&["register", "another", "PYRO:x@h:1"]);
    more.told(&["setmeta", "a"]);
    more.kill();
    let output = migrate(&[&old, &new, "--yes"]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(stderr(&output), format!("1 other names stay in {new}.\n"));
    let names = Ns::start(&["-s", &new]);
    assert_eq!(names.told(&["lookup", "a"]), "PYRO:x@h:1\nmetadata: {'t1', 't2'}\n");
    assert_eq!(names.told(&["lookup", "another"]), "PYRO:x@h:1\n");
}

#[test]
fn a_migration_tells_what_is_lost() {
    let folder = Folder::new();
    let (old, dbm) = (filled(&folder), format!("dbm:{}", folder.path("names")));
    for args in [&[&*old, &*dbm, "--dry-run"][..], &[&old, &dbm]] {
        let output = migrate(args);
        assert!(output.status.success(), "{output:?}");
        assert_eq!(
            stderr(&output),
            format!("warning: {dbm} keeps no tags: those of 1 names are lost\n")
        );
    }
    let back = format!("sql:{}", folder.path("back.db"));
    assert!(migrate(&[&dbm, &back]).status.success());
    assert_eq!(names_in(&back), names_in(&old).replace("\"t1\", \"t2\"", ""));
}

#[test]
fn storages_that_make_no_sense_are_refused_and_not_made() {
    let folder = Folder::new();
    let (old, missing) = (filled(&folder), format!("sql:{}", folder.path("missing.db")));
    let also = old.replace("old.db", "./old.db");
    for (args, status) in [
        ([&*missing, &*old], 3),
        ([&old, &old], 2),
        ([&old, &also], 2),
        ([&old, "nonsense:x"], 2),
        (["memory", &missing], 2),
        ([&old, "memory"], 2),
    ] {
        let output = migrate(&args);
        assert_eq!(
            (output.status.code(), stdout(&output).as_str()),
            (Some(status), ""),
            "{args:?}: {output:?}"
        );
    }
    assert!(!folder.files().contains(&"missing.db".to_owned()));
    fs::write(folder.path("damaged.db"), "this is no database").unwrap();
    let output = migrate(&[&format!("sql:{}", folder.path("damaged.db")), &missing]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(!folder.files().contains(&"missing.db".to_owned()));
}
