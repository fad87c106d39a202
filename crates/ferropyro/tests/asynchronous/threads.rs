//! What an event loop with workers leaves to their threads: whatever could block it.

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use ferropyro::{InstanceMode, Proxy, Raise, Result, RunningDaemon, Uri, expose};

use super::support::{Kind, raised};

/// Threads by which somebody was made.
type Makers = Arc<Mutex<Vec<String>>>;

/// Tells the threads that it meets.
struct Traveller;

#[expose]
impl Traveller {
    pub fn plain(&self) -> String {
        here()
    }

    pub async fn later(&self) -> String {
        tokio::task::yield_now().await;
        here()
    }
}

fn here() -> String {
    format!("{:?}", thread::current().id())
}

/// A class of travellers. None is made while `closed`.
fn serve_travellers(mode: InstanceMode, closed: bool) -> Result<(RunningDaemon, Uri, Makers)> {
    let makers = Makers::default();
    let daemon = Kind::Workers.builder().bind()?;
    let made = Arc::clone(&makers);
    let uri = daemon.register_class("traveller", mode, move || {
        made.lock().unwrap().push(here());
        match closed {
            true => Err(Raise::new("RuntimeError", "no travellers today")),
            false => Ok(Traveller),
        }
    })?;
    Ok((daemon.start(), uri, makers))
}

#[test]
fn a_batch_of_plain_methods_runs_in_a_thread_though_its_object_has_async_ones() -> Result<()> {
    let server = Kind::Workers.serve(Traveller)?;
    let proxy = server.proxy()?;
    let the_loop = proxy.call::<String>("later", ())?;
    let mut batch = proxy.batch();
    batch.call("plain", ()).call("plain", ());
    let plain = batch.run()?.all::<String>()?;
    assert_eq!(plain.len(), 2);
    assert!(!plain.contains(&the_loop), "{plain:?}");
    let mut batch = proxy.batch();
    batch.call("later", ()).call("plain", ());
    assert_eq!(batch.run()?.all::<String>()?, [&*the_loop, &*the_loop], "as documented");
    Ok(())
}

#[test]
fn instances_are_made_in_threads_for_async_methods_too() -> Result<()> {
    for (mode, expected) in [
        (InstanceMode::Single, 1),
        (InstanceMode::Session, 1),
        (InstanceMode::PerCall, 3),
    ] {
        let (_daemon, uri, makers) = serve_travellers(mode, false)?;
        let proxy = Proxy::new(uri)?;
        let the_loop = proxy.call::<String>("later", ())?;
        assert_eq!(proxy.call::<String>("later", ())?, the_loop, "{mode:?}");
        let mut batch = proxy.batch();
        batch.call("later", ()).call("later", ());
        assert_eq!(batch.run()?.all::<String>()?, [&*the_loop, &*the_loop], "{mode:?}");
        let makers = makers.lock().unwrap();
        assert_eq!(makers.len(), expected, "{mode:?}");
        assert!(!makers.contains(&the_loop), "{mode:?}");
    }
    Ok(())
}

#[test]
fn instances_are_made_in_threads_for_oneway_calls_of_async_methods() -> Result<()> {
    for mode in [InstanceMode::Single, InstanceMode::Session, InstanceMode::PerCall] {
        let (_daemon, uri, makers) = serve_travellers(mode, false)?;
        let proxy = Proxy::new(uri)?;
        proxy.call_oneway("later", ())?;
        let the_loop = proxy.call::<String>("later", ())?;
        assert!(!makers.lock().unwrap().contains(&the_loop), "{mode:?}");
    }
    Ok(())
}

#[test]
fn an_instance_that_cannot_be_made_is_tried_once_for_each_call() -> Result<()> {
    for mode in [InstanceMode::Single, InstanceMode::Session, InstanceMode::PerCall] {
        let (_daemon, uri, makers) = serve_travellers(mode, true)?;
        let proxy = Proxy::new(uri)?;
        for calls in 1..=2 {
            let (class, text) = raised(proxy.call("later", ()));
            assert_eq!((&*class, &*text), ("RuntimeError", "no travellers today"), "{mode:?}");
            assert_eq!(makers.lock().unwrap().len(), calls, "{mode:?}");
        }
    }
    Ok(())
}

/// Lets the program go on that waits for it.
struct Door(Mutex<Sender<()>>);

#[expose]
impl Door {
    pub fn open(&self) -> bool {
        self.0.lock().unwrap().send(()).is_ok()
    }
}

#[test]
fn while_the_one_instance_is_made_others_are_served_and_who_needs_it_waits() -> Result<()> {
    let ((entered, enters), (opener, opened)) = (channel(), channel());
    let (made, opened) = (Makers::default(), Mutex::new(opened));
    let daemon = Kind::Workers.builder().bind()?;
    let makers = Arc::clone(&made);
    let uri = daemon.register_class("traveller", InstanceMode::Single, move || {
        makers.lock().unwrap().push(here());
        let _ = entered.send(());
        // Only a loop that is blocked lets this time pass.
        let opened = opened.lock().unwrap().recv_timeout(Duration::from_secs(10));
        opened.map_err(|_| Raise::new("RuntimeError", "nobody opened the door"))?;
        Ok(Traveller)
    })?;
    let door = Proxy::new(daemon.register("door", Door(Mutex::new(opener)))?)?;
    let _running = daemon.start();
    let (one, other) = (Proxy::new(&uri)?, Proxy::new(&uri)?);
    other.bind()?;
    let first = thread::spawn(move || one.call::<String>("later", ()));
    enters.recv().expect("it is being made");
    other.call_oneway("later", ())?;
    assert!(door.call::<bool>("open", ())?);
    let the_loop = first.join().expect("no panic")?;
    assert_eq!(other.call::<String>("later", ())?, the_loop);
    let made = made.lock().unwrap();
    assert!(made.len() == 1 && !made.contains(&the_loop), "{made:?}");
    Ok(())
}
