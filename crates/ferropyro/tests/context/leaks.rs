//! Nothing of a call shows in another one.

use std::thread;

use ferropyro::config::ServerType;
use ferropyro::wire::Dialect;
use ferropyro::{Bytes, Config, ErrorKind, Items, Result, context};
use uuid::Uuid;

use super::support::{DIALECTS, Report, Server, answered, key};

/// One thread serves all.
fn one_worker(servertype: ServerType) -> Result<Server> {
    let config = Config::default()
        .servertype(servertype)
        .threadpool_size(1_usize)
        .threadpool_size_min(1_usize)
        .oneway_threaded(false);
    Server::with_config(config)
}

/// Calls as a client that sets nothing, as soon as the worker is free.
fn stranger(server: &Server, dialect: Dialect) -> Result<Report> {
    let proxy = server.proxy(dialect)?;
    loop {
        match proxy.call("report", ()) {
            Err(error) if error.kind() == ErrorKind::Communication && error.message().contains("no free workers") => {}
            other => return other,
        }
    }
}

// Conformance: CTX-11
#[test]
fn a_client_sees_nothing_of_the_one_that_its_thread_served_before() -> Result<()> {
    for servertype in [ServerType::Thread, ServerType::Multiplex] {
        let server = one_worker(servertype)?;
        for (dialect, other) in [
            (DIALECTS[0], DIALECTS[1]),
            (DIALECTS[1], DIALECTS[0]),
            (DIALECTS[0], DIALECTS[0]),
        ] {
            let id = Uuid::new_v4();
            let first = server.proxy(dialect)?;
            context::set_correlation_id(Some(id));
            context::annotate(key("MINE"), *b"private");
            let report: Report = first.call("report", ())?;
            assert_eq!(report.annotations["MINE"], b"private");
            first.call::<()>("careless", ())?;
            first.call_oneway("careless", ())?;
            assert!(first.call::<()>("annotate_and_raise", ()).is_err());
            drop(first);

            context::set_correlation_id(None);
            let seen = stranger(&server, other)?;
            assert!(seen.annotations.is_empty(), "{seen:?}");
            assert_ne!(seen.correlation_id, id.to_string());
            assert_ne!(seen.connection, report.connection);
            assert_eq!(answered(), [].into());
        }
    }
    Ok(())
}

// Conformance: CTX-11
#[test]
fn a_call_sees_nothing_of_the_one_before_on_its_connection() -> Result<()> {
    let server = one_worker(ServerType::Thread)?;
    for dialect in DIALECTS {
        let proxy = loop {
            let proxy = server.proxy(dialect)?;
            if proxy.metadata().is_ok() {
                break proxy;
            }
        };
        context::annotate(key("MINE"), *b"for one call");
        proxy.call::<()>("careless", ())?;
        let seen: Report = proxy.call("report", ())?;
        assert!(seen.annotations.is_empty(), "{seen:?}");
        let again: Report = proxy.call("report", ())?;
        assert_ne!(seen.correlation_id, again.correlation_id);
    }
    Ok(())
}

// Conformance: ANN-11
#[test]
fn annotations_of_a_call_that_failed_go_nowhere() -> Result<()> {
    for servertype in [ServerType::Thread, ServerType::Multiplex] {
        let server = one_worker(servertype)?;
        for (dialect, other) in [
            (DIALECTS[0], DIALECTS[1]),
            (DIALECTS[1], DIALECTS[0]),
            (DIALECTS[1], DIALECTS[1]),
        ] {
            let first = loop {
                let proxy = server.proxy(dialect)?;
                if proxy.metadata().is_ok() {
                    break proxy;
                }
            };
            let error = first.call::<()>("annotate_and_raise", ()).unwrap_err();
            assert_eq!(error.message(), "nope");
            assert_eq!(answered(), [].into(), "an exception takes none along");
            first.call::<Report>("report", ())?;
            assert_eq!(answered(), [].into(), "nor the next answer on the connection");
            assert!(first.call::<()>("annotate_and_raise", ()).is_err());
            drop(first);
            stranger(&server, other)?;
            assert_eq!(answered(), [].into(), "nor the next answer of the thread");
        }
    }
    Ok(())
}

// Conformance: ANN-11
#[test]
fn annotations_of_a_oneway_call_go_nowhere() -> Result<()> {
    for threaded in [true, false] {
        let server = Server::with_config(Config::default().oneway_threaded(threaded))?;
        for dialect in DIALECTS {
            let proxy = server.proxy(dialect)?;
            proxy.call_oneway("answer_bulk", (1, 10))?;
            proxy.call::<()>("keep_unanswered", ())?;
            server.witness.take();
            proxy.call::<Report>("report", ())?;
            assert_eq!(answered(), [].into());
        }
    }
    Ok(())
}

// Conformance: CTX-11
#[test]
fn what_a_client_sets_stays_in_its_thread() -> Result<()> {
    let server = Server::with_config(Config::default())?;
    for dialect in DIALECTS {
        context::set_correlation_id(Some(Uuid::new_v4()));
        context::annotate(key("MINE"), *b"of this thread");
        let elsewhere = thread::scope(|scope| {
            let thread = scope.spawn(|| -> Result<_> {
                assert_eq!(context::correlation_id(), None);
                let report: Report = server.proxy(dialect)?.call("report", ())?;
                Ok((report, context::response_annotations().len()))
            });
            thread.join().expect("no panic")
        })?;
        assert!(elsewhere.0.annotations.is_empty(), "{elsewhere:?}");
        let here: Report = server.proxy(dialect)?.call("report", ())?;
        assert_eq!(here.annotations["MINE"], b"of this thread");
        assert_eq!(
            Some(here.correlation_id),
            context::correlation_id().map(|id| id.to_string())
        );
    }
    Ok(())
}

// Conformance: CTX-11
#[test]
fn a_call_inside_of_a_call_leaves_the_thread_as_it_was() -> Result<()> {
    let server = Server::with_config(Config::default())?;
    let outer = Uuid::new_v4();
    context::set_correlation_id(Some(outer));
    context::annotate(key("MINE"), *b"of the outer thread");
    server.proxy(Dialect::V502)?.call_oneway("keep", ())?;
    let served = server.witness.take();
    context::annotate(key("NEXT"), *b"of the outer thread");
    context::set_correlation_id(None);
    {
        let _entered = served.enter();
        assert_eq!(context::correlation_id(), Some(outer));
        assert_eq!(context::current().map(|cx| cx.seq()), Some(served.seq()));
        let inner: Report = server.proxy(Dialect::V502)?.call("report", ())?;
        assert!(inner.annotations.is_empty(), "{inner:?}");
        context::set_correlation_id(Some(Uuid::new_v4()));
    }
    assert_eq!((context::correlation_id(), context::current().is_none()), (None, true));
    let report: Report = server.proxy(Dialect::V502)?.call("report", ())?;
    assert_eq!(report.annotations["NEXT"], b"of the outer thread");
    {
        let _entered = served.enter();
        server
            .proxy(Dialect::V502)?
            .call::<()>("answer_with", ("BACK", Bytes::from(&b"inside"[..])))?;
        context::annotate(key("LEFT"), *b"inside");
    }
    assert_eq!(answered(), [].into());
    let report: Report = server.proxy(Dialect::V502)?.call("report", ())?;
    assert!(report.annotations.is_empty(), "{report:?}");
    Ok(())
}

// Conformance: CTX-11
#[test]
fn a_stream_that_is_dropped_takes_nothing_of_the_next_call() -> Result<()> {
    let server = Server::with_config(Config::default())?;
    for dialect in DIALECTS {
        let proxy = server.proxy(dialect)?;
        let mut items: Items<u8> = proxy.call("items", (3,))?;
        assert_eq!(items.next().transpose()?, Some(0));
        context::annotate(key("MINE"), *b"of the next call");
        drop(items);
        assert_eq!(answered(), [("ITEM".to_owned(), vec![0])].into());
        let report: Report = proxy.call("report", ())?;
        assert_eq!(report.annotations["MINE"], b"of the next call");
    }
    Ok(())
}
