//! Connections that are lost, and made again.

use std::io::Read;
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use ferropyro::{Config, ErrorKind, Proxy, Result, RunningDaemon, Uri};

use super::support::{DIALECTS, Desk, Raw, desk, proxy};
use crate::server;

fn desk_on(port: u16) -> Result<(RunningDaemon, Uri)> {
    let daemon = server::daemon().port(port).bind()?;
    let uri = daemon.register("desk", Desk::default())?;
    Ok((daemon.start(), uri))
}

// Conformance: POOL-12
#[test]
fn reconnects_after_the_server_restarts() -> Result<()> {
    for dialect in DIALECTS {
        let (running, uri) = desk_on(0)?;
        let port = running.address().expect("a TCP port").port();
        let proxy = proxy(&uri, dialect)?;
        assert_eq!(proxy.call::<i64>("add", (1, 2))?, 3);
        running.stop();
        let error = proxy.call::<i64>("add", (1, 2)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionClosed, "{error}");
        let error = proxy.call::<i64>("add", (1, 2)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Communication, "{error}");
        let (_running, _) = desk_on(port)?;
        assert_eq!(proxy.call::<i64>("add", (1, 2))?, 3);
    }
    Ok(())
}

#[test]
fn max_retries_hides_a_restart() -> Result<()> {
    let (running, uri) = desk_on(0)?;
    let port = running.address().expect("a TCP port").port();
    let retrying = Proxy::builder()
        .config(Config::default().max_retries(1_u32))
        .build(uri)?;
    assert_eq!(retrying.call::<i64>("add", (1, 2))?, 3);
    running.stop();
    let (_running, _) = desk_on(port)?;
    assert_eq!(retrying.call::<i64>("add", (1, 2))?, 3);
    Ok(())
}

// Conformance: POOL-12
#[test]
fn a_server_that_says_nothing_is_a_timeout() -> Result<()> {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let uri = format!("PYRO:desk@127.0.0.1:{}", silent.local_addr().expect("its port").port());
    for dialect in DIALECTS {
        let builder = Proxy::builder().dialect(dialect).timeout(Duration::from_millis(50));
        let error = builder.build(uri.as_str())?.bind().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    }
    Ok(())
}

// Conformance: POOL-12
#[test]
fn a_server_that_hangs_up_in_the_handshake_is_a_lost_connection() -> Result<()> {
    let rude = TcpListener::bind("127.0.0.1:0").expect("a port");
    let uri = format!("PYRO:desk@127.0.0.1:{}", rude.local_addr().expect("its port").port());
    thread::spawn(move || {
        rude.incoming()
            .for_each(|stream| drop(stream.map(|mut stream| stream.read(&mut [0; 4096]))))
    });
    let error = Proxy::new(uri.as_str())?.bind().unwrap_err();
    assert!(error.is_a(ErrorKind::Communication), "{error}");
    assert!(
        error.message().starts_with("cannot connect to ('127.0.0.1', "),
        "{error}"
    );
    Ok(())
}

#[test]
fn silent_clients_do_not_stop_others() -> Result<()> {
    let (daemon, uri) = desk(Config::default())?;
    let mut silent: Vec<Raw> = (0..10).map(|_| Raw::connect(&daemon, DIALECTS[0])).collect();
    silent.extend((0..10).map(|_| Raw::greeted(&daemon, DIALECTS[1])));
    for dialect in DIALECTS {
        assert_eq!(proxy(&uri, dialect)?.call::<i64>("add", (1, 2))?, 3);
    }
    Ok(())
}

#[test]
fn an_idle_connection_ends_after_the_commtimeout_of_the_server() -> Result<()> {
    let (daemon, _) = desk(Config::default().commtimeout(Duration::from_millis(250)))?;
    for dialect in DIALECTS {
        assert_eq!(Raw::greeted(&daemon, dialect).receive(), None);
    }
    Ok(())
}

#[test]
fn a_message_cut_off_by_the_client_is_not_executed() -> Result<()> {
    let (daemon, uri) = desk(Config::default())?;
    for dialect in DIALECTS {
        let whole = super::support::invoke(dialect, 1, "open", "()");
        for length in 1..whole.len() {
            let mut raw = Raw::greeted(&daemon, dialect);
            raw.send(&whole[..length]);
            raw.finish();
            assert_eq!(raw.receive(), None);
        }
    }
    // Nobody has opened the gate, so a call that waits there is not answered.
    let impatient = Proxy::builder().timeout(Duration::from_millis(250)).build(uri)?;
    assert_eq!(impatient.call::<()>("wait", ()).unwrap_err().kind(), ErrorKind::Timeout);
    Proxy::new(impatient.uri())?.call::<()>("open", ())
}
