//! T30 of the limits: what a history is told while etcd restarts, forgets, and lets leases end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ferropyro::Uri;
use ferropyro::naming::{Settings, locate_ns_with};
use ferropyro_nameserver::store::{self, Entry, Event, History, Store};
use ferropyro_nameserver::{NameServerBuilder, RunningNameServer};

use crate::behaviour::entry;
use crate::etcd::{self, Etcd};
use crate::gate::Gate;

const PATIENCE: Duration = Duration::from_secs(20);

fn open(etcd: &Etcd) -> Arc<dyn Store> {
    store::open(&format!("etcd:{}", etcd.endpoints(0))).unwrap()
}

/// A store on a way that can be shut.
fn through(gate: &Gate) -> Arc<dyn Store> {
    store::open(&format!("etcd:{}", gate.address())).unwrap()
}

fn watched(store: &dyn Store) -> (Arc<History>, u64) {
    let history = Arc::new(History::new());
    assert!(store.watch(&history));
    assert!(!store.watch(&history), "a store tells one history");
    let begin = history.latest();
    (history, begin)
}

/// Waits until the history has reached a revision.
fn reach(history: &History, revision: u64) {
    wait_until(|| history.latest() >= revision, "the history stays behind");
}

fn wait_until(holds: impl Fn() -> bool, otherwise: &str) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "{otherwise}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// What the events make of what was there.
fn replayed(events: &[Event]) -> BTreeMap<String, Entry> {
    let mut names = BTreeMap::new();
    for event in events {
        match &event.entry {
            Some(entry) => _ = names.insert(event.name.to_string(), Entry::clone(entry)),
            None => _ = names.remove(&*event.name),
        }
    }
    names
}

fn contents(store: &dyn Store) -> BTreeMap<String, Entry> {
    let entries = store.entries().unwrap().into_iter();
    entries
        .map(|(name, entry)| (name.to_string(), Entry::clone(&entry)))
        .collect()
}

/// Every revision of this etcd is one change of one name, so the truth is: each number once, and none is missing.
fn assert_whole(events: &[Event], begin: u64, end: u64) {
    let revisions: Vec<u64> = events.iter().map(|event| event.revision).collect();
    assert_eq!(revisions, (begin + 1..=end).collect::<Vec<_>>());
}

/// The history at each of so many restarts, under changes by two other stores.
fn restart(times: usize) {
    let etcd = Etcd::start(1);
    let store = open(&etcd);
    let (history, mut begin) = watched(&*store);
    let is_over = AtomicBool::new(false);
    let mut all = Vec::new();
    thread::scope(|scope| {
        for writer in 0..2 {
            let (etcd, is_over) = (&etcd, &is_over);
            scope.spawn(move || {
                let store = open(etcd);
                let mut number = 0;
                while !is_over.load(Ordering::Relaxed) {
                    number += 1;
                    let name = format!("{writer}.{}", number % 50);
                    // What fails meanwhile has happened or not; the revisions tell.
                    let _ = match number % 3 {
                        0 => store.remove(&[&name]).map(|_| true),
                        1 => store.put(&name, entry("PYRO:a@h:1", &["x"]), false),
                        _ => store.set_tags(&name, [format!("{number}")].into()),
                    };
                    thread::sleep(Duration::from_millis(2));
                }
            });
        }
        for _ in 0..times {
            thread::sleep(Duration::from_millis(200));
            etcd.restart(0);
            // So that nothing that was told falls out of the history.
            let revision = etcd.revision();
            reach(&history, revision);
            let latest = history.latest();
            let mut events = history.behind(begin, "").unwrap();
            events.retain(|event| event.revision <= latest);
            assert_whole(&events, begin, latest);
            begin = latest;
            all.append(&mut events);
        }
        is_over.store(true, Ordering::Relaxed);
    });
    let revision = etcd.revision();
    reach(&history, revision);
    let mut events = history.behind(begin, "").unwrap();
    assert_whole(&events, begin, revision);
    all.append(&mut events);
    assert!(
        all.len() > 10 * times,
        "there was too little to see: {} changes",
        all.len()
    );
    assert_eq!(replayed(&all), contents(&*store));
    store.close().unwrap();
}

#[test]
fn the_history_has_neither_gap_nor_repetition_when_etcd_restarts() {
    if etcd::is_installed() {
        restart(5);
    }
}

/// In full: `cargo nextest run -p ferropyro-nameserver --features etcd --run-ignored only -E 'test(watching)'`
#[test]
#[ignore = "takes two minutes"]
fn the_history_has_neither_gap_nor_repetition_when_etcd_restarts_a_hundred_times() {
    if etcd::is_installed() {
        restart(100);
    }
}

#[test]
fn what_etcd_has_forgotten_is_found_out_from_the_names() {
    if !etcd::is_installed() {
        return;
    }
    let etcd = Etcd::start(1);
    let gate = Gate::before(etcd.port(0));
    let (watching, other) = (through(&gate), open(&etcd));
    for name in ["stays", "goes", "changes"] {
        other.put(name, entry("PYRO:a@h:1", &[]), false).unwrap();
    }
    let (history, begin) = watched(&*watching);
    for round in 0..3 {
        let before = history.latest();
        gate.shut();
        other.remove(&["goes"]).unwrap();
        other
            .put("changes", entry(&format!("PYRO:b@h:{round}"), &[]), false)
            .unwrap();
        other.put("passes by", entry("PYRO:c@h:1", &[]), false).unwrap();
        other.remove(&["passes by"]).unwrap();
        other
            .put(&format!("new{round}"), entry("PYRO:d@h:1", &["x"]), true)
            .unwrap();
        let revision = etcd.revision();
        etcd.compact(revision);
        gate.open();
        reach(&history, revision);
        // All of it has happened, for those who watch, at the moment that is still known.
        let events = history.behind(before, "").unwrap();
        assert!(events.iter().all(|event| event.revision == revision), "{events:?}");
        let mut names: Vec<&str> = events.iter().map(|event| &*event.name).collect();
        names.sort_unstable();
        let new = format!("new{round}");
        let goes = if round == 0 { &["goes"][..] } else { &[] };
        assert_eq!(names, [&["changes"], goes, &[new.as_str()]].concat());
    }
    let mut names = replayed(&history.behind(begin, "").unwrap());
    names.insert("stays".to_owned(), entry("PYRO:a@h:1", &[]));
    assert_eq!(names, contents(&*other));
    other.put("after", entry("PYRO:e@h:1", &[]), true).unwrap();
    reach(&history, etcd.revision());
    let last = history.behind(etcd.revision() - 1, "").unwrap();
    assert_eq!(last.len(), 1, "{last:?}");
    assert_eq!(&*last[0].name, "after");
}

#[test]
fn much_that_happened_meanwhile_comes_in_pieces_and_is_whole() {
    if !etcd::is_installed() {
        return;
    }
    let etcd = Etcd::start(1);
    let gate = Gate::before(etcd.port(0));
    let (watching, other) = (through(&gate), open(&etcd));
    let (history, begin) = watched(&*watching);
    gate.shut();
    let tags: Vec<String> = (0..200).map(|number| format!("{number:01000}")).collect();
    let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
    for number in 0..30 {
        let name = format!("name{number}");
        other.put(&name, entry("PYRO:a@h:1", &tags), true).unwrap();
    }
    let names: Vec<String> = (0..30).map(|number| format!("name{number}")).collect();
    gate.open();
    let revision = etcd.revision();
    reach(&history, revision);
    assert_whole(&history.behind(begin, "").unwrap(), begin, revision);
    // The list is longer than one message may be, too.
    assert_eq!(watching.entries().unwrap().len(), 30);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    assert_eq!(watching.remove(&names).unwrap(), 30);
    reach(&history, revision + 1);
    let gone = history.behind(revision, "").unwrap();
    assert_eq!(gone.len(), 30);
    assert!(
        gone.iter()
            .all(|event| event.revision == revision + 1 && event.entry.is_none())
    );
}

#[test]
fn a_lease_keeps_a_name_and_its_end_is_a_change() {
    if !etcd::is_installed() {
        return;
    }
    let etcd = Etcd::start(1);
    let store = open(&etcd);
    let (history, begin) = watched(&*store);
    let short = |uri: &str| Entry {
        ttl: Some(Duration::from_millis(1500)),
        ..entry(uri, &["x"])
    };
    store.put("kept", short("PYRO:a@h:1"), true).unwrap();
    store.put("left", short("PYRO:b@h:1"), true).unwrap();
    assert!(!store.put("left", short("PYRO:c@h:1"), true).unwrap());
    assert_eq!(*store.get("kept").unwrap().unwrap(), short("PYRO:a@h:1"));
    // Tags do not change how long it is kept.
    assert!(store.set_tags("left", ["y".to_owned()].into()).unwrap());
    assert!(!store.renew("kept", "PYRO:b@h:1").unwrap());
    assert!(!store.renew("nobody", "PYRO:b@h:1").unwrap());
    etcd.restart(0);
    let end = Instant::now() + PATIENCE;
    while store.get("left").unwrap().is_some() {
        assert!(Instant::now() < end, "the lease does not end");
        assert!(store.renew("kept", "PYRO:a@h:1").unwrap(), "kept over the restart");
        thread::sleep(Duration::from_millis(200));
    }
    assert!(!store.renew("left", "PYRO:b@h:1").unwrap());
    assert!(store.get("kept").unwrap().is_some());
    wait_until(
        || {
            let events = history.behind(begin, "left").unwrap();
            events.len() == 3 && events[2].entry.is_none()
        },
        "the end of the lease is not told",
    );
    wait_until(|| store.get("kept").unwrap().is_none(), "the lease does not end");
    assert!(!store.renew("kept", "PYRO:a@h:1").unwrap());
    // One without a lease is there for ever.
    store.put("left", entry("PYRO:a@h:1", &[]), true).unwrap();
    assert!(store.renew("left", "PYRO:a@h:1").unwrap());
}

#[test]
fn who_watches_at_one_name_server_sees_what_happens_at_another() {
    if !etcd::is_installed() {
        return;
    }
    let etcd = Etcd::shared();
    let start = || {
        let spec = format!("etcd:{}/watched", etcd.endpoints(0));
        NameServerBuilder::new().port(0).storage(spec).bind().unwrap().start()
    };
    let (one, other) = (start(), start());
    let client = |server: &RunningNameServer| locate_ns_with(server.uri().location(), &Settings::default()).unwrap();
    let (changing, watching) = (client(&one), client(&other));
    let uri: Uri = "PYRO:a@h:1".parse().unwrap();
    let mut watch = watching.watch("", None).unwrap();
    let lease = changing
        .register_leased("leased", &uri, &["x".to_owned()].into(), Duration::from_secs(2))
        .unwrap();
    assert_eq!(watching.lookup("leased").unwrap(), uri);
    let change = watch.next().unwrap().unwrap();
    assert_eq!(change.name, "leased");
    assert_eq!(change.registration.unwrap().uri, uri.to_string());
    // It outlives its time, because the lease renews it.
    thread::sleep(Duration::from_secs(5));
    assert_eq!(watching.lookup("leased").unwrap(), uri);
    drop(lease);
    let change = watch.next().unwrap().unwrap();
    assert_eq!((change.name.as_str(), change.registration.is_none()), ("leased", true));
    // A revision of one name server is one of the other.
    let seen = change.revision;
    assert!(changing.watch("", Some(seen)).is_ok());
    other.stop();
    one.stop();
}
