//! What is particular about the store in etcd: where it is, what is there, and what becomes of operations when it is away.

use std::net::TcpListener;
use std::sync::Arc;
use std::thread;

use ferropyro::ErrorKind;
use ferropyro_nameserver::store::{self, Select, Store};

use crate::behaviour::entry;
use crate::etcd::{self, Etcd};

fn open(etcd: &Etcd, prefix: &str) -> Arc<dyn Store> {
    store::open(&format!("etcd:{}{prefix}", etcd.endpoints(0))).unwrap()
}

#[test]
fn an_etcd_that_is_not_there_is_named_with_the_reason() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let nowhere = listener.local_addr().unwrap();
    drop(listener);
    let error = store::open(&format!("etcd:{nowhere}")).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Naming);
    let text = error.message();
    assert!(text.starts_with("etcd error in open: "), "{text}");
    assert!(
        text.contains(&format!("{nowhere}: ")) && text.contains("refused"),
        "{text}"
    );
    let error = store::open("etcd:somewhere").err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Value);
}

#[test]
fn another_endpoint_is_asked_when_one_is_not_there() {
    if !etcd::is_installed() {
        return;
    }
    let etcd = Etcd::shared();
    let store = store::open(&format!("etcd:127.0.0.1:1,{}", etcd.endpoints(0))).unwrap();
    assert!(store.put("a", entry("PYRO:a@h:1", &[]), true).unwrap());
    assert_eq!(store.remove(&["a"]).unwrap(), 1);
}

#[test]
fn an_operation_that_gets_no_answer_says_whether_it_may_have_happened() {
    if !etcd::is_installed() {
        return;
    }
    let etcd = Etcd::start(1);
    let store = open(&etcd, "");
    store.put("a", entry("PYRO:a@h:1", &[]), true).unwrap();
    etcd.pause(0);
    let (read, changed) = thread::scope(|scope| {
        let read = scope.spawn(|| store.get("a").unwrap_err());
        let changed = scope.spawn(|| store.put("b", entry("PYRO:b@h:1", &[]), true).unwrap_err());
        (read.join().unwrap(), changed.join().unwrap())
    });
    let unknown = "it is not known whether the change was made";
    assert!(!read.message().contains(unknown), "{read}");
    assert!(
        read.message().starts_with("etcd error in getitem: 127.0.0.1:"),
        "{read}"
    );
    assert!(
        changed.message().starts_with("etcd error in setitem: 127.0.0.1:"),
        "{changed}"
    );
    assert!(changed.message().ends_with(unknown), "{changed}");
    etcd.resume(0);
    assert_eq!(store.get("a").unwrap().unwrap().uri, "PYRO:a@h:1");
    store.close().unwrap();
    let closed = store.get("a").unwrap_err();
    assert!(closed.message().contains("closed"), "{closed}");
}

#[test]
fn stores_with_the_same_prefix_are_one_and_others_are_not() {
    if !etcd::is_installed() {
        return;
    }
    let etcd = Etcd::shared();
    let (one, same) = (open(&etcd, "/team"), open(&etcd, "/team/"));
    let (other, all) = (open(&etcd, "/team/more"), open(&etcd, ""));
    one.put("a", entry("PYRO:a@h:1", &["x"]), true).unwrap();
    assert_eq!(same.get("a").unwrap(), one.get("a").unwrap());
    assert!(other.get("a").unwrap().is_none());
    assert_eq!(all.count().unwrap(), 0);
    assert!(!same.put("a", entry("PYRO:b@h:1", &[]), true).unwrap());
    // The name server's own entry is everybody's own.
    for (store, uri) in [(&one, "PYRO:ns@h:1"), (&same, "PYRO:ns@h:2")] {
        assert!(store.put("Pyro.NameServer", entry(uri, &["ns"]), false).unwrap());
    }
    for (store, uri) in [(&one, "PYRO:ns@h:1"), (&same, "PYRO:ns@h:2")] {
        assert_eq!(store.get("Pyro.NameServer").unwrap().unwrap().uri, uri);
        assert_eq!(store.count().unwrap(), 2);
        let selves = store.list(&Select::AllOf(["ns".to_owned()].into())).unwrap();
        assert_eq!(selves.len(), 1);
        assert_eq!(selves[0].1.uri, uri);
    }
    assert!(one.set_tags("Pyro.NameServer", ["y".to_owned()].into()).unwrap());
    assert!(!one.remove_if("Pyro.NameServer", "PYRO:ns@h:2").unwrap());
    assert_eq!(one.remove(&["Pyro.NameServer", "a"]).unwrap(), 2);
    assert_eq!(one.count().unwrap(), 0);
    assert_eq!(same.count().unwrap(), 1);
}

#[test]
fn what_others_wrote_hides_no_names_and_is_an_error_where_it_is_asked_for() {
    if !etcd::is_installed() {
        return;
    }
    let etcd = Etcd::shared();
    let store = open(&etcd, "/mixed");
    store.put("good", entry("PYRO:a@h:1", &[]), true).unwrap();
    // `/mixed/bad` and `/mixed/Pyro.NameServer` in base64, and no JSON in them.
    for key in ["L21peGVkL2JhZA==", "L21peGVkL1B5cm8uTmFtZVNlcnZlcg=="] {
        let request = format!(r#"{{"key": "{key}", "value": "aGVsbG8="}}"#);
        etcd.ask(0, "kv/put", &request).unwrap();
    }
    let error = store.get("bad").unwrap_err();
    assert!(error.message().contains("/mixed/bad is not a name's"), "{error}");
    assert_eq!(store.entries().unwrap().len(), 1);
    assert!(store.get("Pyro.NameServer").unwrap().is_none());
    assert_eq!(store.count().unwrap(), 2, "keys are counted, not read");
    assert!(store.put("bad", entry("PYRO:a@h:1", &[]), false).unwrap());
    assert_eq!(store.entries().unwrap().len(), 2);
}

#[test]
fn more_names_than_a_page_or_a_transaction_has_are_listed_and_removed() {
    const NAMES: usize = 2500;
    if !etcd::is_installed() {
        return;
    }
    let etcd = Etcd::shared();
    let store = open(&etcd, "/many");
    thread::scope(|scope| {
        for part in 0..25 {
            let store = &store;
            scope.spawn(move || {
                for number in 0..NAMES / 25 {
                    let name = format!("n{:05}", number * 25 + part);
                    assert!(store.put(&name, entry("PYRO:a@h:1", &[]), true).unwrap());
                }
            });
        }
    });
    let found = store.entries().unwrap();
    assert_eq!(found.len(), NAMES);
    assert!(found.is_sorted_by(|(one, _), (other, _)| one < other));
    assert_eq!(store.list(&Select::Prefix("n002".to_owned())).unwrap().len(), 100);
    let names: Vec<&str> = found.iter().map(|(name, _)| &**name).collect();
    assert_eq!(store.remove(&names[..1000]).unwrap(), 1000);
    assert_eq!(store.count().unwrap(), NAMES - 1000);
}
