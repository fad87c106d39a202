//! Limits of what clients can pile up.

use std::sync::Arc;
use std::time::Duration;

use ferropyro::wire::{Dialect, Flags, MessageKind};
use ferropyro::{Config, Daemon, ErrorKind, Proxy, Result};

use super::support::{DIALECTS, Desk, Raw, frame, hello};
use crate::server;

/// How many oneway calls a client can send until it has to wait for the last of them.
fn waits_after(config: Config, oneway_calls: usize) -> Result<()> {
    let daemon = server::daemon().config(config).bind()?;
    let desk = Arc::new(Desk::default());
    let uri = daemon.register_shared("desk", desk.clone())?;
    let _running = daemon.start();
    let proxy = Proxy::builder()
        .timeout(Duration::from_millis(250))
        .build(uri.clone())?;
    for count in 1..=oneway_calls {
        proxy.call_oneway("wait_unanswered", ())?;
        desk.await_waiting(count);
        if count < oneway_calls {
            assert_eq!(proxy.call::<i64>("add", (1, 2))?, 3);
        }
    }
    let error = proxy.call::<i64>("add", (1, 2)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    Proxy::new(uri)?.call::<()>("open", ())?;
    desk.await_passed(oneway_calls);
    Ok(())
}

#[test]
fn whoever_sends_more_oneway_calls_than_may_run_has_to_wait_for_them() -> Result<()> {
    waits_after(Config::default().max_oneways(2_usize), 3)
}

#[test]
fn whoever_sends_more_arguments_of_oneway_calls_than_may_wait_has_to_wait_for_them() -> Result<()> {
    waits_after(Config::default().max_oneway_bytes(10_usize), 1)
}

#[test]
fn a_thread_server_never_serves_more_than_it_has_threads_for() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()
        .expect("a runtime");
    let config = Config::default().threadpool_size(2_usize).threadpool_size_min(1_usize);
    let daemon = Daemon::builder().config(config).bind()?;
    daemon.register("desk", Desk::default())?;
    let serving = runtime.spawn({
        let daemon = daemon.clone();
        async move { daemon.serve().await }
    });
    for _ in 0..10 {
        let mut all: Vec<Raw> = (0..40).map(|_| Raw::connect(&daemon, DIALECTS[0])).collect();
        all.iter_mut().for_each(|raw| raw.send(&hello(DIALECTS[0])));
        let is_served = |raw: &mut Raw| {
            raw.receive()
                .is_some_and(|answer| answer.kind == MessageKind::CONNECTOK)
        };
        let served = all.iter_mut().map(is_served).filter(|is_served| *is_served).count();
        assert!(served <= 2, "{served} clients");
    }
    daemon.shutdown();
    runtime.block_on(serving).expect("no panic");
    Ok(())
}

#[test]
fn an_event_loop_does_not_take_greeted_clients_for_unfinished_handshakes() -> Result<()> {
    let config = Config::default()
        .protocols([Dialect::V46].into_iter().collect::<std::collections::BTreeSet<_>>())
        .max_unfinished_handshakes(1_usize)
        .max_connections(3_usize);
    let daemon = Daemon::builder().config(config).multiplex().bind()?.start();
    let mut greeted: Vec<Raw> = Vec::new();
    for _ in 0..3 {
        let mut raw = Raw::connect(&daemon, Dialect::V46);
        assert_eq!(raw.receive().map(|answer| answer.kind), Some(MessageKind::CONNECTOK));
        greeted.push(raw);
    }
    // They are connections like others, so there is no room for one more.
    let mut last = Raw::connect(&daemon, Dialect::V46);
    while last.receive().is_some() {}
    for raw in &mut greeted {
        raw.send(&frame(Dialect::V46, MessageKind::PING, 1, Flags::NONE, b"ping"));
        assert_eq!(raw.receive().map(|answer| answer.kind), Some(MessageKind::PING));
    }
    Ok(())
}

#[test]
fn a_server_with_tls_greets_nobody_in_the_clear() -> Result<()> {
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/tls");
    let config = Config::default()
        .protocols([Dialect::V46].into_iter().collect::<std::collections::BTreeSet<_>>())
        .ssl(true)
        .ssl_servercert(std::path::PathBuf::from(format!("{data}/rsa-cert.pem")))
        .ssl_serverkey(std::path::PathBuf::from(format!("{data}/pkcs8.pem")));
    let daemon = server::daemon().config(config).bind()?.start();
    let mut raw = Raw::connect(&daemon, Dialect::V46);
    raw.send(&frame(Dialect::V46, MessageKind::PING, 1, Flags::NONE, b"ping"));
    let first = raw.receive().map(|answer| answer.kind);
    assert_eq!(first, Some(MessageKind::CONNECTFAIL));
    Ok(())
}
