use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc::{Sender, channel};

use ferropyro::{Config, Daemon, ErrorKind, InstanceMode, Proxy, Result, expose};

use super::support::{DIALECTS, proxy};
use crate::server;

/// Counts its own calls, and tells when it goes.
struct Counter {
    calls: AtomicI64,
    gone: Sender<i64>,
}

#[expose]
impl Counter {
    pub fn count(&self) -> i64 {
        self.calls.fetch_add(1, Ordering::SeqCst) + 1
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        // The test may be over.
        let _ = self.gone.send(self.calls.load(Ordering::SeqCst));
    }
}

/// A daemon with the class under the id `counter`, and what its instances say when they go.
fn counters(mode: InstanceMode) -> Result<(Daemon, ferropyro::Uri, std::sync::mpsc::Receiver<i64>)> {
    let daemon = server::daemon().bind()?;
    let (gone, hears) = channel();
    let uri = daemon.register_class("counter", mode, move || {
        Ok(Counter {
            calls: AtomicI64::new(0),
            gone: gone.clone(),
        })
    })?;
    Ok((daemon, uri, hears))
}

// Conformance: REG-05, POOL-09
#[test]
fn each_connection_has_its_own_instance_which_goes_with_it() -> Result<()> {
    let (daemon, uri, gone) = counters(InstanceMode::Session)?;
    let _running = daemon.start();
    for dialect in DIALECTS {
        let (one, other) = (proxy(&uri, dialect)?, proxy(&uri, dialect)?);
        assert_eq!(
            [
                one.call::<i64>("count", ())?,
                one.call::<i64>("count", ())?,
                other.call::<i64>("count", ())?
            ],
            [1, 2, 1]
        );
        one.release();
        one.release();
        assert_eq!(gone.recv().ok(), Some(2));
        assert_eq!(one.call::<i64>("count", ())?, 1);
        assert_eq!(other.call::<i64>("count", ())?, 2);
        drop(one);
        assert_eq!(gone.recv().ok(), Some(1));
        drop(other);
        assert_eq!(gone.recv().ok(), Some(2));
    }
    Ok(())
}

#[test]
fn a_single_instance_serves_all_connections() -> Result<()> {
    let (daemon, uri, gone) = counters(InstanceMode::Single)?;
    let running = daemon.start();
    let (one, other) = (Proxy::new(uri.clone())?, Proxy::new(uri)?);
    assert_eq!(
        [
            one.call::<i64>("count", ())?,
            other.call::<i64>("count", ())?,
            one.call::<i64>("count", ())?
        ],
        [1, 2, 3]
    );
    drop((one, other));
    assert!(gone.try_recv().is_err());
    running.stop();
    Ok(())
}

#[test]
fn an_instance_for_each_call_goes_with_the_call() -> Result<()> {
    let (daemon, uri, gone) = counters(InstanceMode::PerCall)?;
    let _running = daemon.start();
    let proxy = Proxy::new(uri)?;
    for _ in 0..3 {
        assert_eq!(proxy.call::<i64>("count", ())?, 1);
        assert_eq!(gone.recv().ok(), Some(1));
    }
    Ok(())
}

#[test]
fn a_class_registered_anew_under_an_id_makes_new_instances_on_open_connections() -> Result<()> {
    let (daemon, uri, gone) = counters(InstanceMode::Session)?;
    let running = daemon.start();
    let proxy = Proxy::new(uri)?;
    assert_eq!(
        [proxy.call::<i64>("count", ())?, proxy.call::<i64>("count", ())?],
        [1, 2]
    );
    running.unregister("counter")?;
    let (other_gone, _) = channel();
    running.register_class("counter", InstanceMode::Session, move || {
        Ok(Counter {
            calls: AtomicI64::new(10),
            gone: other_gone.clone(),
        })
    })?;
    assert_eq!(proxy.call::<i64>("count", ())?, 11);
    drop(proxy);
    assert_eq!(gone.recv().ok(), Some(2));
    Ok(())
}

/// The proxy connected anew, and so it got another instance.
#[test]
fn errors_of_data_cost_neither_the_connection_nor_its_instance() -> Result<()> {
    let (daemon, uri, _gone) = counters(InstanceMode::Session)?;
    let _running = daemon.start();
    for dialect in DIALECTS {
        let config = Config::default().max_message_size(1000_usize);
        let proxy = Proxy::builder().config(config).dialect(dialect).build(uri.clone())?;
        assert_eq!(proxy.call::<i64>("count", ())?, 1);
        assert_eq!(
            proxy.call::<String>("count", ()).unwrap_err().kind(),
            ErrorKind::Serialize
        );
        let too_long = proxy.call::<i64>("count", ("x".repeat(1000),)).unwrap_err();
        assert_eq!(too_long.kind(), ErrorKind::MessageTooLarge);
        assert!(proxy.call::<i64>("count", (Unwritable,)).is_err());
        assert!(proxy.is_connected());
        assert_eq!(proxy.call::<i64>("count", ())?, 3);
    }
    Ok(())
}

struct Unwritable;

impl serde::Serialize for Unwritable {
    fn serialize<S: serde::Serializer>(&self, _: S) -> std::result::Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("cannot be written"))
    }
}
