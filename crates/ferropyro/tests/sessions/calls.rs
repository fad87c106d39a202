use std::sync::Arc;
use std::thread;

use ferropyro::{Config, Error, ErrorKind, Proxy, Raise, Result, Value, expose};

use super::support::{DIALECTS, Desk, Raw, desk, hello, invoke, proxy};
use crate::server;
use ferropyro::wire::{Flags, MessageKind};

#[test]
fn requests_that_come_in_one_piece_are_answered_in_order() -> Result<()> {
    let (daemon, _) = desk(Config::default())?;
    for dialect in DIALECTS {
        let mut raw = Raw::connect(&daemon, dialect);
        let mut bytes = hello(dialect);
        for seq in 1..=50 {
            bytes.extend(invoke(dialect, seq, "add", &format!("({seq},1)")));
        }
        raw.send(&bytes);
        assert_eq!(raw.receive().map(|answer| answer.kind), Some(MessageKind::CONNECTOK));
        for seq in 1..=50 {
            let answer = raw.receive().expect("an answer");
            assert_eq!((answer.seq, answer.contains(&format!("\n{}", seq + 1))), (seq, true));
        }
    }
    Ok(())
}

#[test]
fn a_message_may_come_byte_by_byte() -> Result<()> {
    let (daemon, _) = desk(Config::default())?;
    for dialect in DIALECTS {
        let mut raw = Raw::connect(&daemon, dialect);
        for byte in hello(dialect).into_iter().chain(invoke(dialect, 9, "add", "(1,2)")) {
            raw.send(&[byte]);
        }
        assert_eq!(raw.receive().map(|answer| answer.kind), Some(MessageKind::CONNECTOK));
        assert_eq!(raw.receive().map(|answer| answer.seq), Some(9));
    }
    Ok(())
}

// A batch was once looked for inside its own first argument.
#[test]
fn the_arguments_of_a_batch_are_its_calls() -> Result<()> {
    let (daemon, _) = desk(Config::default())?;
    for dialect in DIALECTS {
        let mut raw = Raw::greeted(&daemon, dialect);
        let calls = "('desk','<batch>',[('add',(1,2),{}),('add',[3],{'b':4}),('echo',('x',),None)],None)";
        let payload = format!("# serpent utf-8 python3.2\n{calls}");
        raw.send(&super::support::frame(
            dialect,
            MessageKind::INVOKE,
            1,
            Flags::BATCH,
            payload.as_bytes(),
        ));
        let answer = raw.receive().expect("an answer");
        assert!(answer.contains("\n[3,7,'x']"), "{answer:?}");
    }
    Ok(())
}

#[test]
fn a_blob_without_a_label_is_refused_and_not_taken_for_arguments() -> Result<()> {
    let (daemon, _) = desk(Config::default())?;
    for dialect in DIALECTS {
        let mut raw = Raw::greeted(&daemon, dialect);
        let payload = b"# serpent utf-8 python3.2\n('desk','add',[1,2],{})";
        raw.send(&super::support::frame(
            dialect,
            MessageKind::INVOKE,
            1,
            Flags::KEEPSERIALIZED,
            payload,
        ));
        let answer = raw.receive().expect("an answer");
        assert!(
            answer.exception && answer.contains("KeyError") && answer.contains("BLBI"),
            "{answer:?}"
        );
        assert!(raw.call(2, "add", "(1,2)").expect("an answer").contains("\n3"));
    }
    Ok(())
}

#[test]
fn threads_share_a_proxy() -> Result<()> {
    let (_daemon, uri) = desk(Config::default())?;
    for dialect in DIALECTS {
        let shared = proxy(&uri, dialect)?;
        thread::scope(|scope| {
            for thread in 0..8_i64 {
                let shared = &shared;
                scope.spawn(move || {
                    for number in 0..100_i64 {
                        assert_eq!(
                            shared.call::<i64>("add", (thread * 1000, number)).unwrap(),
                            thread * 1000 + number
                        );
                    }
                });
            }
        });
    }
    Ok(())
}

#[test]
fn a_flood_of_oneway_calls_has_a_bound_and_loses_none() -> Result<()> {
    const CALLS: usize = 1100;
    let daemon = server::daemon().bind()?;
    let flooded = Arc::new(Desk::default());
    let uri = daemon.register_shared("desk", flooded.clone())?;
    let _running = daemon.start();
    let (flooding, opening) = (Proxy::new(uri.clone())?, Proxy::new(uri)?);
    thread::scope(|scope| {
        scope.spawn(|| (0..CALLS).for_each(|_| flooding.call("wait_unanswered", ()).unwrap()));
        // So many run in threads of their own; one more keeps the connection busy, and the others wait in its socket.
        flooded.await_waiting(1025);
        opening.call::<()>("open", ()).unwrap();
    });
    assert_eq!(flooded.await_passed(CALLS), 1025);
    Ok(())
}

#[test]
fn changes_of_the_registry_reach_connections_that_are_open() -> Result<()> {
    struct Other;

    #[expose]
    impl Other {
        pub fn add(&self, a: i64, b: i64) -> i64 {
            100 + a + b
        }
    }

    let (daemon, uri) = desk(Config::default())?;
    let proxy = Proxy::new(uri)?;
    assert_eq!(proxy.call::<i64>("add", (1, 2))?, 3);
    daemon.unregister("desk")?;
    let error = proxy.call::<i64>("add", (1, 2)).unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Daemon, "unknown object"));
    daemon.register("desk", Other)?;
    assert_eq!(proxy.call::<i64>("add", (1, 2))?, 103);
    Ok(())
}

// Conformance: REG-06
#[test]
fn an_id_stands_for_one_object_only() -> Result<()> {
    let daemon = server::daemon().bind()?;
    let uri = daemon.register("thing", Desk::default())?;
    assert_eq!(uri.to_string(), format!("PYRO:thing@{}", daemon.location()));
    let error = daemon.register("thing", Desk::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Daemon);
    assert!(error.to_string().contains("already registered"), "{error}");
    Ok(())
}

// Conformance: API-01, POOL-12
#[test]
fn errors_have_the_names_and_the_hierarchy_of_the_manual() {
    use ErrorKind::*;
    let hierarchy = [
        (Communication, "CommunicationError", Some(Pyro)),
        (ConnectionClosed, "ConnectionClosedError", Some(Communication)),
        (Timeout, "TimeoutError", Some(Communication)),
        (Protocol, "ProtocolError", Some(Communication)),
        (MessageTooLarge, "MessageTooLargeError", Some(Protocol)),
        (Serialize, "SerializeError", Some(Protocol)),
        (Naming, "NamingError", Some(Pyro)),
        (Daemon, "DaemonError", Some(Pyro)),
        (Security, "SecurityError", Some(Pyro)),
        (Pyro, "PyroError", None),
    ];
    for (kind, name, parent) in hierarchy {
        assert_eq!(kind.class(), format!("Pyro5.errors.{name}"));
        assert_eq!(kind.parent(), parent);
        for generation in ["Pyro4", "Pyro5"] {
            assert_eq!(ErrorKind::of_class(&format!("{generation}.errors.{name}")), kind);
        }
        assert!(kind.is_a(Pyro));
        assert_eq!(
            kind.is_a(Communication),
            !matches!(kind, Pyro | Naming | Daemon | Security)
        );
    }
}

// Conformance: API-01
#[test]
fn every_error_of_pyro_travels_as_itself() -> Result<()> {
    struct Raiser;

    #[expose]
    impl Raiser {
        pub fn raise(&self, class: &str) -> Result<(), Raise> {
            Err(Error::new(ErrorKind::of_class(class), "on purpose").into())
        }
    }

    let daemon = server::daemon().bind()?;
    let uri = daemon.register("raiser", Raiser)?;
    let _running = daemon.start();
    for dialect in DIALECTS {
        let proxy = proxy(&uri, dialect)?;
        for name in [
            "Pyro",
            "Communication",
            "ConnectionClosed",
            "Timeout",
            "Protocol",
            "Serialize",
            "Naming",
            "Daemon",
            "Security",
        ] {
            let generation = if dialect.is_pyro5() { "Pyro5" } else { "Pyro4" };
            let class = format!("{generation}.errors.{name}Error");
            let error = proxy.call::<Value>("raise", (class.as_str(),)).unwrap_err();
            assert_eq!(error.as_remote().map(|remote| remote.class()), Some(class.as_str()));
            assert_eq!(
                (error.kind(), error.message()),
                (ErrorKind::of_class(&class), "on purpose")
            );
        }
    }
    Ok(())
}

/// Nothing was sent, and the client waited for ever.
#[test]
fn an_exception_too_long_to_be_told_ends_the_connection() -> Result<()> {
    let (daemon, _) = desk(Config::default().max_message_size(1000_usize))?;
    for dialect in DIALECTS {
        let mut raw = Raw::greeted(&daemon, dialect);
        assert_eq!(raw.call(1, "panic", &format!("('{}',)", "x".repeat(800))), None);
    }
    Ok(())
}
