//! Oneway calls of async methods for which there is no room: nobody else runs them, so their connection waits for them.

use std::sync::Arc;

use ferropyro::{Config, Result};

use super::objects::Workshop;
use super::support::{KINDS, Server};

#[test]
fn a_oneway_call_beyond_the_number_that_may_run_is_waited_for() -> Result<()> {
    for kind in KINDS {
        let (workshop, logged) = Workshop::new();
        let gate = Arc::clone(&workshop.gate);
        let builder = kind.builder().config(Config::default().max_oneways(1_usize));
        let server = Server::start(builder, workshop)?;
        let proxy = server.proxy()?;
        proxy.call_oneway("pass", ())?;
        proxy.call_oneway("log", ("at its place",))?;
        assert_eq!(proxy.call::<i64>("add", (1, 2))?, 3, "{kind:?}");
        assert_eq!(logged.try_recv().as_deref(), Ok("at its place"), "{kind:?}");
        gate.notify_one();
        assert_eq!(logged.recv().as_deref(), Ok("passed"), "{kind:?}");
    }
    Ok(())
}

#[test]
fn a_oneway_call_whose_arguments_are_too_many_bytes_is_waited_for() -> Result<()> {
    for kind in KINDS {
        let (workshop, logged) = Workshop::new();
        let builder = kind.builder().config(Config::default().max_oneway_bytes(1000_usize));
        let server = Server::start(builder, workshop)?;
        let proxy = server.proxy()?;
        let text = "long ".repeat(1000);
        proxy.call_oneway("log", (&text,))?;
        assert_eq!(proxy.call::<i64>("add_later", (1, 2))?, 3, "{kind:?}");
        assert_eq!(logged.try_recv().as_deref(), Ok(&*text), "{kind:?}");
    }
    Ok(())
}
