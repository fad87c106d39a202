//! Connected sockets of the program's own.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::thread;

use ferropyro::wire::{Deframer, MessageKind};
use ferropyro::{
    Config, ConnectedSocket, Daemon, DaemonBuilder, Dialect, Error, ErrorKind, Proxy, Result, Serializer, Uri,
};

use crate::{Echo, server};

fn pair() -> (UnixStream, UnixStream) {
    UnixStream::pair().expect("a pair of sockets")
}

/// Serves the socket with the objects `echo` and `another` until the other side closes it.
fn serve(builder: DaemonBuilder) -> Result<(Daemon, Uri, thread::JoinHandle<()>)> {
    let daemon = builder.bind()?;
    let uri = daemon.register("echo", Echo)?;
    daemon.register("another", Echo)?;
    let thread = thread::spawn({
        let daemon = daemon.clone();
        move || daemon.run()
    });
    Ok((daemon, uri, thread))
}

fn over<S>(object: &str, socket: S) -> Result<Proxy>
where
    S: TryInto<ConnectedSocket>,
    Error: From<S::Error>,
{
    Proxy::builder().connected_socket(object, socket)
}

// Conformance: SOCK-01
#[test]
fn a_daemon_serves_the_socket_that_it_is_given_and_makes_none() -> Result<()> {
    let (near, far) = pair();
    let config = Config::default().nathost("nat.example.com".to_owned()).natport(1_u16);
    let builder = server::daemon()
        .host("0.0.0.0")
        .port(4711)
        .nat_host("nat.example.com")
        .nat_port(5555);
    let (daemon, uri, running) = serve(builder.config(config).connected_socket(far))?;
    assert_eq!(uri.to_string(), "PYRO:echo@./u:<<not-bound>>");
    assert_eq!(daemon.address(), None);
    assert!(TcpStream::connect("127.0.0.1:4711").is_err());
    let proxy = over("echo", near)?;
    assert_eq!(proxy.call::<i64>("echo", (42,))?, 42);
    // The only holder of the other end.
    drop(proxy);
    running.join().expect("the loop ends with the connection");
    Ok(())
}

// Conformance: SOCK-01, SOCK-04
#[test]
fn any_connected_stream_socket_will_do() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let near = TcpStream::connect(listener.local_addr().expect("its address")).expect("a connection");
    let (far, _) = listener.accept().expect("the other end");
    let own = far.local_addr().expect("its address");
    let (_, uri, running) = serve(server::daemon().connected_socket(&far))?;
    drop(far);
    assert_eq!(uri.to_string(), format!("PYRO:echo@{own}"));
    assert_eq!(over("echo", near.as_fd())?.call::<i64>("echo", (1,))?, 1);
    assert_eq!(over("echo", OwnedFd::from(near))?.call::<i64>("echo", (2,))?, 2);
    running.join().expect("the loop ends with the connection");
    Ok(())
}

// Conformance: SOCK-02
#[test]
fn a_proxy_over_a_socket_has_the_name_of_its_object_only() -> Result<()> {
    let (near, _far) = pair();
    let uri = over("echo", &near)?.uri().to_string();
    assert_eq!(uri, "PYRO:echo@<<connected-socket>>:0");
    let error = over("PYRO:echo@localhost:4711", &near).expect_err("a location");
    assert!(error.message().starts_with("invalid port in uri, port="), "{error}");
    Ok(())
}

// Conformance: SOCK-02
#[test]
fn nobody_greets_anybody_and_the_first_message_asks_for_the_metadata() -> Result<()> {
    for dialect in [Dialect::V48, Dialect::V502] {
        let (near, mut far) = pair();
        let proxy = Proxy::builder().dialect(dialect).connected_socket("echo", near)?;
        let caller = thread::spawn(move || proxy.call::<i64>("echo", (1,)));
        let (mut bytes, mut piece) = (Vec::new(), [0; 1000]);
        let mut deframer = Deframer::for_dialect(dialect);
        let (kind, seq, payload) = loop {
            if let Some((_, message)) = deframer.next(&bytes).expect("a proper frame") {
                break (message.header.kind, message.header.seq, message.payload.into_owned());
            }
            let count = far.read(&mut piece).expect("the first message");
            bytes.extend_from_slice(&piece[..count]);
        };
        assert_eq!((kind, seq), (MessageKind::INVOKE, 1));
        let payload = String::from_utf8_lossy(&payload);
        assert!(
            payload.contains("Pyro.Daemon") && payload.contains("get_metadata"),
            "{payload}"
        );
        drop(far);
        let error = caller.join().expect("no panic").expect_err("nobody answers");
        assert_eq!(error.kind(), ErrorKind::ConnectionClosed);
    }
    Ok(())
}

// Conformance: SOCK-02
#[test]
fn the_hooks_of_the_handshake_are_not_called() -> Result<()> {
    for dialect in [Dialect::V48, Dialect::V502] {
        let (near, far) = pair();
        let builder = server::daemon().validate_handshake(|_, _| panic!("there is no handshake"));
        let (_, _, running) = serve(builder.connected_socket(far))?;
        let builder = Proxy::builder()
            .dialect(dialect)
            .validate_handshake(|_| panic!("there is no handshake"));
        let proxy = builder.connected_socket("echo", near)?;
        assert_eq!(proxy.call::<String>("echo", ("hello",))?, "hello");
        drop(proxy);
        running.join().expect("the loop ends with the connection");
    }
    Ok(())
}

// Conformance: SOCK-03
#[test]
fn what_is_only_lent_stays_open() -> Result<()> {
    let (mut near, mut far) = pair();
    let (daemon, _, running) = serve(server::daemon().connected_socket(&far))?;
    let first = over("echo", &near)?;
    assert_eq!(first.call::<i64>("echo", (1,))?, 1);
    drop(first);
    let second = over("another", &near)?;
    assert_eq!(second.call::<i64>("echo", (2,))?, 2);
    second.release();
    let error = second.call::<i64>("echo", (3,)).expect_err("it has had its socket");
    assert_eq!(error.kind(), ErrorKind::Communication);
    assert!(
        error
            .message()
            .starts_with("cannot connect to ('<<connected-socket>>', 0): "),
        "{error}"
    );
    // The daemon ends while the connection stands.
    daemon.shutdown();
    running.join().expect("it was told to end");
    drop(daemon);
    far.write_all(b"still open").expect("an open socket");
    let mut read = [0; 10];
    near.read_exact(&mut read).expect("an open socket");
    near.write_all(&read).expect("an open socket");
    // Reading waits again, as before.
    far.read_exact(&mut read).expect("an open socket");
    assert_eq!(&read, b"still open");
    Ok(())
}

// Conformance: SOCK-04
#[test]
fn a_socket_that_is_no_connected_stream_is_refused() -> Result<()> {
    let refusal = |socket: OwnedFd| ConnectedSocket::try_from(socket).expect_err("no connected stream");
    let listener = OwnedFd::from(TcpListener::bind("127.0.0.1:0").expect("a port"));
    let text = "cannot use the connected socket: Transport endpoint is not connected (os error 107)";
    if cfg!(target_os = "linux") {
        assert_eq!(refusal(listener).message(), text);
    }
    let (datagrams, _other) = UnixDatagram::pair().expect("a pair of sockets");
    let error = refusal(datagrams.into());
    assert_eq!(
        error.message(),
        "cannot use the connected socket: it is no stream socket"
    );
    assert_eq!(error.kind(), ErrorKind::Communication);
    let file = std::fs::File::open("/dev/null").expect("an open file");
    assert_eq!(refusal(file.into()).kind(), ErrorKind::Communication);
    // A daemon says it when it is made.
    let (connected, _other) = UnixDatagram::pair().expect("a pair of sockets");
    let unbound = server::daemon().connected_socket(OwnedFd::from(connected)).bind();
    assert_eq!(unbound.expect_err("no stream socket").kind(), ErrorKind::Communication);
    Ok(())
}

// Conformance: SOCK-04
#[test]
fn with_ssl_a_plain_socket_is_refused() {
    let (near, _far) = pair();
    let builder = Proxy::builder().config(Config::default().ssl(true));
    let error = builder
        .connected_socket("echo", &near)
        .expect_err("it is a plain socket");
    let text = "SSL configured for Pyro but existing socket is not a SSL socket";
    assert_eq!(error.message(), text);
}

#[test]
fn a_serializer_that_is_refused_does_not_end_the_connection() -> Result<()> {
    let (near, far) = pair();
    let config = Config::default().serializers_accepted([Serializer::Serpent]);
    let (_, _, running) = serve(server::daemon().config(config).connected_socket(far))?;
    let builder = Proxy::builder().serializer(Serializer::Marshal);
    let refused = builder.connected_socket("echo", &near)?.call::<i64>("echo", (1,));
    assert!(refused.is_err());
    assert_eq!(over("echo", &near)?.call::<i64>("echo", (2,))?, 2);
    drop(near);
    running.join().expect("the loop ends with the connection");
    Ok(())
}

#[test]
fn a_daemon_is_told_of_the_one_client_that_has_gone() -> Result<()> {
    let (near, far) = pair();
    let (sender, gone) = std::sync::mpsc::channel();
    let builder = server::daemon().client_disconnect(move |client| {
        sender.send(client.peer().clone()).expect("somebody listens");
    });
    let (daemon, _, running) = serve(builder.connected_socket(far))?;
    assert_eq!(over("echo", near)?.call::<i64>("echo", (1,))?, 1);
    assert_eq!(gone.recv(), Ok(ferropyro::Peer::Unix));
    running.join().expect("the loop ends with the connection");
    // There is nobody left to serve.
    daemon.run();
    Ok(())
}

#[test]
fn an_abstract_or_named_socket_tells_its_place() -> Result<()> {
    let folder = std::env::temp_dir();
    let path = folder.join(format!("ferropyro-connected-{}.sock", std::process::id()));
    let listener = UnixListener::bind(&path).expect("a socket");
    let _near = UnixStream::connect(&path).expect("a connection");
    let (far, _) = listener.accept().expect("the other end");
    let daemon = Daemon::builder().connected_socket(far).bind()?;
    assert_eq!(
        daemon.uri_for("echo")?.to_string(),
        format!("PYRO:echo@./u:{}", path.display())
    );
    std::fs::remove_file(path).expect("the file of the socket");
    Ok(())
}
