//! Annotations that a program adds to every message, and what it is shown of those that come in.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use ferropyro::context::AnnotationList;
use ferropyro::wire::{AnnotationKey, Dialect, MessageKind};
use ferropyro::{Bytes, Config, DaemonBuilder, Items, Proxy, ProxyBuilder, Result, Value, context};
use uuid::Uuid;

use super::support::{Chunks, DIALECTS, Raw, Report, Server, answered, chunks, key};
use crate::server;

const KEY: &str = "the key of both";

fn of_the_daemon() -> Chunks {
    [("DMON".to_owned(), b"of the daemon".to_vec())].into()
}

/// Adds an annotation to everything, and tries to replace those of Pyro itself.
fn hooked_daemon() -> DaemonBuilder {
    server::daemon().annotations(|_| with_reserved("DMON", b"of the daemon"))
}

fn with_reserved(name: &str, value: &[u8]) -> AnnotationList {
    let keys = ["CORR", "HMAC", "STRM", "BLBI", name];
    keys.iter().map(|name| (key(name), value.to_vec())).collect()
}

// Conformance: ANN-06, ANN-07
#[test]
fn the_hook_of_a_daemon_adds_to_every_message() -> Result<()> {
    let server = Server::start(hooked_daemon())?;
    for dialect in DIALECTS {
        let corr = |answered: &Chunks| answered.get("CORR").map(Vec::len);
        let added = |mut answered: Chunks| {
            answered.remove("CORR");
            answered.remove("STRM");
            answered
        };
        let mut raw = Raw::connect(&server.daemon, dialect);
        raw.greet("'hello'");
        let id_length = (!dialect.is_pyro5()).then_some(16);
        let greeting = raw.receive();
        assert_eq!(
            (greeting.header.kind, corr(&greeting.annotations)),
            (MessageKind::CONNECTOK, id_length)
        );
        assert_eq!(added(greeting.annotations), of_the_daemon());
        raw.invoke("report", "()");
        let result = raw.receive();
        assert_eq!(
            (result.header.kind, corr(&result.annotations)),
            (MessageKind::RESULT, id_length)
        );
        assert_eq!(added(result.annotations), of_the_daemon());
        raw.invoke("annotate_and_raise", "()");
        assert_eq!(added(raw.receive().annotations), of_the_daemon());
        raw.invoke("no_such_method", "()");
        assert_eq!(added(raw.receive().annotations), of_the_daemon());
        raw.invoke("items", "(1,)");
        let announced = raw.receive().annotations;
        assert_ne!(announced["STRM"], b"of the daemon");
        assert_eq!(added(announced), of_the_daemon());
        raw.send(raw.header(MessageKind::PING, 7), &[], "ping");
        let pong = raw.receive();
        assert_eq!(
            (pong.header.kind, corr(&pong.annotations)),
            (MessageKind::PING, id_length)
        );
        assert_eq!(added(pong.annotations), of_the_daemon());

        let mut refused = Raw::connect(&server.daemon, dialect);
        refused.invoke("report", "()");
        let refusal = refused.receive();
        assert_eq!(refusal.header.kind, MessageKind::CONNECTFAIL);
        assert_eq!(added(refusal.annotations), of_the_daemon());
    }
    Ok(())
}

// Conformance: ANN-06
#[test]
fn the_hook_of_a_daemon_is_asked_for_every_message() -> Result<()> {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let builder = server::daemon().annotations(move |_| {
        let number = count.fetch_add(1, Ordering::Relaxed) + 1;
        vec![(key("NUMB"), number.to_string().into_bytes())]
    });
    let server = Server::start(builder)?;
    for dialect in DIALECTS {
        let proxy = server.proxy(dialect)?;
        proxy.bind()?;
        for _ in 0..3 {
            proxy.call::<Report>("report", ())?;
            let number = asked.load(Ordering::Relaxed).to_string();
            assert_eq!(answered(), [("NUMB".to_owned(), number.into_bytes())].into());
        }
        let before = asked.load(Ordering::Relaxed);
        proxy.call::<()>("keep_unanswered", ())?;
        server.witness.take();
        assert_eq!(
            asked.load(Ordering::Relaxed),
            before,
            "nothing is sent for a oneway call"
        );
    }
    assert_eq!(asked.load(Ordering::Relaxed), 8);
    Ok(())
}

// Conformance: ANN-06
#[test]
fn a_daemon_with_a_hook_that_panics_goes_on() -> Result<()> {
    let server = Server::start(server::daemon().annotations(|_| panic!("in the hook")))?;
    for dialect in DIALECTS {
        let proxy = server.proxy(dialect)?;
        proxy.call::<()>("answer_with", ("BACK", Bytes::from(&b"x"[..])))?;
        assert_eq!(answered(), [("BACK".to_owned(), b"x".to_vec())].into());
    }
    Ok(())
}

fn hooked_proxy() -> ProxyBuilder {
    Proxy::builder().annotations(|| with_reserved("PRXY", b"of the proxy"))
}

// Conformance: ANN-06, ANN-07
#[test]
fn the_hook_of_a_proxy_adds_to_every_request() -> Result<()> {
    let greeted: Arc<Mutex<Vec<Chunks>>> = Arc::default();
    let greetings = Arc::clone(&greeted);
    let builder = server::daemon().validate_handshake(move |_, cx| {
        let seen = chunks(cx.annotations().iter());
        greetings.lock().expect("nobody panics here").push(seen);
        Ok(Value::None)
    });
    let server = Server::start(builder)?;
    for dialect in DIALECTS {
        let id = Uuid::new_v4();
        context::set_correlation_id(Some(id));
        let proxy = hooked_proxy().dialect(dialect).build(server.uri.clone())?;
        let expected = |annotations: &Chunks| {
            assert_eq!(annotations.get("PRXY").map(Vec::as_slice), Some(&b"of the proxy"[..]));
            let corr = (!dialect.is_pyro5()).then_some(&id.as_bytes()[..]);
            assert_eq!(annotations.get("CORR").map(Vec::as_slice), corr);
        };
        for _ in 0..2 {
            let seen: Report = proxy.call("report", ())?;
            assert_eq!(seen.correlation_id, id.to_string());
            expected(&seen.annotations);
        }
        proxy.call::<()>("keep_unanswered", ())?;
        expected(&chunks(server.witness.take().annotations().iter()));
        let greetings = std::mem::take(&mut *greeted.lock().expect("nobody panics here"));
        assert_eq!(greetings.len(), 1);
        expected(&greetings[0]);
    }
    Ok(())
}

// Conformance: ANN-07
#[test]
fn signatures_survive_the_hooks() -> Result<()> {
    let server = Server::start(hooked_daemon().hmac_key(KEY))?;
    let proxy = hooked_proxy().hmac_key(KEY).build(server.uri.clone())?;
    let id = Uuid::new_v4();
    context::set_correlation_id(Some(id));
    context::annotate(key("MINE"), *b"of the call");
    let seen: Report = proxy.call("report", ())?;
    assert_eq!(seen.correlation_id, id.to_string());
    assert_eq!(seen.annotations["CORR"], id.as_bytes());
    assert_eq!(seen.annotations["HMAC"].len(), 20);
    assert_eq!(seen.annotations["MINE"], b"of the call");
    assert_eq!(seen.annotations["PRXY"], b"of the proxy");
    let answered = context::response_annotations();
    assert_eq!(answered.get(AnnotationKey::CORR), Some(&id.as_bytes()[..]));
    assert_eq!(answered.get(AnnotationKey::HMAC).map(<[u8]>::len), Some(20));
    assert_eq!(answered.get(key("DMON")), Some(&b"of the daemon"[..]));
    let error = proxy.call::<()>("annotate_and_raise", ()).unwrap_err();
    assert_eq!(error.message(), "nope");
    let mut items: Items<u8> = proxy.call("items", (1,))?;
    assert_eq!(items.next().transpose()?, Some(0));

    let mut refused = Raw::connect(&server.daemon, Dialect::V48);
    refused.set_key(KEY);
    refused.greet("'without a signature'");
    let refusal = refused.receive();
    assert_eq!(refusal.header.kind, MessageKind::CONNECTFAIL);
    assert_eq!(refusal.annotations["HMAC"].len(), 20);
    Ok(())
}

// Conformance: ANN-06
#[test]
fn where_a_hook_and_a_call_give_the_same_key_the_hook_holds() -> Result<()> {
    let server = Server::start(hooked_daemon())?;
    for dialect in DIALECTS {
        let proxy = hooked_proxy().dialect(dialect).build(server.uri.clone())?;
        context::annotate(key("PRXY"), *b"of the call");
        let seen: Report = proxy.call("report", ())?;
        assert_eq!(seen.annotations["PRXY"], b"of the proxy");
        proxy.call::<()>("answer_with", ("DMON", Bytes::from(&b"of the call"[..])))?;
        assert_eq!(answered(), of_the_daemon());
    }
    Ok(())
}

// Conformance: ANN-10
#[test]
fn a_proxy_is_shown_the_annotations_of_every_answer() -> Result<()> {
    for (hooked, hook) in [(true, hooked_daemon()), (false, server::daemon())] {
        let server = Server::start(hook)?;
        for dialect in DIALECTS {
            let shown: Arc<Mutex<Vec<(MessageKind, Chunks)>>> = Arc::default();
            let keep = Arc::clone(&shown);
            let builder = Proxy::builder()
                .dialect(dialect)
                .on_response_annotations(move |annotations, kind| {
                    let seen = (kind, chunks(annotations.iter()));
                    keep.lock().expect("nobody panics here").push(seen);
                });
            let proxy = builder.build(server.uri.clone())?;
            proxy.call::<Report>("report", ())?;
            proxy.call::<()>("answer_with", ("BACK", Bytes::from(&b"and forth"[..])))?;
            proxy.call::<()>("keep_unanswered", ())?;
            assert!(proxy.call::<()>("annotate_and_raise", ()).is_err());
            let shown = std::mem::take(&mut *shown.lock().expect("nobody panics here"));
            let kinds: Vec<u16> = shown.iter().map(|(kind, _)| kind.0).collect();
            let backs = shown.iter().filter(|(_, seen)| seen.contains_key("BACK")).count();
            assert_eq!(backs, 1);
            match (hooked, dialect) {
                (true, _) => {
                    assert_eq!(kinds, [2, 5, 5, 5]);
                    assert!(shown.iter().all(|(_, seen)| seen["DMON"] == b"of the daemon"));
                }
                // Answers without annotations are not shown: an exception has no correlation id in Pyro4.
                (false, Dialect::V502) => assert_eq!(kinds, [5]),
                (false, _) => assert_eq!(kinds, [2, 5, 5]),
            }
        }
    }
    Ok(())
}

// Conformance: ANN-10
#[test]
fn the_hook_of_a_proxy_is_shown_each_new_connection() -> Result<()> {
    let server = Server::start(hooked_daemon())?;
    for dialect in DIALECTS {
        let connected = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connected);
        let builder = Proxy::builder()
            .config(Config::default())
            .dialect(dialect)
            .on_response_annotations(move |_, kind| {
                count.fetch_add(usize::from(kind == MessageKind::CONNECTOK), Ordering::Relaxed);
            });
        let proxy = builder.build(server.uri.clone())?;
        for number in 1..=3 {
            proxy.call::<Report>("report", ())?;
            proxy.call::<Report>("report", ())?;
            assert_eq!(connected.load(Ordering::Relaxed), number);
            proxy.release();
        }
    }
    Ok(())
}

#[test]
fn a_proxy_with_a_hook_that_panics_can_be_used_again() -> Result<()> {
    let server = Server::start(hooked_daemon())?;
    for dialect in DIALECTS {
        for place in ["annotations", "shown", "judged", "connected"] {
            let panics = Arc::new(AtomicBool::new(false));
            let hook = |name: &str| {
                let (panics, here) = (Arc::clone(&panics), name == place);
                move || assert!(!(here && panics.swap(false, Ordering::Relaxed)), "in the hook")
            };
            let [annotate, shown, judge, again] = ["annotations", "shown", "judged", "connected"].map(hook);
            let builder = Proxy::builder()
                .dialect(dialect)
                .annotations(move || {
                    annotate();
                    AnnotationList::new()
                })
                .on_response_annotations(move |_, _| shown())
                .validate_handshake(move |_| {
                    judge();
                    Ok(())
                })
                .on_reconnect(move |_| {
                    again();
                    Ok(())
                });
            let proxy = builder.build(server.uri.clone())?;
            let before: Report = proxy.call("report", ())?;
            proxy.release();
            panics.store(true, Ordering::Relaxed);
            let call = || proxy.call::<Report>("report", ());
            let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(call));
            assert!(caught.is_err(), "{place} {dialect}");
            assert!(!proxy.is_connected(), "{place} {dialect}");
            let after: Report = proxy.call("report", ())?;
            assert_ne!(before.connection, after.connection);
        }
    }
    Ok(())
}

#[test]
fn a_daemon_whose_hook_gives_more_than_a_pyro4_message_carries_says_so() -> Result<()> {
    let length = Arc::new(AtomicUsize::new(70_000));
    let given = Arc::clone(&length);
    let daemon = server::daemon().annotations(move |_| vec![(key("BULK"), vec![0; given.load(Ordering::Relaxed)])]);
    let server = Server::start(daemon)?;
    let proxy = Proxy::builder().dialect(Dialect::V48).build(server.uri.clone())?;
    let refused = proxy.call::<Value>("report", ()).unwrap_err();
    assert!(
        refused.message().contains("a Pyro4 message has room for 65535"),
        "{refused}"
    );
    length.store(10, Ordering::Relaxed);
    proxy.call::<Value>("report", ())?;
    length.store(70_000, Ordering::Relaxed);
    let raised = proxy.call::<Value>("report", ()).unwrap_err();
    assert!(
        raised.message().contains("a Pyro4 message has room for 65535"),
        "{raised}"
    );
    Ok(())
}
