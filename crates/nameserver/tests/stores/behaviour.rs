//! The behaviour suite: each function holds for every store.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::thread;

use ferropyro::config::{Config, ServerType};
use ferropyro::naming::Filter;
use ferropyro::{Dialect, NameServer, Proxy, Uri};
use ferropyro_nameserver::store::{Entry, Select, Store};
use ferropyro_nameserver::{NameServerBuilder, Pattern};

use crate::places::Place;

/// Each line of behaviour as a test of each store.
macro_rules! suite {
    ($($test:ident),* $(,)?) => {
        mod memory { $(#[test] fn $test() { super::$test(&super::Place::new(crate::places::Kind::Memory)); })* }
        mod sql { $(#[test] fn $test() { super::$test(&super::Place::new(crate::places::Kind::Sql)); })* }
        mod dbm_dumb { $(#[test] fn $test() { super::$test(&super::Place::new(crate::places::Kind::DbmDumb)); })* }
        mod dbm_sqlite { $(#[test] fn $test() { super::$test(&super::Place::new(crate::places::Kind::DbmSqlite)); })* }
        mod own { $(#[test] fn $test() { super::$test(&super::Place::new(crate::places::Kind::Own)); })* }
        #[cfg(all(feature = "etcd", unix))]
        mod etcd { $(#[test] fn $test() { super::Place::find(crate::places::Kind::Etcd).iter().for_each(super::$test); })* }
    };
}

suite!(
    a_name_stands_for_the_entry_that_was_put_last,
    a_new_name_is_put_once_only,
    of_many_who_put_a_new_name_at_a_time_one_succeeds,
    tags_change_and_the_uri_stays,
    names_are_removed_and_counted,
    a_name_is_removed_only_if_it_still_leads_there,
    a_prefix_is_a_literal_start_in_its_own_case,
    a_pattern_matches_from_the_start_and_not_to_the_end,
    names_are_found_by_all_or_any_of_their_tags_where_there_are_tags,
    names_of_all_letters_and_lengths_are_kept,
    twenty_clients_lose_nothing,
    what_was_kept_is_there_again_if_the_store_is_persistent,
    a_name_server_gives_the_same_answers_to_both_generations,
    a_name_server_on_the_event_loop_does_too,
);

pub(crate) fn entry(uri: &str, tags: &[&str]) -> Entry {
    Entry::new(uri, set(tags))
}

fn set(tags: &[&str]) -> BTreeSet<String> {
    tags.iter().map(|tag| (*tag).to_owned()).collect()
}

fn names(store: &dyn Store, select: &Select) -> Vec<String> {
    let mut names: Vec<String> = store
        .list(select)
        .unwrap()
        .iter()
        .map(|(name, _)| name.to_string())
        .collect();
    names.sort();
    names
}

fn uri_of(store: &dyn Store, name: &str) -> Option<String> {
    store.get(name).unwrap().map(|entry| entry.uri.clone())
}

// Conformance: STO-06, REG-03
fn a_name_stands_for_the_entry_that_was_put_last(place: &Place) {
    let store = place.open();
    assert_eq!(uri_of(&*store, "a"), None);
    assert!(store.put("a", entry("PYRO:one@h:1", &["x", "y"]), false).unwrap());
    assert!(store.put("A", entry("PYRO:other@h:1", &[]), false).unwrap());
    assert!(store.put("a", entry("PYRO:two@h:2", &["z"]), false).unwrap());
    let found = store.get("a").unwrap().unwrap();
    assert_eq!(found.uri, "PYRO:two@h:2");
    let kept = if store.capabilities().metadata {
        set(&["z"])
    } else {
        set(&[])
    };
    assert_eq!(found.tags, kept);
    assert_eq!(uri_of(&*store, "A").as_deref(), Some("PYRO:other@h:1"));
    assert_eq!(store.count().unwrap(), 2);
}

// Conformance: REG-03
fn a_new_name_is_put_once_only(place: &Place) {
    let store = place.open();
    assert!(store.put("a", entry("PYRO:one@h:1", &[]), true).unwrap());
    assert!(!store.put("a", entry("PYRO:two@h:2", &[]), true).unwrap());
    assert_eq!(uri_of(&*store, "a").as_deref(), Some("PYRO:one@h:1"));
    assert_eq!(store.remove(&["a"]).unwrap(), 1);
    assert!(store.put("a", entry("PYRO:two@h:2", &[]), true).unwrap());
}

// Conformance: REG-03, STO-06
fn of_many_who_put_a_new_name_at_a_time_one_succeeds(place: &Place) {
    let store = place.open();
    for round in 0..20 {
        let name = format!("a{round}");
        let won: Vec<String> = thread::scope(|scope| {
            let racers: Vec<_> = (0..8)
                .map(|racer| {
                    let (store, name, uri) = (Arc::clone(&store), name.clone(), format!("PYRO:a@h:{racer}"));
                    scope.spawn(move || store.put(&name, entry(&uri, &[]), true).unwrap().then_some(uri))
                })
                .collect();
            racers.into_iter().filter_map(|racer| racer.join().unwrap()).collect()
        });
        assert_eq!(won.len(), 1, "{won:?}");
        assert_eq!(uri_of(&*store, &name), won.into_iter().next());
    }
}

// Conformance: META-12, STO-03
fn tags_change_and_the_uri_stays(place: &Place) {
    let store = place.open();
    assert!(!store.set_tags("a", set(&["x"])).unwrap());
    assert!(store.put("a", entry("PYRO:one@h:1", &["x"]), false).unwrap());
    assert!(store.set_tags("a", set(&["y", "z"])).unwrap());
    let found = store.get("a").unwrap().unwrap();
    assert_eq!(found.uri, "PYRO:one@h:1");
    let kept = if store.capabilities().metadata {
        set(&["y", "z"])
    } else {
        set(&[])
    };
    assert_eq!(found.tags, kept);
    assert!(store.set_tags("a", set(&[])).unwrap());
    assert_eq!(store.get("a").unwrap().unwrap().tags, set(&[]));
}

// Conformance: STO-05
fn names_are_removed_and_counted(place: &Place) {
    let store = place.open();
    for name in ["a", "b", "c", "d"] {
        store.put(name, entry("PYRO:one@h:1", &["x"]), false).unwrap();
    }
    assert_eq!(store.remove(&["a", "nobody", "c"]).unwrap(), 2);
    assert_eq!(store.remove(&[]).unwrap(), 0);
    assert_eq!(store.remove(&["a"]).unwrap(), 0);
    assert_eq!(names(&*store, &Select::All), ["b", "d"]);
    assert_eq!(store.count().unwrap(), 2);
    assert_eq!(store.entries().unwrap().len(), 2);
}

// Conformance: NS-27
fn a_name_is_removed_only_if_it_still_leads_there(place: &Place) {
    let store = place.open();
    store.put("a", entry("PYRO:one@h:1", &["x"]), false).unwrap();
    assert!(!store.remove_if("a", "PYRO:one@h:2").unwrap());
    assert!(!store.remove_if("b", "PYRO:one@h:1").unwrap());
    assert!(store.get("a").unwrap().is_some());
    assert!(store.remove_if("a", "PYRO:one@h:1").unwrap());
    assert!(store.get("a").unwrap().is_none());
}

// Conformance: STO-06
fn a_prefix_is_a_literal_start_in_its_own_case(place: &Place) {
    let store = place.open();
    for name in ["Abc.x", "abc.x", "a_c.x", "abcd", "a%c", "é1", "é", "e"] {
        store.put(name, entry("PYRO:one@h:1", &[]), false).unwrap();
    }
    for (prefix, expected) in [
        ("abc", &["abc.x", "abcd"][..]),
        ("Abc", &["Abc.x"]),
        ("a_", &["a_c.x"]),
        ("a%", &["a%c"]),
        ("%", &[]),
        ("é", &["é", "é1"]),
        ("abcd", &["abcd"]),
        ("abcde", &[]),
    ] {
        assert_eq!(names(&*store, &Select::Prefix(prefix.to_owned())), expected, "{prefix}");
    }
}

// Conformance: STO-06, NSC-09
fn a_pattern_matches_from_the_start_and_not_to_the_end(place: &Place) {
    let store = place.open();
    for name in ["a.b", "b.a", "ab", "Ab"] {
        store.put(name, entry("PYRO:one@h:1", &[]), false).unwrap();
    }
    for (pattern, expected) in [
        ("a", &["a.b", "ab"][..]),
        ("b", &["b.a"]),
        ("a$", &[]),
        (".*b", &["Ab", "a.b", "ab", "b.a"]),
        ("(?i)a", &["Ab", "a.b", "ab"]),
    ] {
        let select = Select::Matching(Pattern::new(pattern).unwrap());
        assert_eq!(names(&*store, &select), expected, "{pattern}");
    }
}

// Conformance: META-02, META-07, META-08
fn names_are_found_by_all_or_any_of_their_tags_where_there_are_tags(place: &Place) {
    let store = place.open();
    if !store.capabilities().metadata {
        return;
    }
    store
        .put("one", entry("PYRO:a@h:1", &["printer", "a b"]), false)
        .unwrap();
    store.put("two", entry("PYRO:a@h:1", &["printer", "é"]), false).unwrap();
    store.put("three", entry("PYRO:a@h:1", &["storage"]), false).unwrap();
    store.put("none", entry("PYRO:a@h:1", &[]), false).unwrap();
    for (tags, all, any) in [
        (&["printer"][..], &["one", "two"][..], &["one", "two"][..]),
        (&["printer", "é"], &["two"], &["one", "two"]),
        (&["printer", "storage"], &[], &["one", "three", "two"]),
        (&["Printer"], &[], &[]),
        (&["a b", "nobody"], &[], &["one"]),
    ] {
        assert_eq!(names(&*store, &Select::AllOf(set(tags))), all, "{tags:?}");
        assert_eq!(names(&*store, &Select::AnyOf(set(tags))), any, "{tags:?}");
    }
}

// Conformance: META-01
fn names_of_all_letters_and_lengths_are_kept(place: &Place) {
    let long = "n".repeat(4096);
    let all = [
        "é ñ 名前",
        "a'b\"c\\d",
        "line\nbreak\ttab",
        "\u{0}\u{7f}\u{85}\u{ad}\u{a0}",
        "%_",
        &long,
        " ",
    ];
    let store = place.open();
    for name in all {
        store
            .put(name, entry("PYRO:ö@h:1", &["é", "a b", &long]), false)
            .unwrap();
    }
    let store = if place.is_persistent() {
        store.close().unwrap();
        drop(store);
        place.open()
    } else {
        store
    };
    for name in all {
        let found = store.get(name).unwrap().unwrap_or_else(|| panic!("{name:?}"));
        assert_eq!(found.uri, "PYRO:ö@h:1");
        if store.capabilities().metadata {
            assert_eq!(found.tags, set(&["é", "a b", &long]));
        }
    }
    assert_eq!(store.count().unwrap(), all.len());
}

// Conformance: STO-06
fn twenty_clients_lose_nothing(place: &Place) {
    const CLIENTS: usize = 20;
    const OPERATIONS: usize = 200;
    let store = place.open();
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let store = &store;
            scope.spawn(move || {
                for number in 0..OPERATIONS {
                    let name = format!("c{client}.{number}");
                    assert!(store.put(&name, entry("PYRO:a@h:1", &["t"]), true).unwrap());
                    match number % 4 {
                        0 => assert_eq!(store.remove(&[&name]).unwrap(), 1),
                        1 => assert!(store.set_tags(&name, set(&["u"])).unwrap()),
                        2 => assert!(store.put(&name, entry("PYRO:b@h:2", &[]), false).unwrap()),
                        _ => assert!(store.get(&name).unwrap().is_some()),
                    }
                }
            });
        }
    });
    assert_eq!(store.count().unwrap(), CLIENTS * OPERATIONS * 3 / 4);
    for client in 0..CLIENTS {
        let found = store.list(&Select::Prefix(format!("c{client}."))).unwrap();
        assert_eq!(found.len(), OPERATIONS * 3 / 4);
    }
}

// Conformance: STO-01
fn what_was_kept_is_there_again_if_the_store_is_persistent(place: &Place) {
    let store = place.open();
    store.put("a", entry("PYRO:one@h:1", &["x"]), false).unwrap();
    store.put("b", entry("PYRO:two@h:1", &[]), false).unwrap();
    store.put("gone", entry("PYRO:two@h:1", &["x"]), false).unwrap();
    store.put("b", entry("PYRO:three@h:1", &["y"]), false).unwrap();
    store.remove(&["gone"]).unwrap();
    let before = store.entries().unwrap();
    // Not closed: as after a kill.
    let again = place.open();
    let sorted = |mut entries: Vec<_>| {
        entries.sort();
        entries
    };
    match place.is_persistent() {
        true => assert_eq!(sorted(again.entries().unwrap()), sorted(before)),
        false => assert_eq!(again.count().unwrap(), 0),
    }
}

// Conformance: STO-03, STO-04, STO-05, NS-33, REG-04
fn a_name_server_gives_the_same_answers_to_both_generations(place: &Place) {
    ask_a_name_server(place, ServerType::Thread);
}

fn a_name_server_on_the_event_loop_does_too(place: &Place) {
    ask_a_name_server(place, ServerType::Multiplex);
}

fn ask_a_name_server(place: &Place, servertype: ServerType) {
    let store = place.open();
    let has_tags = store.capabilities().metadata;
    let config = Config::default().servertype(servertype);
    let nameserver = NameServerBuilder::new()
        .config(config)
        .port(0)
        .shared_store(store)
        .bind();
    let running = nameserver.unwrap().start();
    let uri = |text: &str| text.parse::<Uri>().unwrap();
    for dialect in [Dialect::V48, Dialect::V502] {
        let proxy = Proxy::builder().dialect(dialect).build(running.uri().clone()).unwrap();
        let client = NameServer::new(proxy);
        client.ping().unwrap();
        client
            .register_with("a.one", &uri("PYRO:a@h:1"), false, &set(&["x"]))
            .unwrap();
        client.register("a.two", &uri("PYRO:a@h:2")).unwrap();
        client.register("b", &uri("PYRO:b@h:3")).unwrap();
        let taken = client
            .register_with("b", &uri("PYRO:c@h:3"), true, &set(&[]))
            .unwrap_err();
        assert_eq!(
            taken.as_remote().unwrap().to_string(),
            "NamingError: name already registered: b"
        );
        assert_eq!(client.lookup("b").unwrap(), uri("PYRO:b@h:3"));
        let unknown = client.lookup("nobody").unwrap_err();
        assert_eq!(
            unknown.as_remote().unwrap().to_string(),
            "NamingError: unknown name: nobody"
        );
        let kept = if has_tags { set(&["x"]) } else { set(&[]) };
        assert_eq!(client.lookup_with_metadata("a.one").unwrap(), (uri("PYRO:a@h:1"), kept));
        assert_eq!(client.count().unwrap(), 4);
        let listed = |filter: Filter| client.list(&filter).unwrap().into_keys().collect::<Vec<_>>();
        assert_eq!(listed(Filter::Prefix("a.".into())), ["a.one", "a.two"]);
        assert_eq!(listed(Filter::Regex("[ab].t?".into())), ["a.one", "a.two"]);
        match client.list(&Filter::all_of(["x"])) {
            Ok(found) => assert!(has_tags && found.into_keys().eq(["a.one".to_owned()])),
            Err(error) => {
                assert!(!has_tags, "{error}");
                let text = "NamingError: DbmStorage doesn't support metadata";
                assert_eq!(error.as_remote().unwrap().to_string(), text);
            }
        }
        client.set_metadata("b", &set(&["y"])).unwrap();
        assert!(client.remove("b").unwrap());
        assert!(!client.remove("Pyro.NameServer").unwrap());
        assert_eq!(client.remove_matching(&Filter::Regex(".*".into())).unwrap(), 2);
        assert_eq!(listed(Filter::All), ["Pyro.NameServer"]);
    }
    running.stop();
}
