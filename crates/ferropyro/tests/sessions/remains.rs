//! What clients and misbehaving objects leave behind: nothing, after a while.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use ferropyro::wire::{Dialect, Flags, MessageKind};
use ferropyro::{
    Config, Context, ErrorKind, InstanceMode, ItemStream, Items, Proxy, Raise, Registered, Resource, Result,
    RunningDaemon, Uri, Value, expose,
};

use crate::support::{DIALECTS, Raw, frame, hello, proxy};

use crate::server;

/// Makes things for its clients.
struct Maker;

#[expose]
impl Maker {
    pub fn count(&self) -> ItemStream {
        ItemStream::new(1..=1_000_000_i64)
    }

    pub fn lease(&self, many: usize, context: &Context) -> std::result::Result<(), Raise> {
        for _ in 0..many {
            context.lease(Maker)?;
        }
        Ok(())
    }

    pub fn lease_shortly(&self, context: &Context) -> std::result::Result<Registered<Maker>, Raise> {
        Ok(context.lease_for(Duration::from_millis(10), Maker)?)
    }

    pub fn lease_bombs(&self, context: &Context) -> std::result::Result<(), Raise> {
        context.lease(Bomb)?;
        context.lease(Maker)?;
        context.lease_for(Duration::from_millis(10), Bomb)?;
        Ok(())
    }

    pub fn fail(&self) -> std::result::Result<(), Raise> {
        Err(Raise::new("ValueError", "on purpose"))
    }

    pub fn add(&self, a: i64, b: i64) -> i64 {
        a + b
    }
}

/// An object that cannot even be dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("dropped");
    }
}

#[expose]
impl Bomb {
    pub fn tick(&self) -> &'static str {
        "tick"
    }
}

fn quick() -> Config {
    Config::default()
        .polltimeout(Duration::from_millis(50))
        .iter_stream_linger(Duration::from_millis(50))
}

fn maker(config: Config) -> Result<(RunningDaemon, Uri)> {
    let daemon = server::daemon().config(config).bind()?;
    let uri = daemon.register("desk", Maker)?;
    Ok((daemon.start(), uri))
}

fn await_that(mut condition: impl FnMut() -> bool) {
    while !condition() {
        std::thread::yield_now();
    }
}

#[test]
fn errors_in_a_batch_are_told_to_the_server_too() -> Result<()> {
    let told = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&told);
    let daemon = server::daemon()
        .config(Config::default().send_traceback(false))
        .on_error(move |call| {
            assert_eq!((call.object(), call.method()), ("desk", "fail"));
            counter.fetch_add(1, Ordering::SeqCst);
        })
        .bind()?;
    let uri = daemon.register("desk", Maker)?;
    let daemon = daemon.start();
    for dialect in DIALECTS {
        let proxy = proxy(&uri, dialect)?;
        let mut results = proxy.batch().call("fail", ()).call("fail", ()).run()?;
        let error = results.next().expect("the first result").unwrap_err();
        let remote = error.as_remote().expect("an exception of the server's");
        assert_eq!((remote.message(), remote.traceback().as_str()), ("on purpose", ""));
        assert!(results.next().is_none());
        proxy.batch().call("fail", ()).run_oneway()?;
        assert_eq!(proxy.call::<i64>("add", (1, 2))?, 3);
    }
    assert_eq!(told.load(Ordering::SeqCst), 4);
    let statistics = daemon.statistics();
    assert_eq!((statistics.failed_calls, statistics.failed_oneway_calls), (4, 2));
    Ok(())
}

#[derive(Default)]
struct Closed(AtomicBool);

impl Resource for Closed {
    fn close(&self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn what_the_handshake_hook_made_is_freed_when_the_client_is_refused_after_all() -> Result<()> {
    let resource = Arc::new(Closed::default());
    let tracked = Arc::clone(&resource);
    let daemon = server::daemon()
        .validate_handshake(move |_, context| {
            context.track_resource(&tracked)?;
            context.lease(Maker)?;
            Ok(Value::from("welcome"))
        })
        .client_disconnect(|_| panic!("nobody was let in"))
        .bind()?;
    let unknown = daemon.uri_for("unknown")?;
    let daemon = daemon.start();
    for dialect in DIALECTS {
        assert!(proxy(&unknown, dialect)?.bind().is_err());
    }
    await_that(|| daemon.statistics().objects == 1 && resource.0.load(Ordering::SeqCst));
    Ok(())
}

#[test]
fn a_oneway_call_for_the_next_item_keeps_no_stream_alive_that_nobody_can_use() -> Result<()> {
    let (daemon, uri) = maker(quick())?;
    for _ in 0..20 {
        let holder = proxy(&uri, Dialect::V502)?;
        let items = (0..20).map(|_| holder.call::<Items<i64>>("count", ()));
        let items: Vec<Items<i64>> = items.collect::<Result<_>>()?;
        let mut raw = Raw::connect(&daemon, Dialect::V502);
        raw.send(&hello(Dialect::V502));
        assert!(raw.receive().is_some());
        let mut calls = Vec::new();
        for stream in &items {
            let shown = format!("{stream:?}");
            let id = shown.trim_start_matches("Items(").trim_end_matches(')');
            let call = format!("# serpent utf-8 python3.2\n('Pyro.Daemon','get_next_stream_item',['{id}'],{{}})");
            calls.extend(frame(
                Dialect::V502,
                MessageKind::INVOKE,
                1,
                Flags::ONEWAY,
                call.as_bytes(),
            ));
        }
        raw.send(&calls);
        drop(raw);
        holder.release();
    }
    await_that(|| daemon.statistics().streams == 0);
    Ok(())
}

#[test]
fn times_without_end_are_no_end() -> Result<()> {
    let config = Config::default()
        .iter_stream_linger(Duration::MAX)
        .iter_stream_lifetime(Duration::MAX);
    let (daemon, uri) = maker(config)?;
    for dialect in DIALECTS {
        let proxy = proxy(&uri, dialect)?;
        let mut items = proxy.call::<Items<i64>>("count", ())?;
        assert_eq!(items.next().expect("an item")?, 1);
        proxy.release();
        await_that(|| daemon.statistics().connections == 0);
        assert_eq!(items.next().expect("an item")?, 2);
    }
    Ok(())
}

#[test]
fn a_handle_of_an_object_that_is_out_has_no_power_over_the_next_one_of_its_id() -> Result<()> {
    let daemon = server::daemon().bind()?;
    let first = daemon.share_as("desk", Maker)?;
    first.unregister();
    let second = daemon.share_as("desk", Maker)?;
    assert!(!first.is_registered());
    assert!(ferropyro::formats::to_value(&first).is_err());
    first.unregister();
    assert!(second.is_registered());
    Ok(())
}

#[test]
fn objects_that_panic_when_they_are_dropped_harm_nobody() -> Result<()> {
    let (daemon, uri) = maker(quick())?;
    for dialect in DIALECTS {
        let proxy = proxy(&uri, dialect)?;
        proxy.call::<()>("lease_bombs", ())?;
        let items = proxy.call::<Items<i64>>("count", ())?;
        // One of the bombs goes when its time is over, the other with the connection.
        await_that(|| daemon.statistics().objects == 4);
        proxy.release();
        await_that(|| daemon.statistics().objects == 2 && daemon.statistics().streams == 0);
        drop(items);
        // The housekeeper is still at work.
        let leased: Proxy = proxy.call("lease_shortly", ())?;
        await_that(|| daemon.statistics().objects == 2);
        let error = leased.call::<Value>("add", (1, 2)).unwrap_err();
        assert!(error.message().contains("unknown object"), "{error}");
    }
    Ok(())
}

#[test]
fn an_instance_that_panics_when_it_is_dropped_has_answered_before() -> Result<()> {
    let daemon = server::daemon().bind()?;
    let modes = [InstanceMode::PerCall, InstanceMode::Session];
    let mut uris = Vec::new();
    for (number, mode) in modes.into_iter().enumerate() {
        uris.push(daemon.register_class(&format!("bomb{number}"), mode, || Ok(Bomb))?);
    }
    let _running = daemon.start();
    for uri in uris {
        for dialect in DIALECTS {
            let proxy = proxy(&uri, dialect)?;
            assert_eq!(proxy.call::<String>("tick", ())?, "tick");
            assert_eq!(proxy.call::<String>("tick", ())?, "tick");
        }
    }
    Ok(())
}

#[test]
fn a_connection_has_so_many_leases_and_no_more_and_all_end_with_it() -> Result<()> {
    let (daemon, uri) = maker(Config::default().max_leases(100_usize))?;
    let proxy = Proxy::new(uri)?;
    proxy.call::<()>("lease", (100,))?;
    assert_eq!(daemon.statistics().objects, 102);
    let error = proxy.call::<()>("lease", (1,)).unwrap_err();
    assert!(error.message().contains("MAX_LEASES"), "{error}");
    proxy.release();
    await_that(|| daemon.statistics().objects == 2);
    Ok(())
}

#[test]
fn the_streams_of_clients_that_have_gone_make_room_for_new_ones() -> Result<()> {
    let (daemon, uri) = maker(Config::default().max_streams(2000_usize))?;
    let mut abandoned = Vec::new();
    for _ in 0..6 {
        let proxy = Proxy::new(uri.clone())?;
        for _ in 0..2000 {
            abandoned.push(proxy.call::<Items<i64>>("count", ())?);
        }
        proxy.release();
        await_that(|| daemon.statistics().connections == 0);
    }
    assert_eq!(daemon.statistics().streams, 10_000);
    let mut first = abandoned.swap_remove(0);
    assert_eq!(
        first.next().expect("an answer").unwrap_err().message(),
        "item stream terminated"
    );
    Ok(())
}

/// Works on in the background.
#[derive(Clone, Default)]
struct Slow(Arc<(Mutex<bool>, Condvar)>);

#[expose]
impl Slow {
    #[expose(oneway)]
    pub fn work(&self) {
        let (begun, changed) = &*self.0;
        *begun.lock().expect("nobody panics here") = true;
        changed.notify_all();
        std::thread::sleep(Duration::from_millis(300));
        *begun.lock().expect("nobody panics here") = false;
    }
}

#[test]
fn a_daemon_that_stops_waits_for_oneway_calls_that_run() -> Result<()> {
    let slow = Slow::default();
    let daemon = server::daemon().bind()?;
    let uri = daemon.register("slow", slow.clone())?;
    let daemon = daemon.start();
    Proxy::new(uri)?.call::<()>("work", ())?;
    let (begun, changed) = &*slow.0;
    let waited = changed.wait_while(begun.lock().expect("nobody panics here"), |begun| !*begun);
    drop(waited.expect("nobody panics here"));
    daemon.stop();
    assert!(!*begun.lock().expect("nobody panics here"), "it was not waited for");
    Ok(())
}

#[test]
fn the_annotations_hook_knows_what_it_answers() -> Result<()> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let seeing = Arc::clone(&seen);
    let daemon = server::daemon()
        .annotations(move |context| {
            let seq = context.map(Context::seq);
            seeing.lock().expect("nobody panics here").push(seq);
            Vec::new()
        })
        .bind()?;
    let uri = daemon.register("desk", Maker)?;
    let _running = daemon.start();
    let proxy = Proxy::new(uri)?;
    assert_eq!(proxy.call::<i64>("add", (1, 2))?, 3);
    assert!(proxy.call::<Value>("fail", ()).is_err());
    assert_eq!(*seen.lock().expect("nobody panics here"), [Some(0), Some(1), Some(2)]);
    Ok(())
}

#[test]
fn methods_with_a_context_can_be_called_without_a_call() {
    let context = Context::detached();
    assert_eq!(context.peer().to_string(), "nobody");
    let error = Maker.lease(1, &context).unwrap_err();
    assert_eq!(error.0.class, ErrorKind::Daemon.class());
}
