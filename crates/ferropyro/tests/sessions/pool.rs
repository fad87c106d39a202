use std::sync::Arc;
use std::thread;

use ferropyro::config::ServerType;
use ferropyro::wire::MessageKind;
use ferropyro::{Config, Daemon, ErrorKind, Proxy, Result};

use super::support::{DIALECTS, Desk, NO_FREE_WORKERS, Raw, bind_when_free, desk, hello, proxy};

fn pool(size: usize) -> Config {
    Config::default().threadpool_size(size).threadpool_size_min(1_usize)
}

fn when_free(uri: &ferropyro::Uri) -> Result<Proxy> {
    let proxy = Proxy::new(uri.clone())?;
    bind_when_free(&proxy)?;
    Ok(proxy)
}

// Conformance: POOL-05, POOL-06, POOL-09
#[test]
fn a_full_pool_refuses_in_the_words_of_pyro_and_goes_on() -> Result<()> {
    let (daemon, uri) = desk(pool(2))?;
    let (one, other) = (Proxy::new(uri.clone())?, Proxy::new(uri.clone())?);
    one.bind()?;
    other.bind()?;
    for dialect in DIALECTS {
        let error = proxy(&uri, dialect)?.bind().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Communication);
        let port = daemon.address().expect("a TCP port").port();
        assert_eq!(
            error.message(),
            format!("connection to ('localhost', {port}) rejected: {NO_FREE_WORKERS}")
        );
    }
    assert_eq!(one.call::<i64>("add", (1, 2))?, 3);
    other.release();
    let third = when_free(&uri)?;
    assert_eq!(third.call::<i64>("add", (1, 2))?, 3);
    assert!(other.call::<i64>("add", (1, 2)).is_err());
    drop(one);
    drop(third);
    assert_eq!(when_free(&uri)?.call::<i64>("add", (1, 2))?, 3);
    Ok(())
}

// Conformance: POOL-06
#[test]
fn as_many_calls_run_at_once_as_there_are_workers() -> Result<()> {
    const WORKERS: usize = 30;
    let daemon = Daemon::builder().config(pool(WORKERS + 1)).bind()?;
    let desk = Arc::new(Desk::default());
    let uri = daemon.register_shared("desk", desk.clone())?;
    let _running = daemon.start();
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| Proxy::new(uri.clone()).unwrap().call::<()>("wait", ()).unwrap());
        }
        desk.await_waiting(WORKERS);
        Proxy::new(uri.clone()).unwrap().call::<()>("open", ()).unwrap();
    });
    assert_eq!(desk.await_passed(WORKERS), WORKERS);
    Ok(())
}

// Conformance: POOL-06
#[test]
fn the_daemon_tells_what_serves_and_how_many() -> Result<()> {
    let check_info = |daemon: &Daemon, ending: &str| -> Result<()> {
        let about = Proxy::new(daemon.uri_for(ferropyro::DAEMON_ID)?)?;
        let told: String = about.call("info", ())?;
        assert!(told.starts_with(&format!(
            "Pyro.Daemon bound on {}, NAT None, 2 objects registered.",
            daemon.location()
        )));
        assert!(told.ends_with(ending), "{told}");
        Ok(())
    };
    let (threads, _) = desk(pool(3))?;
    check_info(
        &threads,
        &format!("<SocketServer_Threadpool on {}; 1 workers>", threads.location()),
    )?;
    let (multiplex, uri) = desk(Config::default().servertype(ServerType::Multiplex))?;
    let open = Proxy::new(uri)?;
    open.call::<i64>("add", (1, 2))?;
    check_info(
        &multiplex,
        &format!("<SocketServer_Multiplex on {}; 2 connections>", multiplex.location()),
    )
}

#[test]
fn the_defaults_are_those_of_each_generation() {
    assert_eq!(
        (Config::pyro4().threadpool_size, Config::pyro4().threadpool_size_min),
        (40, 4)
    );
    assert_eq!(
        (Config::pyro5().threadpool_size, Config::pyro5().threadpool_size_min),
        (80, 4)
    );
}

#[test]
fn who_waits_to_be_refused_holds_up_nobody() -> Result<()> {
    let (daemon, uri) = desk(pool(1))?;
    let only = Proxy::new(uri)?;
    only.bind()?;
    // None of these says a word, so none can be refused yet; some get no answer at all.
    let silent: Vec<Raw> = (0..40).map(|_| Raw::connect(&daemon, DIALECTS[0])).collect();
    assert_eq!(only.call::<i64>("add", (1, 2))?, 3);
    drop(silent);
    loop {
        // As soon as one of those has been noticed to be gone.
        let mut late = Raw::connect(&daemon, DIALECTS[1]);
        late.send(&hello(DIALECTS[1]));
        if let Some(answer) = late.receive() {
            assert_eq!(answer.kind, MessageKind::CONNECTFAIL);
            assert!(answer.contains(NO_FREE_WORKERS));
            return Ok(());
        }
    }
}

#[test]
fn a_client_that_comes_right_after_another_has_gone_gets_its_place() -> Result<()> {
    let (_daemon, uri) = desk(pool(1))?;
    for round in 0..100 {
        let proxy = Proxy::new(uri.clone())?;
        assert_eq!(proxy.call::<i64>("add", (round, 1))?, round + 1);
    }
    Ok(())
}

#[test]
fn clients_that_come_and_go_leave_no_worker_behind() -> Result<()> {
    let (daemon, uri) = desk(pool(3))?;
    for _ in 0..200 {
        drop(Raw::connect(&daemon, DIALECTS[0]));
    }
    let proxies = [when_free(&uri)?, when_free(&uri)?, when_free(&uri)?];
    for proxy in &proxies {
        assert_eq!(proxy.call::<i64>("add", (1, 2))?, 3);
    }
    Ok(())
}
