//! What a method may know of its caller and of the request.

use std::collections::BTreeSet;
use std::sync::mpsc;
use std::thread;

use ferropyro::config::ServerType;
use ferropyro::wire::{Dialect, Flags, Header, MessageKind};
use ferropyro::{Config, Daemon, ErrorKind, Peer, Proxy, Result, Serializer, context};
use uuid::Uuid;

use super::support::{CROWD, DIALECTS, Raw, Report, Server, Witness, answered, chunks, fake_server, key};

// Conformance: CTX-01, CTX-02, CTX-11
#[test]
fn fifty_clients_at_a_time_each_see_their_own_call() -> Result<()> {
    for (servertype, method) in [(ServerType::Thread, "meet"), (ServerType::Multiplex, "report")] {
        let config = Config::default().servertype(servertype).threadpool_size(CROWD);
        let server = Server::with_config(config)?;
        let peers = thread::scope(|scope| {
            let server = &server;
            let clients: Vec<_> = (0..CROWD)
                .map(|number| scope.spawn(move || one_of_many(server, method, number as u8)))
                .collect();
            let reports = clients.into_iter().map(|client| client.join().expect("no panic"));
            reports.collect::<Result<BTreeSet<_>>>()
        })?;
        assert_eq!(peers.len(), CROWD, "each has an address of its own");
    }
    Ok(())
}

/// Several calls of one client; gives the address that the server saw.
fn one_of_many(server: &Server, method: &str, number: u8) -> Result<String> {
    let proxy = server.proxy(DIALECTS[usize::from(number) % 2])?;
    let id = Uuid::new_v4();
    context::set_correlation_id(Some(id));
    let mut peers = BTreeSet::new();
    for seq in 1..=3 {
        context::annotate(key("WHO_"), [number]);
        let report: Report = proxy.call(method, ())?;
        assert_eq!(report.correlation_id, id.to_string());
        assert_eq!(report.annotations["WHO_"], [number]);
        assert_eq!(report.seq, seq);
        if method == "meet" {
            assert_eq!(answered(), [("YOU_".to_owned(), vec![number])].into());
        }
        peers.insert(report.peer);
    }
    assert_eq!(peers.len(), 1);
    Ok(peers.into_iter().next().unwrap_or_default())
}

// Conformance: CTX-02
#[test]
fn a_method_knows_the_address_of_its_caller() -> Result<()> {
    let server = Server::start(Daemon::builder())?;
    for dialect in DIALECTS {
        let mut raw = Raw::connect(&server.daemon, dialect);
        let own = raw.address();
        raw.greet("'hello'");
        assert_eq!(raw.receive().header.kind, MessageKind::CONNECTOK);
        raw.invoke("keep", "()");
        raw.receive();
        assert_eq!(server.witness.take().peer(), &Peer::Tcp(own));
    }
    Ok(())
}

// Conformance: CTX-03
#[test]
fn a_oneway_call_knows_its_caller_even_when_that_has_gone() -> Result<()> {
    for servertype in [ServerType::Thread, ServerType::Multiplex] {
        let (gone, is_gone) = mpsc::channel();
        let builder = Daemon::builder()
            .config(Config::default().servertype(servertype))
            .client_disconnect(move |client| gone.send(client.peer().clone()).expect("the test waits"));
        let server = Server::start(builder)?;
        for dialect in DIALECTS {
            let proxy = server.proxy(dialect)?;
            let report: Report = proxy.call("report", ())?;
            proxy.call::<()>("keep_later", ())?;
            drop(proxy);
            let peer = is_gone.recv().expect("the daemon tells");
            server.witness.open();
            let context = server.witness.take();
            assert_eq!((context.peer(), context.seq()), (&peer, report.seq + 1));
            assert_eq!(peer.to_string(), report.peer);
        }
    }
    Ok(())
}

// Conformance: CTX-03
#[cfg(unix)]
#[test]
fn clients_of_a_unix_socket_have_no_address() -> Result<()> {
    let path = std::env::temp_dir().join(format!("ferropyro-context-{}.sock", std::process::id()));
    let server = Server::start(Daemon::builder().unix_socket(path.to_string_lossy()))?;
    for dialect in DIALECTS {
        let proxy = server.proxy(dialect)?;
        proxy.call::<()>("keep", ())?;
        assert_eq!(server.witness.take().peer(), &Peer::Unix);
        proxy.call::<()>("keep_unanswered", ())?;
        drop(proxy);
        assert_eq!(server.witness.take().peer(), &Peer::Unix);
    }
    Ok(())
}

// Conformance: CTX-04
#[test]
fn the_sequence_number_counts_the_calls_and_begins_again_after_16_bits() -> Result<()> {
    let server = Server::with_config(Config::default().oneway_threaded(false))?;
    for dialect in DIALECTS {
        let proxy = server.proxy(dialect)?;
        for seq in 1..=3 {
            assert_eq!(proxy.call::<Report>("report", ())?.seq, seq);
        }
        proxy.release();
        assert_eq!(
            proxy.call::<Report>("report", ())?.seq,
            4,
            "a new connection goes on counting"
        );
        for _ in 5..=65535 {
            proxy.call_oneway("report", ())?;
        }
        assert_eq!(proxy.call::<Report>("report", ())?.seq, 0);
        assert_eq!(proxy.call::<Report>("report", ())?.seq, 1);
    }
    Ok(())
}

// Conformance: CTX-04
#[test]
fn an_answer_with_another_sequence_number_ends_the_connection() -> Result<()> {
    for dialect in DIALECTS {
        for wrong in [0, 2, 3, 65535] {
            let (uri, fake) = fake_server(dialect, 1, move |client, _| {
                assert_eq!(client.receive().header.seq, 1);
                let header = client.header(MessageKind::RESULT, wrong);
                client.send(header, &[], "# serpent utf-8 python3.2\n'for somebody else'");
                assert!(client.is_at_end());
            });
            let proxy = Proxy::builder().dialect(dialect).build(uri.as_str())?;
            let error = proxy.call::<String>("report", ()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Protocol);
            assert_eq!(
                error.message(),
                format!("invoke: reply sequence out of sync, got {wrong} expected 1")
            );
            assert!(!proxy.is_connected());
            fake.join().expect("it saw what it expected");
        }
    }
    Ok(())
}

// Conformance: CTX-05
#[test]
fn a_method_knows_the_flags_of_the_request() -> Result<()> {
    let server = Server::start(Daemon::builder())?;
    for dialect in DIALECTS {
        let proxy = server.proxy(dialect)?;
        assert_eq!(proxy.call::<Report>("report", ())?.flags, 0);
        proxy.call_oneway("keep", ())?;
        assert_eq!(flags_of(&server), 4);
        proxy.call::<()>("keep_unanswered", ())?;
        assert_eq!(flags_of(&server), 4);
        batch(&server, dialect);
        assert_eq!(flags_of(&server), 8);

        let config = Config::default().compression(true);
        let compressing = Proxy::builder()
            .config(config)
            .dialect(dialect)
            .build(server.uri.clone())?;
        compressing.call::<()>("keep_with", ("x".repeat(300),))?;
        assert_eq!(flags_of(&server), 2);
        compressing.call_oneway("keep_with", ("x".repeat(300),))?;
        assert_eq!(flags_of(&server), 6);
        compressing.call::<()>("keep_with", ("short",))?;
        assert_eq!(flags_of(&server), 0);
    }
    Ok(())
}

/// Of the call that was kept, as its generation numbers them; Pyro5 has one for the correlation id, which these calls have not.
fn flags_of(server: &Server) -> u16 {
    let context = server.witness.take();
    context.flags().to_bits(context.dialect())
}

fn batch(server: &Server, dialect: Dialect) {
    let mut raw = Raw::connect(&server.daemon, dialect);
    raw.greet("'hello'");
    raw.receive();
    let header = Header {
        flags: Flags::BATCH,
        ..raw.header(MessageKind::INVOKE, 1)
    };
    let calls = "# serpent utf-8 python3.2\n('witness','<batch>',[('keep',(),{})],None)";
    raw.send(header, &[], calls);
    raw.receive();
}

// Conformance: CTX-05
#[test]
fn a_method_knows_the_serializer_of_the_request() -> Result<()> {
    let server = Server::start(Daemon::builder())?;
    for dialect in DIALECTS {
        for serializer in [
            Serializer::Serpent,
            Serializer::Json,
            Serializer::Marshal,
            Serializer::Msgpack,
        ] {
            let builder = Proxy::builder().dialect(dialect).serializer(serializer);
            builder.build(server.uri.clone())?.call::<()>("keep", ())?;
            let context = server.witness.take();
            assert_eq!((context.serializer(), context.dialect()), (serializer, dialect));
        }
    }
    Ok(())
}

// Conformance: CTX-06
#[test]
fn the_annotations_are_empty_at_first() -> Result<()> {
    let server = Server::start(Daemon::builder())?;
    let fresh = || (context::response_annotations().is_empty(), context::current().is_none());
    assert_eq!(thread::spawn(fresh).join().expect("no panic"), (true, true));
    for dialect in DIALECTS {
        server.proxy(dialect)?.call::<()>("keep", ())?;
        let context = server.witness.take();
        assert!(context.annotations().is_empty(), "{context:?}");
        assert_eq!(chunks(context.annotations().iter()), [].into());
    }
    Ok(())
}

// Conformance: CTX-07, CTX-08
#[test]
fn a_correlation_id_goes_along_until_it_is_changed() -> Result<()> {
    let server = Server::start(Daemon::builder())?;
    for dialect in DIALECTS {
        context::set_correlation_id(None);
        let proxy = server.proxy(dialect)?;
        let seen = || proxy.call::<Report>("report", ()).map(|report| report.correlation_id);
        let made = [seen()?, seen()?];
        for id in &made {
            assert_eq!(
                Uuid::parse_str(id).map(|id| id.get_version_num()),
                Ok(4),
                "the server made it"
            );
        }
        assert_ne!(made[0], made[1]);
        assert_eq!(
            context::correlation_id(),
            None,
            "what a server makes up does not become the client's"
        );

        let [one, other] = [Uuid::new_v4(), Uuid::new_v4()];
        context::set_correlation_id(Some(one));
        assert_eq!([seen()?, seen()?], [one.to_string(), one.to_string()]);
        context::set_correlation_id(Some(other));
        assert_eq!(seen()?, other.to_string());
        proxy.release();
        assert_eq!(seen()?, other.to_string());
        context::set_correlation_id(None);
        assert!(![one, other].map(|id| id.to_string()).contains(&seen()?));
    }
    Ok(())
}

#[test]
fn a_kept_context_stays_as_it_was() -> Result<()> {
    let server = Server::start(Daemon::builder())?;
    let witness: &Witness = &server.witness;
    for dialect in DIALECTS {
        let proxy = server.proxy(dialect)?;
        context::annotate(key("KEPT"), *b"first");
        proxy.call::<()>("keep", ())?;
        context::annotate(key("KEPT"), *b"second");
        proxy.call::<()>("keep", ())?;
        let [first, second] = [witness.take(), witness.take()];
        assert_eq!(
            (first.seq(), first.annotations().get(key("KEPT"))),
            (1, Some(&b"first"[..]))
        );
        assert_eq!(
            (second.seq(), second.annotations().get(key("KEPT"))),
            (2, Some(&b"second"[..]))
        );
    }
    Ok(())
}
