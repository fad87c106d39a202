//! Finding a name server, and objects through it.

use std::error::Error as _;
use std::io::ErrorKind as IoErrorKind;
use std::net::{TcpListener, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ferropyro::naming::{self, Filter, NAMESERVER_ID, NameServer, Settings};
use ferropyro::{
    Call, Config, Daemon, Error, ErrorKind, Location, Members, Object, Proxy, Raise, Reply, RunningDaemon, Uri,
};
use ferropyro_nameserver::{NameServerBuilder, NameServerObject, RunningNameServer, store};

fn builder() -> NameServerBuilder {
    NameServerBuilder::new().host("127.0.0.1").port(0)
}

fn start() -> (Uri, RunningNameServer) {
    let nameserver = builder().bind().unwrap();
    (nameserver.uri().clone(), nameserver.start())
}

fn locate(uri: &Uri, settings: &Settings) -> Result<NameServer, Error> {
    naming::locate_ns_with(uri.location(), settings)
}

fn local(config: Config) -> Settings {
    Settings::new(config.ns_host("127.0.0.1"))
}

/// A port on which nobody listens.
fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The same where NS_HOST has been set to something that does not look like this machine, but is.
#[cfg(target_os = "linux")]
fn elsewhere(config: Config) -> Settings {
    Settings::new(config.ns_host("0.0.0.0"))
}

/// Where a broadcast would arrive, and the settings that send it there.
fn responder(config: Config) -> (UdpSocket, Config) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    socket.set_nonblocking(true).unwrap();
    (
        socket,
        config.ns_bcport(port).broadcast_addrs(vec!["127.0.0.1".to_owned()]),
    )
}

/// What is sent on the loopback interface has arrived when the sender goes on.
fn assert_heard_nothing(socket: &UdpSocket) {
    let error = socket.recv(&mut [0; 100]).unwrap_err();
    assert_eq!(error.kind(), IoErrorKind::WouldBlock);
}

// Conformance: LOC-01
#[test]
fn the_key_is_used_for_the_search_and_stays_on_the_proxy() {
    let nameserver = builder().hmac_key("secret").bind().unwrap();
    let uri = nameserver.uri().clone();
    let _running = nameserver.start();
    let with_key = |key: &str| Settings::default().hmac_key(key);
    let client = locate(&uri, &with_key("secret")).unwrap();
    client.ping().unwrap();
    client.proxy().release();
    assert_eq!(client.count().unwrap(), 1);
    for key in ["", "wrong"] {
        let error = locate(&uri, &with_key(key)).unwrap_err();
        assert_eq!(
            (error.kind(), error.message()),
            (ErrorKind::Naming, "Failed to locate the nameserver")
        );
    }
}

// Conformance: LOC-02
#[test]
fn a_server_on_localhost_is_found_without_a_location() {
    let (uri, _running) = start();
    let config = Config::default().ns_port(uri.port().unwrap());
    let settings = Settings::new(config);
    assert_eq!(naming::locate_ns_with(None, &settings).unwrap().count().unwrap(), 1);
}

// Conformance: LOC-03
#[test]
fn nothing_is_broadcast_when_a_host_is_given() {
    let (socket, config) = responder(Config::default());
    let settings = local(config);
    let error = naming::locate_ns_with(Some(&Location::tcp("127.0.0.1", closed_port())), &settings).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Naming);
    assert_heard_nothing(&socket);
}

// Conformance: LOC-04
#[cfg(target_os = "linux")]
#[test]
fn nothing_is_broadcast_when_ns_host_is_set() {
    let (socket, config) = responder(Config::default());
    let (uri, _running) = start();
    let found = elsewhere(config.clone().ns_port(uri.port().unwrap()));
    assert_eq!(
        naming::locate_ns_with(None, &found)
            .unwrap()
            .lookup(NAMESERVER_ID)
            .unwrap(),
        uri
    );
    let nobody = elsewhere(config.ns_port(closed_port()));
    let error = naming::locate_ns_with(None, &nobody).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Naming);
    assert!(
        error
            .to_string()
            .ends_with("; not tried: a broadcast, as NS_HOST is set"),
        "{error}"
    );
    assert_heard_nothing(&socket);
}

// Conformance: LOC-07
#[test]
fn nothing_is_broadcast_if_that_is_not_wanted() {
    let (socket, config) = responder(Config::default());
    let (uri, _running) = start();
    let found = local(config.clone().ns_port(uri.port().unwrap())).broadcast(false);
    assert_eq!(naming::locate_ns_with(None, &found).unwrap().proxy().uri(), uri);
    let nobody = local(config.ns_port(closed_port())).broadcast(false);
    assert_eq!(
        naming::locate_ns_with(None, &nobody).unwrap_err().kind(),
        ErrorKind::Naming
    );
    assert_heard_nothing(&socket);
}

// Conformance: LOC-05
#[test]
fn the_port_chooses_between_two_servers_of_a_host() {
    let (one, _one) = start();
    let (other, _other) = start();
    for uri in [&one, &other] {
        let found = locate(uri, &Settings::default()).unwrap().list(&Filter::All).unwrap();
        assert_eq!(found[NAMESERVER_ID].uri, uri.to_string());
    }
    let by_default = local(Config::default().ns_port(other.port().unwrap()));
    let uri: Uri = format!("PYRONAME:{NAMESERVER_ID}").parse().unwrap();
    assert_eq!(naming::resolve_with(&uri, &by_default).unwrap(), other);
}

// Conformance: LOC-10, LOC-14
#[test]
fn who_finds_none_is_told_where_it_looked_and_why() {
    let port = closed_port();
    let address = format!("('127.0.0.1', {port})");
    let error = naming::locate_ns_with(Some(&Location::tcp("127.0.0.1", port)), &Settings::default()).unwrap_err();
    assert_eq!(
        (error.kind(), error.message()),
        (ErrorKind::Naming, "Failed to locate the nameserver")
    );
    let cause = error.source().unwrap().downcast_ref::<Error>().unwrap();
    assert_eq!(cause.kind(), ErrorKind::Communication);
    assert!(
        cause.message().starts_with(&format!("cannot connect to {address}: ")),
        "{cause}"
    );
    assert!(cause.message().contains("refused"), "{cause}");
    assert!(
        error
            .to_string()
            .contains(&format!("tried: 127.0.0.1:{port}: Connection refused")),
        "{error}"
    );
    let uri = format!("PYRO:thing@127.0.0.1:{port}");
    let direct = Proxy::new(uri.as_str()).unwrap().call::<()>("ping", ()).unwrap_err();
    assert_eq!(direct.kind(), ErrorKind::Communication);
    assert!(direct.message().contains(&address), "{direct}");
}

struct Thing(&'static str);

static THING: Members = Members::new("Thing", const { &[ferropyro::Method::new("name", &[])] });

impl Object for Thing {
    fn members(&self) -> &Members {
        &THING
    }

    fn call(&self, call: Call<'_>) -> Result<Reply, Raise> {
        call.reply(self.0)
    }
}

/// A daemon with two things, which are registered as `one` and `two`, both tagged `things`.
fn things(uri: &Uri) -> RunningDaemon {
    let daemon = Daemon::new().unwrap();
    let client = locate(uri, &Settings::default()).unwrap();
    for name in ["one", "two"] {
        let thing = daemon.register(name, Thing(name)).unwrap();
        client
            .register_with(name, &thing, true, &["things".to_owned()].into())
            .unwrap();
    }
    daemon.start()
}

fn name_of(proxy: &Proxy) -> String {
    proxy.call("name", ()).unwrap()
}

// Conformance: LOC-11, URI-03, URI-06, REG-01, REG-06
#[test]
fn all_ways_lead_to_the_object() {
    let (uri, _running) = start();
    let _things = things(&uri);
    let location = uri.location().unwrap();
    let port = uri.port().unwrap();
    let nameserver = locate(&uri, &Settings::default()).unwrap();
    let manual = nameserver.lookup("one").unwrap();
    assert!(manual.to_string().starts_with("PYRO:one@"), "{manual}");
    // With a location it is looked for there, wherever NS_HOST and NS_PORT lead.
    let (socket, config) = responder(Config::default());
    let elsewhere = local(config.clone().ns_port(closed_port()));
    let with_location: Uri = format!("PYRONAME:one@{location}").parse().unwrap();
    assert_eq!(naming::resolve_with(&with_location, &elsewhere).unwrap(), manual);
    // Without a port it is NS_PORT, without a host NS_HOST.
    let here = local(config.ns_port(port));
    for text in ["PYRONAME:one@127.0.0.1", "PYRONAME:one"] {
        let name = Uri::parse_with(text, port).unwrap();
        assert_eq!(naming::resolve_with(&name, &here).unwrap(), manual, "{text}");
    }
    assert_heard_nothing(&socket);
    let text = with_location.to_string();
    for proxy in [
        Proxy::new(text.as_str()).unwrap(),
        Proxy::new(with_location).unwrap(),
        Proxy::new(manual).unwrap(),
    ] {
        assert_eq!(name_of(&proxy), "one");
    }
}

/// A name server that counts look-ups.
struct Counting {
    inner: NameServerObject,
    lookups: Arc<AtomicUsize>,
}

impl Object for Counting {
    fn members(&self) -> &Members {
        self.inner.members()
    }

    fn call(&self, call: Call<'_>) -> Result<Reply, Raise> {
        if call.method() == "lookup" {
            self.lookups.fetch_add(1, Ordering::SeqCst);
        }
        self.inner.call(call)
    }
}

// Conformance: LOC-12
#[test]
fn a_proxy_on_a_name_asks_at_every_connect_until_it_is_bound() {
    let lookups = Arc::new(AtomicUsize::new(0));
    let daemon = Daemon::new().unwrap();
    let counting = Counting {
        inner: NameServerObject::new(Arc::new(store::memory())),
        lookups: Arc::clone(&lookups),
    };
    let uri = daemon.register(NAMESERVER_ID, counting).unwrap();
    let _running = daemon.start();
    let _things = things(&uri);
    let name = format!("PYRONAME:one@{}", uri.location().unwrap());
    let proxy = Proxy::new(name.as_str()).unwrap();
    for count in 1..=3 {
        assert_eq!(name_of(&proxy), "one");
        assert_eq!(name_of(&proxy), "one");
        assert_eq!(lookups.load(Ordering::SeqCst), count);
        assert_eq!(proxy.uri().to_string(), name);
        proxy.release();
    }
    proxy.bind().unwrap();
    let asked = lookups.load(Ordering::SeqCst);
    assert!(proxy.uri().to_string().starts_with("PYRO:one@"), "{}", proxy.uri());
    for _ in 0..3 {
        proxy.release();
        assert_eq!(name_of(&proxy), "one");
    }
    assert_eq!(lookups.load(Ordering::SeqCst), asked);
}

// Conformance: META-11
#[test]
fn a_proxy_on_tags_draws_again_at_every_connect_until_it_is_bound() {
    let (uri, _running) = start();
    let _things = things(&uri);
    let proxy = Proxy::new(format!("PYROMETA:things@{}", uri.location().unwrap()).as_str()).unwrap();
    let draw = || {
        proxy.release();
        name_of(&proxy)
    };
    let drawn: Vec<String> = (0..60).map(|_| draw()).collect();
    assert!(
        drawn.iter().any(|name| name == "one") && drawn.iter().any(|name| name == "two"),
        "{drawn:?}"
    );
    proxy.bind().unwrap();
    let bound = draw();
    assert!((0..20).all(|_| draw() == bound));
}

// Conformance: LOC-13
#[test]
fn resolving_leaves_no_connection_open() {
    let config = Config::default().threadpool_size(2usize).threadpool_size_min(1usize);
    let nameserver = builder().config(config).bind().unwrap();
    let uri = nameserver.uri().clone();
    let _running = nameserver.start();
    let _things = things(&uri);
    let name = format!("PYRONAME:one@{}", uri.location().unwrap());
    // They stay connected to the thing, in whose pool there is room for them.
    let proxies: Vec<Proxy> = (0..70).map(|_| Proxy::new(name.as_str()).unwrap()).collect();
    for proxy in &proxies {
        // The name server may not have seen the end of the last connection yet.
        loop {
            match proxy.call::<String>("name", ()) {
                Ok(name) => break assert_eq!(name, "one"),
                Err(error) => assert!(error.to_string().contains("no free workers"), "{error}"),
            }
        }
    }
    let one = locate(&uri, &Settings::default()).unwrap();
    assert_eq!(one.count().unwrap(), 3);
}
