//! Finding a name server by broadcast: the responder, and both clients. Everything stays on the loopback interface.

use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::thread;
use std::time::Duration;

use ferropyro::config::ServerType;
use ferropyro::naming::{self, NAMESERVER_ID, Settings};
use ferropyro::{Call, Config, Daemon, Error, ErrorKind, EventLoop, Members, Object, Proxy, Raise, Reply, Uri, aio};
use ferropyro_nameserver::{NameServerBuilder, NameServerDaemon, RunningNameServer};

/// As long as a test may wait for something that must come.
const PATIENCE: Duration = Duration::from_secs(20);
/// As long as a test waits for something that must not.
const SILENCE: Duration = Duration::from_millis(200);

fn builder() -> NameServerBuilder {
    NameServerBuilder::new()
        .host("0.0.0.0")
        .port(0)
        .broadcast_host("127.0.0.1")
        .broadcast_port(0)
}

/// The URI of this name server for clients on this machine.
fn local_uri(nameserver: &NameServerDaemon) -> String {
    let port = nameserver.daemon().address().unwrap().port();
    format!("PYRO:{NAMESERVER_ID}@127.0.0.1:{port}")
}

fn asker(patience: Duration) -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(patience)).unwrap();
    socket
}

fn answer(socket: &UdpSocket) -> Option<String> {
    let mut room = [0; 200];
    let (length, _) = socket.recv_from(&mut room).ok()?;
    Some(room[..length].iter().map(|byte| char::from(*byte)).collect())
}

fn ask(address: SocketAddr, question: &[u8], patience: Duration) -> Option<String> {
    let socket = asker(patience);
    socket.send_to(question, address).unwrap();
    answer(&socket)
}

/// A port on which nobody listens.
fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Nobody is on localhost, and the question goes to this port of this machine.
fn broadcast_to(port: u16) -> Config {
    Config::default()
        .ns_host("127.0.0.1")
        .ns_port(closed_port())
        .ns_bcport(port)
        .broadcast_addrs(vec!["127.0.0.1".to_owned()])
}

fn found(settings: &Settings) -> Result<Uri, Error> {
    Ok(naming::locate_ns_with(None, settings)?.proxy().uri())
}

/// What the async client finds.
fn found_async(config: &Config) -> Result<Uri, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let proxy = aio::Proxy::builder()
            .config(config.clone())
            .build_async(format!("PYRONAME:{NAMESERVER_ID}").as_str())?;
        proxy.call("lookup", (NAMESERVER_ID,)).await
    })
}

/// Somebody who answers every question with this, after a while.
fn impostor(answer: Vec<u8>, pause: Duration) -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    thread::spawn(move || {
        let mut room = [0; 100];
        while let Ok((length, from)) = socket.recv_from(&mut room) {
            assert_eq!(&room[..length], b"GET_NSURI");
            thread::sleep(pause);
            let _ = socket.send_to(&answer, from);
        }
    });
    port
}

fn start(builder: NameServerBuilder) -> (NameServerDaemon, RunningNameServer) {
    let nameserver = builder.bind().unwrap();
    let handle = nameserver.clone();
    (handle, nameserver.start())
}

// Conformance: NS-10, NS-23, NS-24
#[test]
fn answers_the_question_and_nothing_else() {
    let (nameserver, _running) = start(builder());
    let address = nameserver.broadcast_address().unwrap();
    assert_eq!(ask(address, b"GET_NSURI", PATIENCE), Some(local_uri(&nameserver)));
    for junk in [
        &b""[..],
        b"GET_NSUR",
        b"GET_NSURI\n",
        b"get_nsuri",
        b" GET_NSURI",
        &[0; 2000],
    ] {
        assert_eq!(ask(address, junk, SILENCE), None, "{junk:?}");
    }
    assert_eq!(ask(address, b"GET_NSURI", PATIENCE), Some(local_uri(&nameserver)));
}

// Conformance: NAT-04
#[test]
fn answers_with_the_internal_address() {
    let (nameserver, _running) = start(builder().nat_host("outside.example").nat_port(5555));
    let address = nameserver.broadcast_address().unwrap();
    assert_eq!(nameserver.uri().host(), Some("outside.example"));
    assert_eq!(ask(address, b"GET_NSURI", PATIENCE), Some(local_uri(&nameserver)));
}

#[test]
fn no_more_than_some_answers_go_to_one_address() {
    let (nameserver, _running) = start(builder());
    let address = nameserver.broadcast_address().unwrap();
    let socket = asker(Duration::from_millis(500));
    for _ in 0..150 {
        socket.send_to(b"GET_NSURI", address).unwrap();
    }
    let answers = std::iter::from_fn(|| answer(&socket)).count();
    assert_eq!(answers, 100);
}

#[test]
fn the_responder_ends_with_the_daemon() {
    let (nameserver, running) = start(builder());
    let address = nameserver.broadcast_address().unwrap();
    assert!(ask(address, b"GET_NSURI", PATIENCE).is_some());
    running.stop();
    UdpSocket::bind(address).unwrap();
}

struct Thing;

static THING: Members = Members::new("Thing", const { &[ferropyro::Method::new("name", &[])] });

impl Object for Thing {
    fn members(&self) -> &Members {
        &THING
    }

    fn call(&self, call: Call<'_>) -> Result<Reply, Raise> {
        call.reply("thing")
    }
}

// Conformance: NS-22
#[test]
fn one_thread_serves_a_program_its_name_server_and_the_responder() {
    for is_driven_by_hand in [false, true] {
        let multiplex = Config::default().servertype(ServerType::Multiplex);
        let nameserver = builder().config(multiplex).bind().unwrap();
        let application = Daemon::builder().multiplex().bind().unwrap();
        let uri = application.register("thing", Thing).unwrap();
        let mut event_loop = EventLoop::new().unwrap();
        event_loop.add(nameserver.daemon());
        event_loop.add(&application);
        let config = broadcast_to(nameserver.broadcast_address().unwrap().port());
        let client = thread::spawn(move || {
            let names = naming::locate_ns_with(None, &Settings::new(config.clone())).unwrap();
            names.register("thing", &uri).unwrap();
            let thing = Proxy::builder().config(config).build("PYRONAME:thing").unwrap();
            assert_eq!(thing.call::<String>("name", ()).unwrap(), "thing");
            nameserver.shutdown();
            application.shutdown();
        });
        match is_driven_by_hand {
            true => while event_loop.step(Duration::from_millis(10)) {},
            false => event_loop.run(),
        }
        client.join().unwrap();
    }
}

// Conformance: LOC-02, LOC-06
#[test]
fn both_clients_find_a_name_server_that_is_not_on_localhost() {
    let (nameserver, _running) = start(builder());
    let port = nameserver.broadcast_address().unwrap().port();
    let config = broadcast_to(port);
    let uri = local_uri(&nameserver);
    assert_eq!(found(&Settings::new(config.clone())).unwrap().to_string(), uri);
    assert_eq!(found_async(&config).unwrap(), *nameserver.uri());
    let name = format!("PYRONAME:{NAMESERVER_ID}");
    let proxy = Proxy::builder().config(config.clone()).build(name.as_str()).unwrap();
    assert_eq!(proxy.call::<usize>("count", ()).unwrap(), 1);
    // A port without a host is the UDP port.
    let other = broadcast_to(closed_port());
    assert!(found(&Settings::new(other.clone()).broadcast(false)).is_err());
    assert_eq!(found(&Settings::new(other).port(port)).unwrap().to_string(), uri);
}

// Conformance: LOC-09
#[cfg(target_os = "linux")] // elsewhere there is no more than one address of the loopback interface
#[test]
fn what_is_no_answer_is_ignored_and_the_fastest_answer_wins() {
    let (one, _one) = start(builder());
    let (other, _other) = start(builder());
    let slow = impostor(local_uri(&one).into(), Duration::from_millis(300));
    let config = broadcast_to(slow);
    let delayed = Settings::new(config);
    assert_eq!(found(&delayed).unwrap().to_string(), local_uri(&one));
    for junk in [
        &b"junk"[..],
        b"PYRO:Pyro.NameServer@0.0.0.0:9090",
        b"PYRO:other@127.0.0.1:1",
        &[b'x'; 2000],
    ] {
        // All of them sit on one port, on addresses of their own.
        let fast = UdpSocket::bind("127.0.0.3:0").unwrap();
        let address = fast.local_addr().unwrap();
        let relay = UdpSocket::bind(("127.0.0.2", address.port())).unwrap();
        let uri = local_uri(&other);
        thread::spawn(move || {
            let mut room = [0; 100];
            let (_, from) = relay.recv_from(&mut room).unwrap();
            relay.send_to(junk, from).unwrap();
            let (_, from) = fast.recv_from(&mut room).unwrap();
            fast.send_to(uri.as_bytes(), from).unwrap();
        });
        let both = vec!["127.0.0.2".to_owned(), "127.0.0.3".to_owned()];
        let settings = Settings::new(broadcast_to(address.port()).broadcast_addrs(both));
        assert_eq!(found(&settings).unwrap().to_string(), local_uri(&other));
    }
}

// Conformance: LOC-09, LOC-10, LOC-14
#[test]
fn whoever_finds_none_is_told_of_every_attempt() {
    let nowhere = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = nowhere.local_addr().unwrap().port();
    let config = broadcast_to(port);
    for error in [
        found(&Settings::new(config.clone())).unwrap_err(),
        found_async(&config).unwrap_err(),
    ] {
        assert_eq!(
            (error.kind(), error.message()),
            (ErrorKind::Naming, "Failed to locate the nameserver")
        );
        let text = error.to_string();
        let direct = format!("; tried: 127.0.0.1:{}: Connection refused", config.ns_port);
        assert!(text.contains(&direct), "{text}");
        let asked = format!("; tried: broadcast to 127.0.0.1, UDP port {port}: nobody answered in 3 rounds of 0.7 s");
        assert!(text.contains(&asked), "{text}");
    }
}

// Conformance: LOC-10, NS-30
#[test]
fn a_refusal_is_told_and_so_is_where_it_came_from() {
    let (nameserver, _running) = start(builder().hmac_key("secret"));
    let config = broadcast_to(nameserver.broadcast_address().unwrap().port());
    let port = nameserver.daemon().address().unwrap().port();
    let found_with = |key: &str| found(&Settings::new(config.clone()).hmac_key(key));
    assert_eq!(found_with("secret").unwrap().port(), Some(port));
    for (key, reason) in [
        ("wrong", "message hmac mismatch"),
        ("", "hmac key config not symmetric"),
    ] {
        let error = found_with(key).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains(&format!("('127.0.0.1', {port})")) && text.contains(reason),
            "{text}"
        );
        assert!(text.contains("nobody else answered"), "{text}");
    }
}
