//! Raw sockets and their tickets.

use std::collections::VecDeque;
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use ferropyro::{Daemon, DaemonBuilder, Proxy};
use ferropyro_transfer::{Access, By, FileClient, Options, RawSockets};

use crate::support::{Scene, Unusual, bytes, is_open, rest, wait_until};

type Ticket = (String, (String, u16));

/// Raw sockets without a server of files.
fn sockets(daemon: &Daemon, life: Duration) -> RawSockets {
    RawSockets::builder(daemon).unwrap().ticket_life(life).build()
}

fn offer(sockets: &RawSockets) -> String {
    let offer = sockets.offer(|mut stream| stream.write_all(b"job")).unwrap();
    assert_eq!(offer.address().0, "localhost");
    offer.ticket().to_owned()
}

/// What comes for a ticket; nothing where nobody listens.
fn bring(address: SocketAddr, ticket: &str) -> Vec<u8> {
    let Ok(mut stream) = TcpStream::connect(address) else {
        return Vec::new();
    };
    match stream.write_all(ticket.as_bytes()) {
        Ok(()) => rest(stream),
        Err(_) => Vec::new(), // closed in this moment
    }
}

const LONG: Duration = Duration::from_secs(600);

#[test]
fn a_ticket_is_good_for_one_connection() {
    let daemon = Daemon::new().unwrap();
    let sockets = sockets(&daemon, LONG);
    let (first, second) = (offer(&sockets), offer(&sockets));
    let address = sockets.address().unwrap();
    assert_eq!(bring(address, &first), b"job");
    assert_eq!(bring(address, &first), b"");
    assert_eq!(bring(address, &second), b"job");
}

#[test]
fn a_wrong_ticket_gets_nothing() {
    let daemon = Daemon::new().unwrap();
    let sockets = sockets(&daemon, LONG);
    let good = offer(&sockets);
    let address = sockets.address().unwrap();
    for position in 0..good.len() {
        let mut wrong = good.clone().into_bytes();
        wrong[position] ^= 1;
        assert_eq!(bring(address, &String::from_utf8(wrong).unwrap()), b"", "{position}");
    }
    for strange in [
        "00000000-0000-0000-0000-000000000000",
        &good.to_uppercase(),
        &" ".repeat(36),
    ] {
        assert_eq!(bring(address, strange), b"", "{strange}");
    }
    // All that did the good one no harm.
    assert_eq!(bring(address, &good), b"job");
}

#[test]
fn a_ticket_that_is_too_old_gets_nothing() {
    let daemon = Daemon::new().unwrap();
    let sockets = sockets(&daemon, Duration::from_millis(100));
    let old = offer(&sockets);
    wait_until("the ticket expires", || sockets.in_use() == 0);
    // A later ticket opens the port again; on a busy machine it may be too old itself by now.
    let _later = offer(&sockets);
    if let Some(address) = sockets.address() {
        assert_eq!(bring(address, &old), b"");
    }
}

#[test]
fn a_client_that_never_comes_leaves_nothing_behind() {
    let daemon = Daemon::new().unwrap();
    let sockets = sockets(&daemon, Duration::from_millis(100));
    let before = held();
    let mut ports: Vec<u16> = Vec::new();
    for _ in 0..10 {
        let offer = sockets.offer(|_| Ok(())).unwrap();
        ports.push(offer.address().1);
    }
    wait_until("the tickets expire", || sockets.in_use() == 0);
    wait_until("the port is closed", || sockets.address().is_none());
    assert!(ports.iter().all(|port| !is_open((Ipv4Addr::LOCALHOST, *port).into())));
    wait_until("threads and descriptors are freed", || held() == before);
    wait_until("who comes in time gets a later one", || {
        let later = offer(&sockets);
        sockets
            .address()
            .is_some_and(|address| bring(address, &later) == b"job")
    });
}

/// The threads and the open descriptors of this process, which runs one test; nothing where the system does not tell.
fn held() -> [usize; 2] {
    ["/proc/self/task", "/proc/self/fd"].map(|folder| fs::read_dir(folder).map_or(0, |entries| entries.count()))
}

#[test]
fn a_client_that_reads_nothing_is_given_up() {
    let daemon = Daemon::new().unwrap();
    let sockets = RawSockets::builder(&daemon)
        .unwrap()
        .stall(Duration::from_millis(100))
        .build();
    let offer = sockets
        .offer(|mut stream| stream.write_all(&vec![0; 64 << 20]))
        .unwrap();
    let mut silent = TcpStream::connect(sockets.address().unwrap()).unwrap();
    silent.write_all(offer.ticket().as_bytes()).unwrap();
    wait_until("the job ends", || sockets.in_use() == 0);
}

#[test]
fn a_client_that_sends_nothing_is_given_up() {
    let scene = Scene::unusual(Unusual {
        access: Access::Create,
        sockets: Some(|sockets| sockets.stall(Duration::from_millis(100))),
        ..Unusual::default()
    });
    let proxy = scene.proxy();
    let (upload, _, checksum): (String, u64, String) = proxy.call("begin_upload", ("file", 10)).unwrap();
    let (ticket, address): Ticket = proxy.call("upload_socket", (&upload,)).unwrap();
    let mut silent = TcpStream::connect(address).unwrap();
    silent.write_all(ticket.as_bytes()).unwrap();
    assert_eq!(rest(silent), b"");
    let error = proxy.call::<()>("finish_upload", (&upload, &checksum)).unwrap_err();
    assert!(
        error
            .message()
            .starts_with("'file' has 0 of its 10 bytes; the raw socket ended with: "),
        "{error}"
    );
}

#[test]
fn the_port_closes_with_the_last_ticket() {
    let daemon = Daemon::new().unwrap();
    let sockets = sockets(&daemon, LONG);
    assert_eq!(sockets.address(), None);
    let only = offer(&sockets);
    let address = sockets.address().unwrap();
    assert_eq!(bring(address, &only), b"job");
    wait_until("the port is closed", || sockets.address().is_none());
    assert!(!is_open(address));
}

#[test]
fn a_fixed_port_is_opened_again_and_again() {
    let daemon = Daemon::new().unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let sockets = RawSockets::builder(&daemon).unwrap().port(free.port()).build();
    for _ in 0..20 {
        let only = offer(&sockets);
        assert_eq!(sockets.address(), Some(free));
        assert_eq!(bring(free, &only), b"job");
    }
}

#[test]
fn silent_connections_do_not_keep_others_waiting() {
    let daemon = Daemon::new().unwrap();
    let sockets = sockets(&daemon, LONG);
    let good = offer(&sockets);
    let address = sockets.address().unwrap();
    let silent: Vec<TcpStream> = (0..50).map(|_| TcpStream::connect(address).unwrap()).collect();
    assert_eq!(bring(address, &good), b"job");
    drop(silent);
}

#[test]
fn when_too_many_are_silent_the_one_that_waited_longest_goes() {
    let daemon = Daemon::new().unwrap();
    let sockets = RawSockets::builder(&daemon)
        .unwrap()
        .ticket_life(LONG)
        .most_silent(3)
        .build();
    let _keeps_the_port_open = offer(&sockets);
    let address = sockets.address().unwrap();
    let mut silent = VecDeque::new();
    for _ in 0..10 {
        silent.push_back(TcpStream::connect(address).unwrap());
        // Sooner than the silent ones would go by themselves.
        let good = offer(&sockets);
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(good.as_bytes()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        assert_eq!(answer, b"job");
        while silent.len() > 2 {
            assert_eq!(rest(silent.pop_front().unwrap()), b"");
        }
    }
    for mut stream in silent {
        stream.set_nonblocking(true).unwrap();
        let still_open = stream.read(&mut [0]).unwrap_err();
        assert_eq!(still_open.kind(), ErrorKind::WouldBlock);
    }
}

#[test]
fn one_connection_does_not_take_all_tickets() {
    let scene = Scene::unusual(Unusual {
        access: Access::Create,
        sockets: Some(|sockets| sockets.ticket_life(LONG).most(8)),
        ..Unusual::default()
    });
    scene.serve("file", b"content");
    let (greedy, other) = (scene.proxy(), scene.proxy());
    let (upload, ..): (String, u64, String) = greedy.call("begin_upload", ("new", 10)).unwrap();
    let ticket = || greedy.call::<Ticket>("upload_socket", (&upload,));
    let _tickets = (ticket().unwrap(), ticket().unwrap());
    let error = ticket().unwrap_err();
    assert!(error.message().starts_with("2 transfers of this connection"), "{error}");
    other.call::<Ticket>("open_socket", ("file",)).unwrap();
}

#[test]
fn there_are_no_more_tickets_than_allowed() {
    let daemon = Daemon::new().unwrap();
    let sockets = RawSockets::builder(&daemon).unwrap().most(2).build();
    let _tickets = (offer(&sockets), offer(&sockets));
    let error = sockets.offer(|_| Ok(())).unwrap_err();
    assert!(
        error.to_string().starts_with("RuntimeError: 2 transfers are under way"),
        "{error}"
    );
}

#[test]
fn tickets_are_worthless_when_the_raw_sockets_are_gone() {
    let daemon = Daemon::new().unwrap();
    let sockets = sockets(&daemon, LONG);
    let _ticket = offer(&sockets);
    let address = sockets.address().unwrap();
    drop(sockets);
    wait_until("the port is closed", || !is_open(address));
}

fn keyed() -> DaemonBuilder {
    Daemon::builder().hmac_key("a key")
}

#[test]
fn a_daemon_with_a_key_gives_no_raw_sockets_unless_told_to() {
    let get = |scene: &Scene, by| {
        let proxy = Proxy::builder().hmac_key("a key").build(&scene.uri).unwrap();
        let client = FileClient::new(proxy);
        client.get("file", scene.here("copy"), Options::new().by(by)).map(drop)
    };
    let careful = Scene::unusual(Unusual {
        daemon: Some(keyed()),
        ..Unusual::default()
    });
    careful.serve("file", &bytes(100_000));
    let error = get(&careful, By::Socket).unwrap_err().to_string();
    assert!(error.contains("neither signed nor encrypted"), "{error}");
    get(&careful, By::Annotations).unwrap();

    let careless = Scene::unusual(Unusual {
        daemon: Some(keyed()),
        sockets: Some(|sockets| sockets.allow_clear(true)),
        ..Unusual::default()
    });
    careless.serve("file", &bytes(100_000));
    get(&careless, By::Socket).unwrap();
}

#[cfg(unix)]
#[test]
fn there_are_no_raw_sockets_beside_a_unix_domain_socket() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sock");
    let daemon = Daemon::builder().unix_socket(path.to_str().unwrap()).bind().unwrap();
    let error = RawSockets::beside(&daemon).unwrap_err();
    assert!(error.to_string().contains("Unix domain socket"), "{error}");
}

#[test]
fn a_server_without_raw_sockets_says_what_to_do() {
    let served = tempfile::tempdir().unwrap();
    fs::write(served.path().join("file"), "content").unwrap();
    let daemon = Daemon::new().unwrap();
    let server = ferropyro_transfer::FileServer::builder(served.path()).build().unwrap();
    let uri = daemon.register("files", server).unwrap();
    let _running = daemon.start();
    let client = FileClient::new(Proxy::new(uri).unwrap());
    let error = client
        .get("file", served.path().join("copy"), Options::new().by(By::Socket))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "RuntimeError: this server has no raw sockets: transfer by annotations"
    );
}

#[test]
fn an_upload_over_a_raw_socket_that_is_cut_off_keeps_what_has_come() {
    let scene = Scene::new(Access::Create);
    let content = bytes(400_000);
    let proxy = scene.proxy();
    let begin = |proxy: &Proxy| proxy.call::<(String, u64, String)>("begin_upload", ("file", content.len(), true));
    let (upload, ..) = begin(&proxy).unwrap();
    let (ticket, address): Ticket = proxy.call("upload_socket", (&upload,)).unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(ticket.as_bytes()).unwrap();
    stream.write_all(&content[..100_000]).unwrap();
    drop(stream);
    // What comes after the end of the proxy's connection is of no use any more.
    wait_until("the server has got what was sent", || {
        let error = proxy.call::<()>("finish_upload", (&upload, "")).unwrap_err();
        error.message() == "'file' has 100000 of its 400000 bytes; the raw socket ended with: unexpected end of file"
    });
    proxy.release();
    wait_until("what has come is there for another try", || {
        begin(&scene.proxy()).is_ok_and(|upload| upload.1 == 100_000)
    });
    let source = scene.here("source");
    fs::write(&source, &content).unwrap();
    let resume = || {
        scene
            .client()
            .put(&source, "file", Options::new().by(By::Socket).resume(true))
    };
    wait_until("the upload is done", || {
        resume().is_ok_and(|done| done.resumed_at == 100_000)
    });
    assert!(fs::read(scene.served.path().join("file")).unwrap() == content);
}

#[test]
fn a_ticket_that_nobody_brings_does_not_keep_an_upload() {
    let scene = Scene::unusual(Unusual {
        access: Access::Create,
        sockets: Some(|sockets| sockets.ticket_life(LONG)),
        ..Unusual::default()
    });
    let begin = |proxy: &Proxy| proxy.call::<(String, u64, String)>("begin_upload", ("file", 10));
    let first = scene.proxy();
    let (upload, ..) = begin(&first).unwrap();
    let (ticket, address): Ticket = first.call("upload_socket", (&upload,)).unwrap();
    first.release();
    wait_until("the next upload begins", || begin(&scene.proxy()).is_ok());
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(ticket.as_bytes()).unwrap();
    assert_eq!(rest(stream), b"");
}

#[test]
fn an_upload_cannot_be_finished_while_bytes_come() {
    let scene = Scene::new(Access::Create);
    let proxy = scene.proxy();
    let (upload, _, checksum): (String, u64, String) = proxy.call("begin_upload", ("file", 10)).unwrap();
    let (ticket, address): Ticket = proxy.call("upload_socket", (&upload,)).unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(ticket.as_bytes()).unwrap();
    wait_until("the raw socket has the file", || {
        let finished = proxy.call::<()>("finish_upload", (&upload, &checksum)).unwrap_err();
        finished.as_remote().unwrap().class_name() == "BlockingIOError"
    });
    stream.write_all(b"0123456789").unwrap();
    assert_eq!(rest(stream), b"");
    let done = "84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882";
    proxy.call::<()>("finish_upload", (&upload, done)).unwrap();
    assert_eq!(fs::read(scene.served.path().join("file")).unwrap(), b"0123456789");
}
