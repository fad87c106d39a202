//! Pickles as calls and answers: only for who asks for them, never for Pyro5, and as data.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use ferropyro::wire::Dialect;
use ferropyro::{Config, Daemon, ErrorKind, Proxy, Result, Serializer, Uri, Value};

use super::support::{DIALECTS, desk};

const PICKLES: [Serializer; 3] = [Serializer::Pickle, Serializer::Cloudpickle, Serializer::Dill];

fn accepting_all() -> Config {
    Config::default().serializers_accepted(Serializer::ALL)
}

#[test]
fn a_daemon_that_accepts_them_is_called_with_them() -> Result<()> {
    let (_daemon, uri) = desk(accepting_all())?;
    for serializer in PICKLES {
        let proxy = Proxy::builder().serializer(serializer).build(uri.clone())?;
        assert_eq!(proxy.call::<i64>("add", (1, 2))?, 3);
        let value = Value::Tuple(vec![
            Value::Bytes(vec![0, 255]),
            Value::Set([Value::from(1)].into_iter().collect()),
        ]);
        assert_eq!(proxy.call::<Value>("echo", (&value,))?, value);
        assert_eq!(proxy.dialect()?, Dialect::V48);
    }
    Ok(())
}

// Conformance: SER-13
#[test]
fn a_daemon_accepts_none_by_itself() -> Result<()> {
    let (_daemon, uri) = desk(Config::default())?;
    for (serializer, number) in PICKLES.into_iter().zip([4, 7, 5]) {
        let proxy = Proxy::builder().serializer(serializer).build(uri.clone())?;
        let error = proxy.call::<i64>("add", (1, 2)).expect_err("it is refused");
        let text = format!("message used serializer that is not accepted: {number}");
        assert!(error.message().ends_with(&text), "{error}");
    }
    Ok(())
}

// Conformance: SEC-01
#[test]
fn a_pyro5_server_is_never_sent_one() -> Result<()> {
    let only_pyro5 = accepting_all().protocols([Dialect::V502]);
    let (_daemon, uri) = desk(only_pyro5)?;
    for serializer in PICKLES {
        let builder = || Proxy::builder().serializer(serializer);
        for builder in [builder(), builder().dialect(Dialect::V502)] {
            let error = builder.build(uri.clone())?.call::<i64>("add", (1, 2));
            let error = error.expect_err("it is refused");
            assert!(
                error.message().contains(&format!("Pyro5 has no {serializer}")),
                "{error}"
            );
            assert!(matches!(error.kind(), ErrorKind::Communication | ErrorKind::Serialize));
        }
    }
    Ok(())
}

// Conformance: SEC-04
#[test]
fn what_only_python_could_make_stays_as_it_is_and_fits_no_type() -> Result<()> {
    let (_daemon, uri) = desk(accepting_all())?;
    let proxy = Proxy::builder().serializer(Serializer::Pickle).build(uri)?;
    let call: Value = ferropyro::formats::pickle::from_slice(b"cos\nsystem\n(Vls\ntR.")?;
    assert_eq!(proxy.call::<Value>("echo", (&call,))?.to_string(), call.to_string());
    let error = proxy.call::<i64>("add", (&call, 1)).expect_err("no number");
    assert_eq!(error.as_remote().map(|remote| remote.class_name()), Some("TypeError"));
    Ok(())
}

// Conformance: SER-12
#[test]
fn two_ends_of_ours_greet_in_a_protocol_for_all_and_go_on_in_the_highest_that_both_allow() -> Result<()> {
    for (allowed, expected) in [(5, 5), (4, 4)] {
        let (daemon, _) = desk(accepting_all().pickle_protocol_version(allowed))?;
        let (uri, heard) = overheard(&daemon);
        let proxy = Proxy::builder().serializer(Serializer::Pickle).build(uri)?;
        assert_eq!(proxy.call::<i64>("add", (1, 2))?, 3);
        for (sender, greeting) in heard.iter().zip([2, expected]) {
            let bytes = sender.lock().expect("nobody panics here").clone();
            let protocols: Vec<u8> = bytes
                .windows(4)
                // A pickle of a dict, tuple or number, with or without a frame.
                .filter(|window| window[0] == 0x80 && b"\x95}(K".contains(&window[2]))
                .map(|window| window[1])
                .collect();
            assert_eq!(protocols, [greeting, expected], "{bytes:x?}");
        }
    }
    Ok(())
}

type Bytes = Arc<Mutex<Vec<u8>>>;

/// Where the desk can be called so that what goes there and what comes back is heard, for one connection.
fn overheard(daemon: &Daemon) -> (Uri, [Bytes; 2]) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let uri = format!("PYRO:desk@{}", listener.local_addr().expect("its address"));
    let behind = daemon.address().expect("a TCP port");
    let heard = [Bytes::default(), Bytes::default()];
    let [there, back] = heard.clone();
    thread::spawn(move || {
        let (client, _) = listener.accept().expect("a connection");
        let server = TcpStream::connect(behind).expect("the daemon listens");
        let (of_client, of_server) = (
            client.try_clone().expect("a socket"),
            server.try_clone().expect("a socket"),
        );
        thread::spawn(move || pass_on(client, server, &there));
        pass_on(of_server, of_client, &back);
    });
    (uri.parse().expect("a URI"), heard)
}

fn pass_on(mut from: TcpStream, mut to: TcpStream, heard: &Bytes) {
    let mut buffer = [0; 1 << 16];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        heard.lock().expect("nobody panics here").extend(&buffer[..count]);
        if to.write_all(&buffer[..count]).is_err() {
            return;
        }
    }
}

#[test]
fn the_other_serializers_serve_both_generations_beside_them() -> Result<()> {
    let (_daemon, uri) = desk(accepting_all())?;
    for dialect in DIALECTS {
        let proxy = Proxy::builder().dialect(dialect).build(uri.clone())?;
        assert_eq!(proxy.call::<i64>("add", (1, 2))?, 3);
    }
    Ok(())
}
