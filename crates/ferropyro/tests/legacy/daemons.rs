//! A daemon that serves the old protocols.

use std::sync::{Arc, Mutex};

use ferropyro::config::ServerType;
use ferropyro::wire::{Header, MessageKind, SerializerId};
use ferropyro::{Daemon, DaemonBuilder, Dialect, ErrorKind, Proxy, ProxyBuilder, Raise, Result, Value};

use crate::support::{End, JSON, OLD, SERVERS, desk, desk_of, serving};

#[test]
fn a_silent_client_is_greeted_as_python_2_and_3_can_read_it() -> Result<()> {
    for server in SERVERS {
        for dialect in OLD {
            let (running, _uri) = desk(serving(&[dialect, Dialect::V48, Dialect::V502], server))?;
            let mut client = End::connect(&running, dialect);
            let (header, payload, bytes) = client.receive();
            assert_eq!((header.kind, header.seq), (MessageKind::CONNECTOK, 1));
            assert_eq!(payload, b"u\x02\0\0\0ok");
            assert_eq!(bytes.len(), 24 + payload.len(), "no annotations");
            let call = Header {
                seq: 1,
                ..Header::new(dialect, MessageKind::INVOKE, JSON)
            };
            client.send(
                &call,
                br#"{"object": "desk", "method": "add", "params": [1, 2], "kwargs": {}}"#,
            );
            let (header, payload, _) = client.receive();
            assert_eq!(
                (header.kind, header.seq, header.dialect),
                (MessageKind::RESULT, 1, dialect)
            );
            assert_eq!(payload, b"3");
        }
    }
    Ok(())
}

#[test]
fn a_client_that_speaks_is_answered_in_its_own_dialect() -> Result<()> {
    for server in SERVERS {
        // Longer than any test takes.
        let config = serving(&[Dialect::V47, Dialect::V48, Dialect::V502], server);
        let (_running, uri) = desk(config.greeting_delay(std::time::Duration::from_secs(1000)))?;
        for dialect in [Dialect::V48, Dialect::V502] {
            let proxy = Proxy::builder().dialect(dialect).build(uri.clone())?;
            assert_eq!(proxy.call::<i64>("add", (1, 2))?, 3);
        }
    }
    Ok(())
}

#[test]
fn an_idle_client_costs_no_worker() -> Result<()> {
    let config = serving(&[Dialect::V46], SERVERS[0]);
    let config = config.threadpool_size(1usize).threadpool_size_min(1usize);
    let (running, uri) = desk(config)?;
    let mut idle: Vec<End> = (0..5).map(|_| End::connect(&running, Dialect::V46)).collect();
    for client in &mut idle {
        assert_eq!(client.receive().0.kind, MessageKind::CONNECTOK);
    }
    let proxy = Proxy::builder().dialect(Dialect::V46).build(uri.clone())?;
    assert_eq!(proxy.call::<i64>("add", (1, 2))?, 3);
    // Now the only worker is taken.
    let other = Proxy::builder().dialect(Dialect::V46).build(uri)?;
    let error = other.call::<i64>("add", (1, 2)).unwrap_err();
    assert_eq!(error.message(), "no free workers, increase server threadpool size");
    Ok(())
}

#[test]
fn the_hook_for_handshakes_is_asked_with_none_and_may_refuse() -> Result<()> {
    for server in SERVERS {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let judge = {
            let seen = Arc::clone(&seen);
            move |data: &Value, context: &ferropyro::Context| {
                seen.lock()
                    .expect("nobody panics here")
                    .push((data.clone(), context.dialect()));
                Err(Raise::new("ValueError", "not you"))
            }
        };
        let builder = Daemon::builder().config(serving(&[Dialect::V46], server));
        let (running, uri) = desk_of(builder.validate_handshake(judge).bind()?)?;
        let mut client = End::connect(&running, Dialect::V46);
        let (header, payload, _) = client.receive();
        assert_eq!(
            (header.kind, header.serializer),
            (MessageKind::CONNECTFAIL, SerializerId(3))
        );
        assert_eq!(payload, b"u\x07\0\0\0not you");
        let error = Proxy::builder().dialect(Dialect::V46).build(uri)?.bind().unwrap_err();
        assert!(error.message().ends_with("rejected: not you"), "{error}");
        let seen = seen.lock().expect("nobody panics here");
        assert_eq!(*seen, vec![(Value::None, Dialect::V46); 2]);
    }
    Ok(())
}

#[test]
fn iterators_are_no_results_and_are_not_kept() -> Result<()> {
    for dialect in OLD {
        let (running, uri) = desk(serving(&[dialect], SERVERS[0]))?;
        let proxy = Proxy::new(uri)?;
        let error = proxy.call::<Value>("pages", (3,)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
        assert_eq!(running.statistics().streams, 0);
    }
    Ok(())
}

#[test]
fn proxies_have_the_form_of_the_protocol() -> Result<()> {
    for (dialect, parts) in [(Dialect::V46, 3), (Dialect::V47, 9), (Dialect::V48, 9)] {
        let (_running, uri) = desk(serving(&[dialect], SERVERS[0]))?;
        let proxy = Proxy::builder().dialect(dialect).build(uri)?;
        let Value::Instance(instance) = proxy.call::<Value>("colleague", ())? else {
            panic!("a proxy is an instance");
        };
        assert_eq!(instance.class, "Pyro4.core.Proxy");
        let state = instance.attributes.get("state").and_then(Value::as_sequence);
        assert_eq!(state.map(<[Value]>::len), Some(parts), "{dialect}");
        let colleague = proxy.call::<Proxy>("colleague", ())?;
        assert_eq!(colleague.uri().to_string(), "PYRO:desk@localhost:1");
    }
    Ok(())
}

#[test]
fn an_unaccepted_serializer_is_told_with_a_class_that_the_client_knows() -> Result<()> {
    let msgpack = SerializerId(6);
    for (dialect, class) in [
        (Dialect::V46, "Pyro4.errors.ProtocolError"),
        (Dialect::V47, "Pyro4.errors.SerializeError"),
    ] {
        let (running, _uri) = desk(serving(&[dialect], SERVERS[0]))?;
        let mut client = End::connect(&running, dialect);
        client.receive();
        client.send(
            &Header {
                seq: 1,
                ..Header::new(dialect, MessageKind::INVOKE, msgpack)
            },
            b"",
        );
        let (_, payload, _) = client.receive();
        let text = String::from_utf8_lossy(&payload).into_owned();
        assert!(
            text.contains(class) && text.contains("message used serializer that is not accepted: 6"),
            "{text}"
        );
    }
    Ok(())
}

#[test]
fn protocols_that_contradict_each_other_are_refused() {
    let both = serving(&OLD, SERVERS[0]);
    let error = Daemon::builder().config(both).bind().unwrap_err();
    assert!(error.message().starts_with("46 and 47 exclude each other"), "{error}");
    let error = Daemon::builder().config(serving(&[], SERVERS[0])).bind().unwrap_err();
    assert_eq!(error.message(), "at least one protocol is needed");
    let builder = Daemon::builder().config(serving(&[Dialect::V502], SERVERS[0]));
    let error = builder.hmac_key("key").bind().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Value);
    assert!(error.message().contains("nothing but Pyro5"), "{error}");
}

// Conformance: SEC-03
#[test]
fn keys_are_checked_in_both_directions_in_all_of_pyro4_and_on_both_servers() -> Result<()> {
    for dialect in [Dialect::V46, Dialect::V47, Dialect::V48] {
        for server in SERVERS {
            check_keys(dialect, server)?;
        }
    }
    Ok(())
}

fn check_keys(dialect: Dialect, server: ServerType) -> Result<()> {
    let keys = [None, Some("A"), Some("B")];
    for server_key in keys {
        let builder = Daemon::builder().config(serving(&[dialect], server));
        let builder = server_key.into_iter().fold(builder, DaemonBuilder::hmac_key);
        let (_running, uri) = desk_of(builder.bind()?)?;
        for client_key in keys {
            let builder = Proxy::builder().dialect(dialect);
            let builder = client_key.into_iter().fold(builder, ProxyBuilder::hmac_key);
            let called = builder.build(uri.clone())?.call::<i64>("add", (1, 2));
            if client_key == server_key {
                assert_eq!(called?, 3);
                continue;
            }
            let reason = match (client_key, server_key) {
                (Some(_), Some(_)) => "message hmac mismatch",
                _ => "hmac key config not symmetric",
            };
            let error = called.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Communication);
            assert!(error.message().ends_with(reason), "{error}");
        }
    }
    Ok(())
}
