//! A panic in the program's own code ends a call at most, never a worker.

use std::thread::{self, ThreadId};

use ferropyro::{Call, Config, Error, InstanceMode, Members, Method, Object, Proxy, Raise, Reply, Result, expose};

use super::support::{DIALECTS, Desk, bind_when_free, desk, proxy};
use crate::server;

/// With one worker only, a lost one would be missed.
fn one_worker() -> Config {
    Config::default().threadpool_size(1_usize).threadpool_size_min(1_usize)
}

#[test]
fn a_panic_in_a_method_is_an_exception_and_the_connection_goes_on() -> Result<()> {
    let (_daemon, uri) = desk(one_worker())?;
    for dialect in DIALECTS {
        let proxy = proxy(&uri, dialect)?;
        bind_when_free(&proxy)?;
        for _ in 0..3 {
            let error = proxy.call::<()>("panic", ("oh no",)).unwrap_err();
            assert_eq!(shown(&error), "RuntimeError: the method panicked: oh no");
            assert!(proxy.is_connected());
        }
        assert_eq!(proxy.call::<i64>("add", (1, 2))?, 3);
        proxy.release();
    }
    Ok(())
}

#[derive(Default)]
struct Never;

#[expose]
impl Never {
    pub fn called(&self) {}
}

#[test]
fn a_panic_while_an_instance_is_made_is_an_exception() -> Result<()> {
    for mode in [InstanceMode::Session, InstanceMode::Single, InstanceMode::PerCall] {
        let daemon = server::daemon().config(one_worker()).bind()?;
        let uri = daemon.register_class::<Never>("never", mode, || panic!("not today"))?;
        let _running = daemon.start();
        let proxy = Proxy::new(uri)?;
        for _ in 0..2 {
            let error = proxy.call::<()>("called", ()).unwrap_err();
            assert_eq!(shown(&error), "RuntimeError: the method panicked: not today");
            assert!(proxy.is_connected());
        }
    }
    Ok(())
}

#[test]
fn a_panic_in_the_judge_of_handshakes_is_a_refusal() -> Result<()> {
    let daemon = server::daemon()
        .config(one_worker())
        .validate_handshake(|data, _| match data.as_str() {
            Some("hello") => Ok(data.clone()),
            _ => panic!("who are you"),
        })
        .bind()?;
    let uri = daemon.register("desk", Desk::default())?;
    let _running = daemon.start();
    for _ in 0..2 {
        let error = bind_when_free(&Proxy::builder().handshake("nobody").build(uri.clone())?).unwrap_err();
        assert!(
            error.message().ends_with("rejected: the method panicked: who are you"),
            "{error}"
        );
    }
    let proxy = Proxy::new(uri)?;
    bind_when_free(&proxy)?;
    assert_eq!(proxy.call::<i64>("add", (1, 2))?, 3);
    Ok(())
}

/// Written by hand, and not well: only the thread that has made it may look.
struct Unsure(ThreadId);

static NOTHING: Members = Members::new("Unsure", const { &[Method::new("called", &[])] });

impl Object for Unsure {
    fn members(&self) -> &Members {
        assert_eq!(thread::current().id(), self.0, "what can I do");
        &NOTHING
    }

    fn call(&self, call: Call<'_>) -> Result<Reply, Raise> {
        call.refuse()
    }
}

#[test]
fn a_panic_where_nobody_can_be_told_of_it_costs_the_connection_but_no_worker() -> Result<()> {
    let daemon = server::daemon().config(one_worker()).bind()?;
    let unsure = daemon.register("unsure", Unsure(thread::current().id()))?;
    let uri = daemon.register("desk", Desk::default())?;
    let _running = daemon.start();
    for _ in 0..3 {
        assert!(bind_when_free(&Proxy::new(unsure.clone())?).is_err());
    }
    let proxy = Proxy::new(uri)?;
    bind_when_free(&proxy)?;
    assert_eq!(proxy.call::<i64>("add", (1, 2))?, 3);
    Ok(())
}

fn shown(error: &Error) -> String {
    error
        .as_remote()
        .map_or_else(|| format!("not remote: {error}"), ToString::to_string)
}
