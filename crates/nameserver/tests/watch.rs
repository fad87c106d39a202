//! Names that are kept for a while only, and those who watch what changes.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use ferropyro::config::{Config, ServerType};
use ferropyro::naming::{Change, Watch};
use ferropyro::{NameServer, Proxy, Uri};
use ferropyro_nameserver::{NameServerBuilder, RunningNameServer};

const SERVERS: [ServerType; 2] = [ServerType::Thread, ServerType::Multiplex];
const SHORT: Duration = Duration::from_millis(600);

fn start(servertype: ServerType) -> RunningNameServer {
    let config = Config::default().servertype(servertype);
    NameServerBuilder::new().config(config).port(0).bind().unwrap().start()
}

fn client(server: &RunningNameServer) -> NameServer {
    NameServer::new(Proxy::new(server.uri().clone()).unwrap())
}

fn uri(number: u16) -> Uri {
    format!("PYRO:a@h:{number}").parse().unwrap()
}

fn tags(tags: &[&str]) -> BTreeSet<String> {
    tags.iter().map(|tag| (*tag).to_owned()).collect()
}

/// Waits until it holds, but not for ever.
fn until(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(20), "{what}");
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_name_for_a_while_goes_unless_it_is_renewed() {
    let server = start(ServerType::Multiplex);
    let client = client(&server);
    client
        .register_for("kept", &uri(1), true, &tags(&["x"]), SHORT)
        .unwrap();
    client
        .register_for("left", &uri(1), true, &tags(&["x"]), SHORT)
        .unwrap();
    client.register("for ever", &uri(1)).unwrap();
    until("left goes", || {
        assert!(client.renew("kept", &uri(1)).unwrap());
        client.lookup("left").is_err()
    });
    assert_eq!(client.lookup_with_metadata("kept").unwrap(), (uri(1), tags(&["x"])));
    assert!(!client.renew("left", &uri(1)).unwrap());
    assert!(!client.renew("kept", &uri(2)).unwrap(), "it is another one's");
    until("kept goes", || client.lookup("kept").is_err());
    assert_eq!(client.lookup("for ever").unwrap(), uri(1));
}

#[test]
fn a_name_that_is_registered_anew_is_not_taken_for_the_old_one() {
    let server = start(ServerType::Thread);
    let client = client(&server);
    client.register_for("a", &uri(1), true, &tags(&[]), SHORT).unwrap();
    client.register("a", &uri(1)).unwrap();
    thread::sleep(SHORT + Duration::from_millis(1500));
    assert_eq!(client.lookup("a").unwrap(), uri(1));
}

#[test]
fn a_lease_keeps_its_name_until_it_is_dropped() {
    for servertype in SERVERS {
        let server = start(servertype);
        let (one, other) = (client(&server), client(&server));
        let lease = one.register_leased("a", &uri(1), &tags(&["x"]), SHORT).unwrap();
        thread::sleep(3 * SHORT);
        assert_eq!(other.lookup("a").unwrap(), uri(1));
        assert!(lease.trouble().is_none());
        let taken = other.register_leased("a", &uri(2), &tags(&[]), SHORT).unwrap_err();
        assert_eq!(
            taken.as_remote().unwrap().to_string(),
            "NamingError: name already registered: a"
        );
        drop(lease);
        assert!(other.lookup("a").is_err());
    }
}

#[test]
fn a_lease_brings_its_name_back_to_a_name_server_that_has_forgotten_it() {
    let server = start(ServerType::Multiplex);
    let port = server.daemon().address().unwrap().port();
    let lease = client(&server)
        .register_leased("a", &uri(1), &tags(&["x"]), SHORT)
        .unwrap();
    server.stop();
    until("trouble is told", || lease.trouble().is_some());
    let server = NameServerBuilder::new().port(port).bind().unwrap().start();
    until("it is back", || client(&server).lookup("a").is_ok());
    until("no trouble any more", || lease.trouble().is_none());
    // Somebody else takes it for good.
    client(&server).register("a", &uri(2)).unwrap();
    until("trouble is told", || lease.trouble().is_some());
    assert!(lease.trouble().unwrap().to_string().contains("the name a is taken"));
    drop(lease);
    assert_eq!(client(&server).lookup("a").unwrap(), uri(2));
}

#[test]
fn a_while_is_known_after_a_restart_and_refused_where_it_cannot_be_kept() {
    let folder = tempfile::tempdir().unwrap();
    let open = |form: &str| {
        let spec = format!("{form}:{}", folder.path().join(form).display());
        NameServerBuilder::new().port(0).storage(spec).bind().unwrap().start()
    };
    let server = open("sql");
    client(&server)
        .register_for("a", &uri(1), true, &tags(&[]), Duration::from_secs(2))
        .unwrap();
    client(&server).register("b", &uri(1)).unwrap();
    server.stop();
    let server = open("sql");
    assert_eq!(client(&server).lookup("a").unwrap(), uri(1));
    until("it goes", || client(&server).lookup("a").is_err());
    assert_eq!(client(&server).lookup("b").unwrap(), uri(1));
    let refused = client(&open("dbm"))
        .register_for("a", &uri(1), true, &tags(&[]), SHORT)
        .unwrap_err();
    let text = "NamingError: DbmStorage doesn't support names for a while only (ttl)";
    assert_eq!(refused.as_remote().unwrap().to_string(), text);
}

#[test]
fn times_that_make_no_sense_are_refused() {
    let server = start(ServerType::Thread);
    let proxy = client(&server).proxy().clone();
    for (ttl, text) in [
        ("0", "ttl must be more than 0"),
        ("-1", "ttl must be a number of seconds"),
        ("1e300", "ttl must be a number of seconds"),
        ("1000000000", "ttl must be more than 0 and at most"),
    ] {
        let ttl: f64 = ttl.parse().unwrap();
        let kwargs = ferropyro::Dict::from([("ttl", ttl)]);
        let error = proxy
            .call_with::<()>("register", ("a", "PYRO:a@h:1"), &kwargs)
            .unwrap_err();
        assert!(error.to_string().contains(text), "{error}");
    }
}

fn take(watch: &mut Watch, count: usize) -> Vec<Change> {
    let begun = Instant::now();
    let mut found = Vec::new();
    while found.len() < count {
        assert!(begun.elapsed() < Duration::from_secs(20), "{found:?}");
        found.extend(watch.next_within(Duration::from_secs(1)).unwrap());
    }
    found
}

fn what(changes: &[Change]) -> Vec<(&str, Option<&str>)> {
    let each = changes.iter();
    each.map(|change| {
        let uri = change
            .registration
            .as_ref()
            .map(|registration| registration.uri.as_str());
        (change.name.as_str(), uri)
    })
    .collect()
}

#[test]
fn changes_are_told_in_their_order_once_each() {
    for servertype in SERVERS {
        let server = start(servertype);
        let client = client(&server);
        let mut watch = client.watch("a", None).unwrap();
        assert_eq!(watch.next_within(Duration::ZERO).unwrap(), None);
        client.register("a.one", &uri(1)).unwrap();
        client.register("b", &uri(2)).unwrap();
        client.register("a.two", &uri(3)).unwrap();
        client.set_metadata("a.one", &tags(&["x"])).unwrap();
        client.remove("a.one").unwrap();
        let found = take(&mut watch, 4);
        let (one, three) = ("PYRO:a@h:1", "PYRO:a@h:3");
        let expected = [
            ("a.one", Some(one)),
            ("a.two", Some(three)),
            ("a.one", Some(one)),
            ("a.one", None),
        ];
        assert_eq!(what(&found), expected);
        assert_eq!(found[2].registration.as_ref().unwrap().metadata, tags(&["x"]));
        assert_eq!(watch.next_within(Duration::ZERO).unwrap(), None);
        // Another one goes on from where the first stood.
        let mut again = client.watch("a", Some(found[1].revision)).unwrap();
        assert_eq!(what(&take(&mut again, 2)), expected[2..]);
    }
}

#[test]
fn who_waits_hears_of_a_change_when_it_happens_and_holds_nobody_up() {
    for servertype in SERVERS {
        let server = start(servertype);
        let watchers: Vec<_> = (0..20)
            .map(|_| {
                let mut watch = client(&server).watch("", None).unwrap();
                thread::spawn(move || watch.next().unwrap().unwrap())
            })
            .collect();
        let client = client(&server);
        // They wait for twenty seconds each, if nothing happens.
        thread::sleep(Duration::from_millis(300));
        for _ in 0..50 {
            client.ping().unwrap();
        }
        client.register("a", &uri(1)).unwrap();
        for watcher in watchers {
            assert_eq!(what(&[watcher.join().unwrap()]), [("a", Some("PYRO:a@h:1"))]);
        }
    }
}

#[test]
fn a_watch_says_when_it_cannot_go_on() {
    let server = start(ServerType::Multiplex);
    let client = client(&server);
    let mut watch = client.watch("", Some(1)).unwrap();
    let error = watch.next_within(Duration::ZERO).unwrap_err();
    assert!(error.to_string().contains("list the names anew"), "{error}");
}

#[test]
fn a_name_server_that_ends_does_not_wait_for_those_who_watch() {
    for servertype in SERVERS {
        let server = start(servertype);
        let mut watch = client(&server).watch("", None).unwrap();
        let watching = thread::spawn(move || watch.next_within(Duration::from_secs(60)));
        thread::sleep(Duration::from_millis(300));
        let begun = Instant::now();
        server.stop();
        assert!(begun.elapsed() < Duration::from_secs(8), "it waited");
        // An answer without changes, or the end of the connection.
        assert!(watching.join().unwrap().is_ok_and(|change| change.is_none()));
    }
}
