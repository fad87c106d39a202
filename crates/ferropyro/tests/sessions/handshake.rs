use std::time::Duration;

use ferropyro::wire::{Dialect, Flags, MessageKind};
use ferropyro::{Config, ErrorKind, Proxy, Raise, Result, Serializer, Value};

use super::support::{DIALECTS, Desk, Raw, desk, frame, hello, invoke, proxy};
use crate::server;

// Conformance: HS-01
#[test]
fn nothing_is_served_before_the_handshake() -> Result<()> {
    let (daemon, uri) = desk(Config::default())?;
    for dialect in DIALECTS {
        for first in [
            invoke(dialect, 1, "add", "(1,2)"),
            frame(dialect, MessageKind::PING, 1, Flags::NONE, b"ping"),
        ] {
            let mut raw = Raw::connect(&daemon, dialect);
            raw.send(&first);
            let answer = raw.receive().expect("a refusal");
            assert!(
                answer.kind == MessageKind::CONNECTFAIL && answer.contains("invalid msg type"),
                "{answer:?}"
            );
            assert_eq!(raw.receive(), None);
        }
        let metadata = proxy(&uri, dialect)?.metadata()?;
        assert!(metadata.methods.contains(&"add".to_owned()));
        assert_eq!(metadata.oneway, ["wait_unanswered"]);
    }
    Ok(())
}

#[test]
fn a_second_greeting_ends_the_connection() -> Result<()> {
    let (daemon, _) = desk(Config::default())?;
    for dialect in DIALECTS {
        let mut raw = Raw::greeted(&daemon, dialect);
        raw.send(&hello(dialect));
        assert_eq!(raw.receive(), None);
    }
    Ok(())
}

// Conformance: HS-06
#[test]
fn a_client_that_does_not_finish_its_greeting_is_told_and_let_go() -> Result<()> {
    let config = Config::default().handshake_timeout(Duration::from_millis(100));
    let (daemon, _) = desk(config)?;
    for dialect in DIALECTS {
        for length in [6, 20, hello(dialect).len() - 1] {
            let mut raw = Raw::connect(&daemon, dialect);
            raw.send(&hello(dialect)[..length]);
            let answer = raw.receive().expect("a refusal");
            assert!(
                answer.kind == MessageKind::CONNECTFAIL && answer.contains("receiving: timeout"),
                "{answer:?}"
            );
            assert_eq!((answer.seq, raw.receive()), (0, None));
        }
    }
    Ok(())
}

// Conformance: HS-06
#[test]
fn a_drop_now_and_then_does_not_put_the_deadline_off() -> Result<()> {
    let config = Config::default().handshake_timeout(Duration::from_millis(200));
    let (daemon, _) = desk(config)?;
    let mut raw = Raw::connect(&daemon, Dialect::V502);
    let (mut stream, greeting) = (raw.clone_stream(), hello(Dialect::V502));
    let dripping = std::thread::spawn(move || {
        // More than a minute of bytes, if the server had the patience.
        for byte in greeting.iter().cycle().take(2000) {
            if std::io::Write::write_all(&mut stream, &[*byte]).is_err() {
                return true;
            }
            std::thread::park_timeout(Duration::from_millis(50));
        }
        false
    });
    assert!(raw.receive().is_none_or(|answer| answer.contains("receiving: timeout")));
    drop(raw);
    assert!(dripping.join().expect("no panic"), "the server has read all of it");
    Ok(())
}

#[test]
fn a_greeting_may_be_no_larger_than_any_other_message() -> Result<()> {
    let (daemon, _) = desk(Config::default().max_message_size(1000_usize))?;
    for dialect in DIALECTS {
        let mut raw = Raw::connect(&daemon, dialect);
        raw.send(&frame(dialect, MessageKind::CONNECT, 0, Flags::NONE, &[b' '; 1001]));
        match raw.receive() {
            // Pyro4 closes without a word.
            None => assert_eq!(dialect, Dialect::V48),
            Some(answer) => assert!(answer.contains("message too large (1001, max=1000)"), "{answer:?}"),
        }
        assert_eq!(raw.receive(), None);
    }
    Ok(())
}

// Conformance: SER-04
#[test]
fn a_message_above_the_limit_is_not_sent_and_not_received() -> Result<()> {
    let (daemon, uri) = desk(Config::default().max_message_size(1000_usize))?;
    for dialect in DIALECTS {
        let mut raw = Raw::greeted(&daemon, dialect);
        raw.send(&invoke(dialect, 1, "echo", &format!("('{}',)", "x".repeat(1000))));
        assert_eq!(raw.receive(), None);

        let small = Config::default().max_message_size(1000_usize);
        let proxy = Proxy::builder().config(small).dialect(dialect).build(uri.clone())?;
        assert_eq!(proxy.call::<i64>("add", (1, 2))?, 3);
        let error = proxy.call::<Value>("echo", ("x".repeat(1000),)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::MessageTooLarge);
        assert_eq!(proxy.call::<i64>("add", (1, 2))?, 3);
    }
    Ok(())
}

// Conformance: HS-04
#[test]
fn the_reason_of_a_refusal_reaches_the_client_and_others_are_served() -> Result<()> {
    let daemon = server::daemon()
        .validate_handshake(|data, _| match data.as_str() {
            Some("nope") => Err(Raise::new("ValueError", "nope, not you")),
            _ => Ok(Value::from(vec![data.clone()])),
        })
        .bind()?;
    let uri = daemon.register("desk", Desk::default())?;
    let _running = daemon.start();
    for dialect in DIALECTS {
        let refused = Proxy::builder().handshake("nope").dialect(dialect).build(uri.clone())?;
        let error = refused.bind().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Communication);
        assert!(error.message().ends_with("rejected: nope, not you"), "{error}");
        let welcome = Proxy::builder().handshake("me").dialect(dialect).build(uri.clone())?;
        assert_eq!(welcome.handshake_answer()?, Value::from(vec!["me"]));
        assert_eq!(welcome.call::<i64>("add", (1, 2))?, 3);
    }
    Ok(())
}

// Conformance: SEC-03
#[test]
fn keys_must_be_the_same_on_both_sides() -> Result<()> {
    const KEYS: [Option<&str>; 3] = [None, Some("key A"), Some("key B")];
    for server_key in KEYS {
        let daemon = server::daemon().hmac_key(server_key.unwrap_or_default()).bind()?;
        let uri = daemon.register("desk", Desk::default())?;
        let running = daemon.start();
        for client_key in KEYS {
            let builder = Proxy::builder().dialect(Dialect::V48);
            let proxy = builder.hmac_key(client_key.unwrap_or_default()).build(uri.clone())?;
            match (proxy.call::<i64>("add", (1, 2)), server_key == client_key) {
                (Ok(sum), true) => assert_eq!(sum, 3),
                (Err(error), false) => {
                    let reason = match (server_key, client_key) {
                        (Some(_), Some(_)) => "message hmac mismatch",
                        _ => "hmac key config not symmetric",
                    };
                    assert_eq!(error.kind(), ErrorKind::Communication);
                    assert!(
                        error.message().starts_with("cannot connect to ('localhost', "),
                        "{error}"
                    );
                    assert!(error.message().ends_with(reason), "{error}");
                }
                (outcome, _) => panic!("{server_key:?} at the server, {client_key:?} at the client: {outcome:?}"),
            }
        }
        running.stop();
    }
    Ok(())
}

// Conformance: CFG-03
#[test]
fn a_daemon_keeps_the_settings_that_it_was_made_with() -> Result<()> {
    let mut config = Config::default();
    let both = desk(config.clone())?;
    config.serializers_accepted.retain(|name| name.name() == "json");
    let json_only = desk(config)?;
    for (serializer, accepted) in [(Serializer::Json, true), (Serializer::Serpent, false)] {
        let outcome = Proxy::builder()
            .serializer(serializer)
            .build(json_only.1.clone())?
            .bind();
        assert_eq!(outcome.is_ok(), accepted, "{outcome:?}");
        Proxy::builder().serializer(serializer).build(both.1.clone())?.bind()?;
    }
    Ok(())
}

/// It was taken for a client on a Unix domain socket, which a judge of handshakes may trust.
#[cfg(target_os = "linux")] // elsewhere such a connection is not even accepted
#[test]
fn a_client_that_resets_its_connection_keeps_its_address() -> Result<()> {
    let (tell, hears) = std::sync::mpsc::channel();
    let daemon = server::daemon()
        .validate_handshake(move |data, context| {
            let _ = tell.send(context.peer().clone());
            Ok(data.clone())
        })
        .bind()?;
    daemon.register("desk", Desk::default())?;
    let mut raw = Raw::connect(&daemon, DIALECTS[0]);
    raw.send(&hello(DIALECTS[0]));
    let address = raw.clone_stream().local_addr().expect("a TCP socket");
    raw.reset();
    let _running = daemon.start();
    assert_eq!(hears.recv().ok(), Some(ferropyro::Peer::Tcp(address)));
    Ok(())
}

/// It would be lost with the connection if the daemon closed that while the client is still sending.
#[test]
fn a_client_that_sends_far_too_much_learns_why_it_is_refused() -> Result<()> {
    let daemon = server::daemon().bind()?;
    daemon.register("desk", Desk::default())?;
    let daemon = daemon.start();
    let mut raw = Raw::connect(&daemon, Dialect::V502);
    raw.send(&frame(
        Dialect::V502,
        MessageKind::CONNECT,
        0,
        Flags::NONE,
        &vec![b'x'; 12 << 20],
    ));
    let refusal = raw.receive().expect("a refusal");
    assert_eq!(refusal.kind, MessageKind::CONNECTFAIL);
    assert!(refusal.contains("message too large"), "{refusal:?}");
    Ok(())
}
