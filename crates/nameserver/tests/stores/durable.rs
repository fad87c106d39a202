//! What holds for the stores that keep names in files.

use std::fs;

use ferropyro_nameserver::store::{self, Store};

use crate::behaviour::entry;
use crate::places::{Kind, Place};

fn filled(store: &dyn Store, count: usize) {
    for number in 0..count {
        let name = format!("name{number}");
        store
            .put(&name, entry(&format!("PYRO:obj{number}@h:1"), &["x"]), false)
            .unwrap();
    }
}

// Conformance: STO-02
#[test]
fn a_log_without_its_file_is_not_thrown_away() {
    let place = Place::new(Kind::Sql);
    let store = place.open();
    filled(&*store, 3);
    let wal = place.path().with_file_name("names-wal");
    let log = fs::read(&wal).unwrap();
    assert!(!log.is_empty());
    store.close().unwrap();
    drop(store);
    fs::remove_file(place.path()).unwrap();
    fs::write(&wal, &log).unwrap();
    let error = place.try_open().err().unwrap();
    assert!(error.message().contains("names-wal"), "{error}");
    assert_eq!(fs::read(&wal).unwrap(), log);
}

// Conformance: STO-02
#[test]
fn the_database_of_another_program_is_refused() {
    let place = Place::new(Kind::Sql);
    let other = rusqlite::Connection::open(place.path()).unwrap();
    other.execute_batch("CREATE TABLE recipes(name)").unwrap();
    drop(other);
    let error = place.try_open().err().unwrap();
    assert!(error.message().contains("recipes"), "{error}");
}

// Conformance: STO-02
#[test]
fn what_is_no_database_is_refused_and_left_alone() {
    let place = Place::new(Kind::Sql);
    fs::write(place.path(), "hello, this is a text and no database ".repeat(100)).unwrap();
    let error = place.try_open().err().unwrap();
    assert!(error.message().contains("not a database"), "{error}");
    assert!(fs::read_to_string(place.path()).unwrap().starts_with("hello"));
}

#[test]
fn changes_of_another_program_are_seen_by_the_next_change_and_now_and_then() {
    for kind in [Kind::Sql, Kind::DbmSqlite, Kind::DbmDumb] {
        let place = Place::new(kind);
        let (one, other) = (place.open(), place.open());
        one.put("a", entry("PYRO:a@h:1", &[]), true).unwrap();
        assert!(!other.put("a", entry("PYRO:b@h:1", &[]), true).unwrap(), "{kind:?}");
        other.put("b", entry("PYRO:b@h:1", &[]), true).unwrap();
        one.tend().unwrap();
        assert_eq!(one.get("b").unwrap().unwrap().uri, "PYRO:b@h:1", "{kind:?}");
        one.remove(&["a"]).unwrap();
        other.tend().unwrap();
        assert!(other.get("a").unwrap().is_none(), "{kind:?}");
    }
}

// Conformance: STO-03
#[test]
fn a_line_that_was_not_written_to_its_end_is_dropped() {
    let place = Place::new(Kind::DbmDumb);
    filled(&*place.open(), 2);
    let index = place.path().with_file_name("names.dir");
    let mut lines = fs::read(&index).unwrap();
    lines.extend_from_slice(b"'name2', (10");
    fs::write(&index, &lines).unwrap();
    let store = place.open();
    assert_eq!(store.count().unwrap(), 2);
    filled(&*store, 3);
    assert_eq!(place.open().count().unwrap(), 3);
}

// Conformance: STO-03
#[test]
fn files_of_gdbm_and_ndbm_are_refused_with_the_command_that_converts_them() {
    for (suffix, start, format) in [
        ("", &[0xce, 0x9a, 0x57, 0x13][..], "gdbm"),
        ("", &[0x13, 0x57, 0x9a, 0xcf], "gdbm"),
        (".db", &[], "ndbm"),
    ] {
        let place = Place::new(Kind::DbmDumb);
        let path = place.path().with_file_name(format!("names{suffix}"));
        fs::write(&path, start).unwrap();
        let error = store::dbm(place.path()).err().unwrap();
        assert!(error.message().contains(format), "{error}");
        assert!(error.message().contains("python3 -c"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), start);
    }
}

/// T22 of the limits.
#[test]
fn a_damaged_file_is_refused_or_all_of_it_is_there() {
    const NAMES: usize = 60;
    for kind in [Kind::Sql, Kind::DbmSqlite] {
        let place = Place::new(kind);
        let store = place.open();
        filled(&*store, NAMES);
        store.close().unwrap();
        drop(store);
        let whole = fs::read(place.path()).unwrap();
        let mut refused = 0;
        for round in 0..500usize {
            let mut damaged = whole.clone();
            let at = round.wrapping_mul(2_654_435_761) % whole.len();
            match round % 5 {
                0 => damaged.truncate(at),
                _ => damaged[at] ^= 1 << (round % 8),
            }
            let place = Place::new(kind);
            fs::write(place.path(), &damaged).unwrap();
            match place.try_open() {
                Err(error) => {
                    assert!(error.message().contains("names"), "{error}");
                    refused += 1;
                }
                Ok(store) => {
                    let found = store.entries().unwrap();
                    // An empty file is one that has yet to be filled.
                    assert!(
                        found.len() == NAMES || damaged.is_empty(),
                        "{kind:?}: {at} of {}",
                        whole.len()
                    );
                }
            }
        }
        assert!(refused > 100, "{kind:?}: {refused}");
    }
}

#[test]
fn a_file_that_somebody_holds_locked_takes_no_change_and_is_read_all_the_same() {
    let place = Place::new(Kind::Sql);
    let store = place.open();
    filled(&*store, 2);
    let other = rusqlite::Connection::open(place.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = store.put("new", entry("PYRO:a@h:1", &[]), true).unwrap_err();
    assert!(
        error.message().contains("sqlite error in setitem: database is locked"),
        "{error}"
    );
    assert_eq!(store.get("name1").unwrap().unwrap().uri, "PYRO:obj1@h:1");
    assert!(store.get("new").unwrap().is_none());
    other.execute_batch("ROLLBACK").unwrap();
    assert!(store.put("new", entry("PYRO:a@h:1", &[]), true).unwrap());
    assert_eq!(place.open().count().unwrap(), 3);
}
