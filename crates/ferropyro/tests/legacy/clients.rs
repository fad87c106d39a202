//! A proxy and servers of the old protocols.

use std::io::Write;
use std::net::{Shutdown, TcpListener};
use std::thread;

use ferropyro::wire::Flags;
use ferropyro::{Config, Daemon, Dialect, ErrorKind, Proxy, Result, SerializedBlob, Serializer, Value};

use crate::support::{OLD, SERVERS, desk, desk_of, old_server, serving};

#[test]
fn the_dialect_is_found_out_and_remembered() -> Result<()> {
    for dialect in OLD {
        for server in SERVERS {
            let (_running, uri) = desk(serving(&[dialect], server))?;
            for _ in 0..2 {
                let proxy = Proxy::new(uri.clone())?;
                assert_eq!(proxy.dialect()?, dialect);
                assert_eq!(proxy.call::<i64>("add", (1, 2))?, 3);
                assert_eq!(proxy.handshake_answer()?, Value::from("ok"));
            }
        }
    }
    Ok(())
}

#[test]
fn everything_is_called_as_in_other_dialects() -> Result<()> {
    for dialect in OLD {
        for serializer in [Serializer::Serpent, Serializer::Json, Serializer::Marshal] {
            let (_running, uri) = desk(serving(&[dialect, Dialect::V48], SERVERS[0]))?;
            let proxy = Proxy::builder().dialect(dialect).serializer(serializer).build(uri)?;
            assert_eq!(proxy.call::<String>("echo", ("\u{20ac}",))?, "\u{20ac}");
            let error = proxy.call::<()>("fail", ("so it is",)).unwrap_err();
            let remote = error.as_remote().expect("an exception of the server's");
            assert_eq!((remote.class(), error.message()), ("builtins.ValueError", "so it is"));
            proxy.call_oneway("note", ("x",))?;
            assert_eq!(proxy.call::<Vec<String>>("noted", ())?, ["x"]);
            if serializer == Serializer::Marshal {
                continue;
            }
            assert_eq!(proxy.get::<String>("color")?, "red");
            let mut batch = proxy.batch();
            batch
                .call("add", (1, 2))
                .call("fail", ("in a batch",))
                .call("add", (1, 2));
            let results: Vec<Result<Value>> = batch.run()?.collect();
            assert_eq!(results.len(), 2);
            assert_eq!(results[1].as_ref().unwrap_err().message(), "in a batch");
        }
    }
    Ok(())
}

#[test]
fn a_server_of_today_is_found_in_the_place_of_an_old_one() -> Result<()> {
    for later in [Dialect::V48, Dialect::V502, Dialect::V46] {
        let (running, uri) = desk(serving(&[Dialect::V47], SERVERS[0]))?;
        let port = running.address().expect("a TCP port").port();
        assert_eq!(Proxy::new(uri.clone())?.dialect()?, Dialect::V47);
        running.stop();
        let config = serving(&[later], SERVERS[0]);
        let (_running, _) = desk_of(Daemon::builder().port(port).config(config).bind()?)?;
        assert_eq!(Proxy::new(uri)?.dialect()?, later);
    }
    Ok(())
}

// Its greeting can get lost: it closes with unread input, which resets the connection, and some systems then forget what has arrived.
#[test]
fn a_server_is_listened_to_that_resets_whoever_speaks() -> Result<()> {
    let (running, _) = desk(serving(&[Dialect::V46], SERVERS[0]))?;
    let behind = running.address().expect("a TCP port");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = client.expect("a client");
            thread::spawn(move || {
                // Whoever speaks at once finds the connection closed, and hears nothing.
                let quick = std::time::Duration::from_millis(100);
                client.set_read_timeout(Some(quick)).expect("not zero");
                if client.peek(&mut [0]).is_ok() {
                    return client.shutdown(Shutdown::Both).unwrap_or_default();
                }
                client.set_read_timeout(None).expect("none");
                let mut server = std::net::TcpStream::connect(behind).expect("it listens");
                let mut back = (
                    server.try_clone().expect("a clone"),
                    client.try_clone().expect("a clone"),
                );
                thread::spawn(move || std::io::copy(&mut back.0, &mut back.1));
                let _ = std::io::copy(&mut client, &mut server);
                let _ = server.flush();
            });
        }
    });
    let proxy = Proxy::new(format!("PYRO:desk@127.0.0.1:{port}").as_str())?;
    assert_eq!(proxy.call::<i64>("add", (1, 2))?, 3);
    assert_eq!(proxy.dialect()?, Dialect::V46);
    Ok(())
}

#[test]
fn an_exception_of_the_oldest_is_known_by_its_class_alone() -> Result<()> {
    let classes = [
        ("exceptions.ValueError", "builtins.ValueError"),
        ("builtins.ValueError", "builtins.ValueError"),
        ("Pyro4.errors.NamingError", "Pyro4.errors.NamingError"),
    ];
    for (class, seen) in classes {
        let text = format!(r#"{{"__class__": "{class}", "args": ["no"], "attributes": {{"code": 7}}}}"#);
        let uri = old_server(
            Dialect::V46,
            Flags::EXCEPTION,
            Box::leak(text.into_boxed_str()).as_bytes(),
        );
        let proxy = Proxy::builder().serializer(Serializer::Json).build(uri)?;
        let error = proxy.call::<()>("fail", ()).unwrap_err();
        let remote = error.as_remote().expect("an exception of the server's");
        assert_eq!((remote.class(), error.message()), (seen, "no"));
        assert_eq!(remote.attribute("code"), Some(&Value::from(7)));
    }
    Ok(())
}

#[test]
fn a_server_without_get_metadata_is_called_without() -> Result<()> {
    let answer = br#"{"__class__": "exceptions.AttributeError", "__exception__": true, "args": ["no get_metadata"], "attributes": {}}"#;
    let uri = old_server(Dialect::V47, Flags::EXCEPTION, answer);
    let proxy = Proxy::builder().serializer(Serializer::Json).build(uri)?;
    let error = proxy.call::<()>("anything", ()).unwrap_err();
    assert_eq!(error.message(), "no get_metadata", "the answer of the call itself");
    assert_eq!(proxy.metadata()?, ferropyro::Metadata::default());
    Ok(())
}

#[test]
fn what_the_old_protocols_lack_is_refused() -> Result<()> {
    for dialect in OLD {
        let (_running, uri) = desk(serving(&[dialect], SERVERS[0]))?;
        let proxy = Proxy::new(uri)?;
        let blob = SerializedBlob::new("info", &[1, 2])?;
        let error = proxy.call::<Value>("echo", (blob,)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Serialize);
        assert_eq!(
            error.message(),
            format!("the server speaks {dialect}, which has no SerializedBlob")
        );
        assert_eq!(proxy.call::<i64>("add", (1, 2))?, 3);
    }
    Ok(())
}

#[test]
fn a_dialect_that_was_chosen_is_not_changed() -> Result<()> {
    let (_running, uri) = desk(serving(&[Dialect::V47], SERVERS[0]))?;
    for chosen in [Dialect::V46, Dialect::V48, Dialect::V502] {
        let error = Proxy::builder().dialect(chosen).build(uri.clone())?.bind().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol);
        assert!(
            error.to_string().contains("the server speaks protocol version: 47"),
            "{error}"
        );
    }
    Proxy::builder()
        .config(Config::default())
        .dialect(Dialect::V47)
        .build(uri)?
        .bind()
}
