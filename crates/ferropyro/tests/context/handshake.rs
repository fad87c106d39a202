//! What client and server tell each other when they connect.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use ferropyro::wire::{AnnotationKey, MessageKind};
use ferropyro::{Context, DaemonBuilder, Dict, Error, ErrorKind, Proxy, Raise, Result, Serializer, Value, context};
use uuid::Uuid;

use super::support::{DIALECTS, Raw, Report, Server, answered, chunks, key};
use crate::server;

const SERIALIZERS: [Serializer; 4] = [
    Serializer::Serpent,
    Serializer::Json,
    Serializer::Marshal,
    Serializer::Msgpack,
];

/// Values that every serializer carries as they are.
fn values() -> Vec<Value> {
    let nested = Dict::from([("deep", vec![Value::None, vec![1, 2].into(), Dict::new().into()])]);
    vec![
        Value::None,
        Value::from(true),
        Value::from(-7),
        Value::from(1.5),
        Value::from(""),
        Value::from("\u{fc}ser \u{20ac} 'n' \"password\""),
        Value::from(vec!["a", "list"]),
        Value::from(Vec::<i64>::new()),
        Dict::from([("user", "irmen"), ("password", "secret")]).into(),
        Dict::from([("nested", nested)]).into(),
    ]
}

/// Answers with what it got, and keeps it.
fn echoing(seen: &Arc<Mutex<Vec<Value>>>) -> DaemonBuilder {
    let seen = Arc::clone(seen);
    server::daemon().validate_handshake(move |data, _| {
        seen.lock().expect("nobody panics here").push(data.clone());
        Ok(Value::from(vec![data.clone()]))
    })
}

// Conformance: HS-02, HS-03
#[test]
fn values_of_any_kind_travel_in_the_handshake() -> Result<()> {
    let seen = Arc::default();
    let server = Server::start(echoing(&seen))?;
    for dialect in DIALECTS {
        for serializer in SERIALIZERS {
            for value in values() {
                let builder = Proxy::builder().dialect(dialect).serializer(serializer);
                let proxy = builder.handshake(value.clone()).build(server.uri.clone())?;
                assert_eq!(proxy.handshake_answer()?, Value::from(vec![value.clone()]));
                assert_eq!(seen.lock().expect("nobody panics here").pop(), Some(value));
            }
        }
    }
    Ok(())
}

// Conformance: HS-02, HS-03
#[test]
fn without_hooks_both_sides_say_hello() -> Result<()> {
    let seen = Arc::default();
    let asking = Server::start(echoing(&seen))?;
    let server = Server::start(server::daemon())?;
    for dialect in DIALECTS {
        asking.proxy(dialect)?.bind()?;
        assert_eq!(
            seen.lock().expect("nobody panics here").pop(),
            Some(Value::from("hello"))
        );
        assert_eq!(server.proxy(dialect)?.handshake_answer()?, Value::from("hello"));
    }
    Ok(())
}

// Conformance: HS-03, ANN-06
#[test]
fn the_daemons_hook_knows_who_is_there() -> Result<()> {
    let kept: Arc<Mutex<Vec<Context>>> = Arc::default();
    let keep = Arc::clone(&kept);
    let server = Server::start(server::daemon().validate_handshake(move |_, cx| {
        let current = context::current().expect("the hook has a context");
        assert_eq!(current.correlation_id(), cx.correlation_id());
        assert_eq!(context::correlation_id(), Some(cx.correlation_id()));
        cx.annotate(key("HOOK"), *b"of the handshake");
        keep.lock().expect("nobody panics here").push(cx.clone());
        Ok(Value::None)
    }))?;
    for dialect in DIALECTS {
        for serializer in SERIALIZERS {
            let id = Uuid::new_v4();
            context::set_correlation_id(Some(id));
            context::annotate(key("MINE"), *b"goes along");
            let proxy = Proxy::builder().dialect(dialect).serializer(serializer);
            let proxy = proxy.build(server.uri.clone())?;
            proxy.bind()?;
            assert_eq!(answered(), [("HOOK".to_owned(), b"of the handshake".to_vec())].into());
            let corr = context::response_annotations()
                .get(AnnotationKey::CORR)
                .map(<[u8]>::to_vec);
            assert_eq!(corr, (!dialect.is_pyro5()).then(|| id.as_bytes().to_vec()));

            let report: Report = proxy.call("report", ())?;
            assert_eq!(
                report.annotations["MINE"], b"goes along",
                "the handshake does not take it away"
            );
            assert_eq!(
                answered(),
                [].into(),
                "the handshake's annotation does not go with a call"
            );
            let cx = kept.lock().expect("nobody panics here").pop().expect("the hook ran");
            assert_eq!((cx.dialect(), cx.serializer(), cx.seq()), (dialect, serializer, 0));
            assert_eq!(
                (cx.peer().to_string(), cx.connection().number()),
                (report.peer, report.connection)
            );
            assert_eq!(cx.correlation_id(), id);
            assert_eq!(chunks(cx.annotations().iter())["MINE"], b"goes along");
        }
    }
    Ok(())
}

// Conformance: HS-04
#[test]
fn a_refused_client_may_come_again_with_better_words() -> Result<()> {
    let server = Server::start(server::daemon().validate_handshake(|data, _| match data {
        Value::Bytes(_) => panic!("in the hook"),
        Value::Str(_) => Ok(Value::None),
        _ => Err(Raise::new("ValueError", "nope")),
    }))?;
    let address = format!("('localhost', {})", server.uri.port().unwrap_or_default());
    for dialect in DIALECTS {
        let refused = |handshake: Value| {
            let builder = Proxy::builder().dialect(dialect).serializer(Serializer::Marshal);
            let proxy = builder.handshake(handshake).build(server.uri.clone())?;
            let error = proxy.call::<Report>("report", ()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Communication);
            assert!(!proxy.is_connected());
            Ok::<_, Error>(error.message().to_owned())
        };
        let reason = format!("connection to {address} rejected: nope");
        assert_eq!(refused(Value::None)?, reason);
        assert_eq!(refused(Value::from(vec![1]))?, reason);
        let mut raw = Raw::connect(&server.daemon, dialect);
        raw.greet("None");
        assert_eq!(raw.receive().header.kind, MessageKind::CONNECTFAIL);
        assert!(raw.is_at_end());
        let text = refused(Value::Bytes(vec![0]))?;
        assert!(
            text.starts_with(&format!("connection to {address} rejected: ")),
            "{text}"
        );
        server.proxy(dialect)?.call::<Report>("report", ())?;
    }
    Ok(())
}

// Conformance: HS-05
#[test]
fn a_proxy_may_refuse_what_the_daemon_answers() -> Result<()> {
    let (gone, is_gone) = std::sync::mpsc::channel();
    let seen = Arc::default();
    let builder = echoing(&seen).client_disconnect(move |_| gone.send(()).expect("the test waits"));
    let server = Server::start(builder)?;
    for dialect in DIALECTS {
        let judged = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&judged);
        let builder = Proxy::builder().handshake("me").dialect(dialect);
        let proxy = builder.validate_handshake(move |answer| {
            assert_eq!(answer, &Value::from(vec!["me"]));
            match count.fetch_add(1, Ordering::Relaxed) {
                1 | 2 => Err(Error::new(ErrorKind::Value, "not my daemon").with("asked", "twice")),
                _ => Ok(()),
            }
        });
        let proxy = proxy.build(server.uri.clone())?;
        proxy.call::<Report>("report", ())?;
        proxy.call::<Report>("report", ())?;
        assert_eq!(judged.load(Ordering::Relaxed), 1, "once a connection");
        proxy.release();
        is_gone.recv().expect("the daemon tells");

        let error = proxy.call::<Report>("report", ()).unwrap_err();
        assert_eq!((error.kind(), error.message()), (ErrorKind::Value, "not my daemon"));
        assert!(!proxy.is_connected());
        is_gone.recv().expect("the connection was closed while the proxy lives");
        assert_eq!(proxy.bind().unwrap_err().message(), "not my daemon");
        is_gone.recv().expect("the connection was closed while the proxy lives");

        proxy.call::<Report>("report", ())?;
        assert_eq!(judged.load(Ordering::Relaxed), 4);
        drop(proxy);
        is_gone.recv().expect("the daemon tells");
    }
    Ok(())
}

#[test]
fn bytes_in_the_handshake_stay_bytes_where_the_serializer_has_them() -> Result<()> {
    let seen = Arc::default();
    let server = Server::start(echoing(&seen))?;
    for dialect in DIALECTS {
        for serializer in [Serializer::Marshal, Serializer::Msgpack] {
            let data = Value::Bytes((0..=255).collect());
            let builder = Proxy::builder().dialect(dialect).serializer(serializer);
            let proxy = builder.handshake(data.clone()).build(server.uri.clone())?;
            assert_eq!(proxy.handshake_answer()?, Value::from(vec![data.clone()]));
            assert_eq!(seen.lock().expect("nobody panics here").pop(), Some(data));
        }
    }
    Ok(())
}

// Conformance: HS-03, HS-06
#[test]
fn an_answer_that_cannot_be_sent_is_a_refusal() -> Result<()> {
    let server = Server::start(server::daemon().validate_handshake(|data, cx| match data.as_str() {
        Some("bytes") => Ok(Value::Bytes(vec![0])),
        Some("annotations") => {
            cx.annotate(key("BULK"), vec![0; 65_536]);
            Ok(Value::None)
        }
        _ => Ok(Value::None),
    }))?;
    for dialect in DIALECTS {
        let refusal = |handshake: &str| {
            let builder = Proxy::builder().dialect(dialect).serializer(Serializer::Json);
            let proxy = builder.handshake(handshake).build(server.uri.clone())?;
            match proxy.bind() {
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Communication);
                    assert!(!proxy.is_connected());
                    Ok(error.message().to_owned())
                }
                Ok(()) => Ok::<_, Error>(String::new()),
            }
        };
        assert!(refusal("bytes")?.contains("rejected: "), "{}", refusal("bytes")?);
        let text = refusal("annotations")?;
        match dialect.is_pyro5() {
            true => assert_eq!(text, ""),
            false => assert!(
                text.ends_with("rejected: the annotations take 65564 bytes, a Pyro4 message has room for 65535"),
                "{text}"
            ),
        }
        server.proxy(dialect)?.call::<Report>("report", ())?;
    }
    Ok(())
}

// Conformance: HS-02
#[test]
fn data_that_the_serializer_does_not_take_is_an_error_of_the_client() -> Result<()> {
    let seen = Arc::default();
    let server = Server::start(echoing(&seen))?;
    for dialect in DIALECTS {
        let builder = Proxy::builder().dialect(dialect).serializer(Serializer::Json);
        let proxy = builder.handshake(Value::Bytes(vec![0])).build(server.uri.clone())?;
        let error = proxy.bind().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Serialize, "{error}");
        assert!(!proxy.is_connected());
    }
    assert!(seen.lock().expect("nobody panics here").is_empty());
    Ok(())
}
