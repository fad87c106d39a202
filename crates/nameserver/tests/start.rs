//! Making a name server: settings, start lines, errors.

use std::net::UdpSocket;

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use ferropyro::config::{Config, Generation};
use ferropyro::{Error, ErrorKind, NameServer, Proxy, Uri, naming};
use ferropyro_nameserver::{NameServerBuilder, NameServerDaemon, start_ns, start_ns_loop};

fn local() -> NameServerBuilder {
    NameServerBuilder::new().host("127.0.0.1").port(0)
}

fn refused(builder: NameServerBuilder) -> Error {
    let error = builder.bind().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Value);
    error
}

// Conformance: NS-12
#[test]
fn refuses_storages_that_there_are_not() {
    for spec in ["foo", "dbm:", "sql:", "", "memory:x", "Memory"] {
        assert_eq!(
            refused(local().storage(spec)).message(),
            format!("invalid storage type '{spec}'")
        );
    }
    assert_eq!(
        refused(local().storage("sql::memory:")).message(),
        "We don't support the sqlite :memory: database type. Just use the default volatile in-memory store."
    );
    assert!(local().storage("memory").bind().is_ok());
    let folder = tempfile::tempdir().unwrap();
    for form in ["sql", "dbm"] {
        let spec = format!("{form}:{}", folder.path().join(form).display());
        assert!(local().storage(spec).bind().is_ok());
    }
}

#[cfg(not(feature = "etcd"))]
#[test]
fn etcd_without_the_feature_is_refused_with_the_way_to_get_it() {
    let error = refused(local().storage("etcd:localhost:2379"));
    assert!(error.message().contains("--features etcd"), "{error}");
}

// Conformance: NS-18, STO-01, STO-03
#[test]
fn a_persistent_store_says_what_it_has() {
    let folder = tempfile::tempdir().unwrap();
    for form in ["sql", "dbm"] {
        let spec = format!("{form}:{}", folder.path().join(form).display());
        let says = |text: &str| {
            let nameserver = local().storage(&spec).bind().unwrap();
            let lines = nameserver.start_lines(Generation::Pyro5).unwrap();
            let uri = "PYRO:a@h:1".parse().unwrap();
            let running = nameserver.start();
            for name in ["a", "b", "c"] {
                naming::locate_ns_with(running.uri().location(), &naming::Settings::default())
                    .unwrap()
                    .register(name, &uri)
                    .unwrap();
            }
            lines.iter().any(|line| line.contains(text))
        };
        assert!(!says("Persistent store"), "{form}");
        assert!(says("Persistent store contains 4 existing registrations."), "{form}");
        assert_eq!(says("Warning: the DbmStorage doesn't support metadata."), form == "dbm");
    }
}

// Conformance: NS-26
#[test]
fn refuses_to_clean_up_all_the_time() {
    let period = |seconds: f64| Config::default().ns_autoclean(std::time::Duration::from_secs_f64(seconds));
    assert_eq!(
        refused(local().config(period(2.9))).message(),
        "NS_AUTOCLEAN cannot be smaller than 3"
    );
    assert!(local().config(period(3.0)).bind().is_ok());
}

// Conformance: NS-17
#[test]
fn the_start_lines_are_those_of_each_generation() {
    let nameserver = local().bind().unwrap();
    let port = nameserver.daemon().address().unwrap().port();
    let silent = "Not starting broadcast server for localhost.".to_owned();
    let running = format!("NS running on 127.0.0.1:{port} (127.0.0.1)");
    let warning = "Warning: HMAC key not set. Anyone can connect to this server!".to_owned();
    let uri = format!("URI = PYRO:Pyro.NameServer@127.0.0.1:{port}");
    let pyro4 = [&silent, &running, &warning, &uri].map(String::clone);
    assert_eq!(nameserver.start_lines(Generation::Pyro4).unwrap(), pyro4);
    let pyro5 = [&silent, &running, &uri].map(String::clone);
    assert_eq!(nameserver.start_lines(Generation::Pyro5).unwrap(), pyro5);
    let keyed = local().hmac_key("secret").bind().unwrap();
    assert_eq!(keyed.start_lines(Generation::Pyro4).unwrap().len(), 3);
}

// Conformance: NS-17
#[test]
fn the_start_lines_show_both_addresses_of_a_translated_server() {
    let nameserver = local().nat_host("nat.example.org").nat_port(5555).bind().unwrap();
    let port = nameserver.daemon().address().unwrap().port();
    let lines = nameserver.start_lines(Generation::Pyro5).unwrap();
    assert_eq!(
        lines[2..],
        [
            format!("internal URI = PYRO:Pyro.NameServer@127.0.0.1:{port}"),
            "external URI = PYRO:Pyro.NameServer@nat.example.org:5555".to_owned(),
        ]
    );
}

// Conformance: NS-17
#[cfg(unix)]
#[test]
fn the_start_lines_show_a_unix_socket() {
    let path = std::env::temp_dir().join(format!("ferropyro-ns-{}.sock", std::process::id()));
    let path = path.to_str().unwrap();
    let nameserver = NameServerBuilder::new().unix_socket(path).bind().unwrap();
    assert_eq!(
        nameserver.start_lines(Generation::Pyro5).unwrap(),
        [
            format!("NS running on ./u:{path} (Unix domain socket)"),
            format!("URI = PYRO:Pyro.NameServer@./u:{path}"),
        ]
    );
    nameserver.shutdown();
}

// Conformance: NS-25
#[test]
fn settings_come_from_the_configuration_unless_they_are_given() {
    let free = local().bind().unwrap().daemon().address().unwrap().port();
    let config = Config::default()
        .ns_host("no.such.host.invalid")
        .ns_port(free)
        .host("127.0.0.1");
    let nameserver = NameServerBuilder::new().config(config.clone()).bind().unwrap();
    assert_eq!(nameserver.uri().port(), Some(free));
    assert_eq!(nameserver.uri().host(), Some("127.0.0.1"));
    let other = NameServerBuilder::new()
        .config(config)
        .port(0)
        .host("localhost")
        .bind()
        .unwrap();
    assert_ne!(other.uri().port(), Some(free));
    assert_eq!(other.uri().host(), Some("localhost"));
    let outside = Config::default().nathost("outside".to_owned()).natport(77u16);
    let nameserver = local().config(outside).bind().unwrap();
    assert_eq!(nameserver.uri().to_string(), "PYRO:Pyro.NameServer@outside:77");
}

/// A name server that others could reach, and so with a responder, which hears nobody but this machine.
fn open() -> NameServerBuilder {
    NameServerBuilder::new()
        .host("0.0.0.0")
        .port(0)
        .broadcast_host("127.0.0.1")
        .broadcast_port(0)
}

// Conformance: NS-09, NS-10, NS-17
#[test]
fn the_line_of_the_responder_comes_first() {
    let nameserver = open().bind().unwrap();
    let address = nameserver.broadcast_address().unwrap();
    assert_eq!(address.ip().to_string(), "127.0.0.1");
    let port = nameserver.daemon().address().unwrap().port();
    assert_eq!(
        nameserver.start_lines(Generation::Pyro5).unwrap(),
        [
            format!("Broadcast server running on {address}"),
            format!("NS running on 0.0.0.0:{port} (0.0.0.0)"),
            format!("URI = PYRO:Pyro.NameServer@0.0.0.0:{port}"),
        ]
    );
}

// Conformance: NS-13, NS-15
#[test]
fn there_is_no_responder_where_it_is_not_wanted_or_makes_no_sense() {
    let silent = open().broadcast(false).bind().unwrap();
    assert_eq!(silent.broadcast_address(), None);
    assert_eq!(silent.start_lines(Generation::Pyro5).unwrap().len(), 2);
    for host in ["127.0.0.1", "localhost", "127.0.1.1"] {
        let nameserver = open().host(host).bind().unwrap();
        assert_eq!(nameserver.broadcast_address(), None, "{host}");
    }
}

// Conformance: NS-09, NS-10
#[test]
fn the_place_of_the_responder_comes_from_the_configuration_unless_it_is_given() {
    let free = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let config = Config::default()
        .ns_bchost("127.0.0.1".to_owned())
        .ns_bcport(free.port());
    let configured = NameServerBuilder::new().host("0.0.0.0").port(0).config(config.clone());
    assert_eq!(configured.bind().unwrap().broadcast_address(), Some(free));
    let given = open().config(config).bind().unwrap();
    assert_ne!(given.broadcast_address(), Some(free));
}

#[test]
fn a_name_server_without_the_port_for_broadcasts_does_not_start() {
    let holder = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = holder.local_addr().unwrap().port();
    let error = open().broadcast_port(port).bind().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Communication);
    let text = error.message();
    assert!(
        text.starts_with(&format!("cannot listen for broadcasts on 127.0.0.1:{port} (UDP): ")),
        "{text}"
    );
    assert!(text.contains("--bcport"), "{text}");
}

// Conformance: NS-20
#[test]
fn start_ns_gives_uri_name_server_and_responder_and_serves_nobody_before_a_loop_runs() {
    let (uri, nameserver, responder) = start_ns(local()).unwrap();
    assert_eq!(responder, None, "there is none for localhost");
    let asked = uri.clone();
    let asking = thread::spawn(move || NameServer::new(Proxy::new(asked).unwrap()).ping());
    thread::sleep(Duration::from_millis(200));
    assert!(!asking.is_finished());
    let _running = nameserver.start();
    asking.join().unwrap().unwrap();
    let everywhere = NameServerBuilder::new()
        .host("0.0.0.0")
        .port(0)
        .broadcast_host("127.0.0.1")
        .broadcast_port(0);
    let (_, _, responder) = start_ns(everywhere).unwrap();
    assert!(responder.is_some_and(|address| address.port() != 0));
}

// Conformance: NS-21
#[test]
fn start_ns_loop_says_what_pyro_says_and_ends_when_it_is_shut_down() {
    let (sender, receiver) = mpsc::channel();
    let serving = thread::spawn(move || {
        let mut lines = Vec::new();
        let started = |nameserver: &NameServerDaemon| sender.send(nameserver.clone()).unwrap();
        start_ns_loop(local(), |line| lines.push(line.to_owned()), started).unwrap();
        lines
    });
    let nameserver = receiver.recv().unwrap();
    let client = NameServer::new(Proxy::new(nameserver.uri().clone()).unwrap());
    client.ping().unwrap();
    nameserver.shutdown();
    let lines = serving.join().unwrap();
    assert_eq!(lines.last().unwrap(), "NS shut down.");
    assert!(lines.contains(&format!("URI = {}", nameserver.uri())), "{lines:?}");
    let port = nameserver.daemon().address().unwrap().port();
    drop(nameserver);
    // The port is free again.
    NameServerBuilder::new().host("127.0.0.1").port(port).bind().unwrap();
}

#[test]
fn a_name_that_is_not_there_yet_is_waited_for_as_long_as_ns_lookup_delay_says() {
    let nameserver = local().bind().unwrap().start();
    let config = Config::default().ns_lookup_delay(Duration::from_secs(5));
    let settings = naming::Settings::new(config);
    for wanted in ["PYRONAME:late", "PYROMETA:late"] {
        let wanted: Uri = format!("{wanted}@{}", nameserver.daemon().location()).parse().unwrap();
        let client = NameServer::new(Proxy::new(nameserver.uri().clone()).unwrap());
        let found = thread::scope(|scope| {
            let waiting = scope.spawn(|| naming::resolve_with(&wanted, &settings));
            thread::sleep(Duration::from_millis(300));
            assert!(!waiting.is_finished());
            let uri = "PYRO:a@h:1".parse().unwrap();
            client
                .register_with("late", &uri, true, &["late".to_owned()].into())
                .unwrap();
            waiting.join().unwrap()
        });
        assert_eq!(found.unwrap().to_string(), "PYRO:a@h:1");
        client.remove("late").unwrap();
        let in_vain = naming::resolve_with(&wanted, &naming::Settings::default());
        assert_eq!(in_vain.unwrap_err().kind(), ErrorKind::Naming);
    }
}
