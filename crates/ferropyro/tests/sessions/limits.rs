//! Limits of what clients can pile up.

use std::sync::Arc;
use std::time::Duration;

use ferropyro::{Config, ErrorKind, Proxy, Result};

use super::support::Desk;
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
