//! Connections: shared by threads, given back, lost, and made again.

use std::net::TcpListener;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::Duration;

use ferropyro::wire::AnnotationKey;
use ferropyro::{
    BatchResults, Config, Error, ErrorKind, Items, Proxy, Raise, Result, SerializedBlob, Uri, Value, context, expose,
};

use super::support::{DIALECTS, Watch, worker, worker_on};
use crate::server;

// Conformance: POOL-01
#[test]
fn a_second_thread_waits_for_the_call_of_the_first() -> Result<()> {
    let watch = worker(Config::default())?;
    let proxy = watch.proxy(DIALECTS[0])?;
    thread::scope(|scope| -> Result<()> {
        let first = scope.spawn(|| proxy.call::<()>("wait", ()));
        watch.arrived.recv().expect("the call has begun");
        let second = scope.spawn(|| proxy.call::<i64>("add", (1, 2)));
        assert_eq!(format!("{proxy:?}"), format!("Proxy({}, in a call)", watch.uri));
        // Another proxy need not wait, and to make it neither.
        proxy.clone().call::<Value>("echo", (1,))?;
        watch.worker.open();
        first.join().expect("no panic")?;
        assert_eq!(second.join().expect("no panic")?, 3);
        Ok(())
    })?;
    assert_eq!(watch.worker.calls(), ["wait", "echo 0", "waited", "add"]);
    Ok(())
}

#[test]
fn a_clone_has_the_settings_and_a_connection_of_its_own() -> Result<()> {
    let watch = worker(Config::default())?;
    for dialect in DIALECTS {
        let builder = Proxy::builder().dialect(dialect).handshake("sesame");
        let proxy = builder.build(watch.uri.clone())?;
        proxy.set_timeout(Some(Duration::from_secs(20)));
        let (seq, connection): (u16, u64) = proxy.call("whoami", ())?;
        let clone = proxy.clone();
        assert!(proxy.is_connected() && !clone.is_connected());
        let (clones_seq, clones_connection): (u16, u64) = clone.call("whoami", ())?;
        assert_ne!(clones_connection, connection);
        assert_eq!((seq, clones_seq), (1, 1));
        assert_eq!(clone.timeout(), Some(Duration::from_secs(20)));
        assert_eq!((clone.dialect()?, clone.uri()), (dialect, proxy.uri()));
    }
    Ok(())
}

#[test]
fn another_object_of_the_daemon_is_reached_with_the_same_settings() -> Result<()> {
    let watch = worker(Config::default())?;
    for dialect in DIALECTS {
        let proxy = Proxy::builder().dialect(dialect).build(watch.uri.clone())?;
        proxy.set_timeout(Some(Duration::from_secs(20)));
        let daemon = proxy.beside("Pyro.Daemon")?;
        let ids: Vec<String> = daemon.call("registered", ())?;
        assert!(ids.contains(&watch.uri.object().into_owned()), "{ids:?}");
        assert_eq!((daemon.dialect()?, daemon.timeout()), (dialect, proxy.timeout()));
        assert!(!proxy.is_connected());
    }
    for uri in ["PYRONAME:somewhere", "PYRONAME:somewhere@localhost:9090", "PYROMETA:a"] {
        let error = Proxy::new(uri)?.beside("Pyro.Daemon").unwrap_err();
        assert!(error.to_string().contains("bind the proxy"), "{error}");
    }
    Ok(())
}

/// Calls back through a proxy that somebody else may be using.
#[derive(Default)]
struct Relay {
    back: OnceLock<Arc<Proxy>>,
    rang: Mutex<Option<Sender<()>>>,
}

#[expose]
impl Relay {
    /// Waits for itself, if the caller used the same proxy.
    pub fn bounce(&self) -> std::result::Result<String, Raise> {
        Ok(self.back()?.call("ring", ())?)
    }

    /// The same, but nobody waits for it.
    #[expose(oneway)]
    pub fn bounce_oneway(&self) -> std::result::Result<(), Raise> {
        Ok(self.back()?.call("ring", ())?)
    }

    pub fn ring(&self) -> &'static str {
        if let Some(rang) = &*self.rang.lock().expect("no panic") {
            let _ = rang.send(());
        }
        "rang"
    }
}

impl Relay {
    fn back(&self) -> std::result::Result<&Proxy, Raise> {
        Ok(self.back.get().ok_or("nobody to call")?)
    }
}

// Conformance: POOL-01, POOL-04
#[test]
fn a_circle_of_calls_through_one_proxy_ends_in_a_timeout() -> Result<()> {
    let daemon = server::daemon().bind()?;
    let relay = Arc::new(Relay::default());
    let uri = daemon.register_shared("relay", relay.clone())?;
    let _running = daemon.start();
    let shared = Arc::new(Proxy::builder().timeout(Duration::from_millis(500)).build(uri)?);
    relay.back.set(Arc::clone(&shared)).expect("set once");
    let error = shared.call::<String>("bounce", ()).unwrap_err();
    assert_eq!(
        (error.kind(), error.message()),
        (ErrorKind::Timeout, "receiving: timeout")
    );
    assert_eq!(shared.call::<String>("ring", ())?, "rang");
    Ok(())
}

// Conformance: POOL-03
#[test]
fn a_oneway_call_breaks_the_circle() -> Result<()> {
    let daemon = server::daemon().bind()?;
    let relay = Arc::new(Relay::default());
    let (rang, ringing) = channel();
    *relay.rang.lock().expect("no panic") = Some(rang);
    let uri = daemon.register_shared("relay", relay.clone())?;
    let _running = daemon.start();
    let shared = Arc::new(Proxy::new(uri)?);
    relay.back.set(Arc::clone(&shared)).expect("set once");
    shared.call::<()>("bounce_oneway", ())?;
    ringing.recv().expect("the call that the oneway call makes");
    Ok(())
}

// Conformance: POOL-09
#[test]
fn a_released_connection_is_gone_at_once_and_made_again_when_needed() -> Result<()> {
    let daemon = server::daemon();
    let (gone, goodbyes) = channel();
    let daemon = daemon
        .client_disconnect(move |connection| {
            let _ = gone.send(connection.number());
        })
        .bind()?;
    let uri = daemon.register("relay", Relay::default())?;
    let _running = daemon.start();
    for dialect in DIALECTS {
        let proxy = Proxy::builder().dialect(dialect).build(uri.clone())?;
        assert_eq!(proxy.call::<String>("ring", ())?, "rang");
        proxy.release();
        let first = goodbyes.recv().expect("the daemon hears of it");
        proxy.release();
        assert!(!proxy.is_connected());
        assert_eq!(proxy.call::<String>("ring", ())?, "rang");
        drop(proxy);
        assert_ne!(goodbyes.recv().expect("the daemon hears of it"), first);
    }
    Ok(())
}

fn restarted(watch: Watch) -> Result<Watch> {
    let port = watch.daemon.address().expect("a TCP port").port();
    watch.daemon.stop();
    worker_on(port, Config::default())
}

// Conformance: POOL-10
#[test]
fn reconnecting_gives_up_after_so_many_tries() -> Result<()> {
    let watch = worker(Config::default())?;
    for dialect in DIALECTS {
        let proxy = watch.proxy(dialect)?;
        let (_, first): (u16, u64) = proxy.call("whoami", ())?;
        proxy.reconnect(1)?;
        assert_ne!(proxy.call::<(u16, u64)>("whoami", ())?.1, first);
    }
    let proxy = watch.proxy(DIALECTS[1])?;
    watch.daemon.stop();
    let error = proxy.reconnect(2).unwrap_err();
    assert_eq!(
        (error.kind(), error.message()),
        (ErrorKind::ConnectionClosed, "failed to reconnect")
    );
    assert!(error.to_string().contains("refused"), "{error}");
    assert_eq!(proxy.reconnect(0).unwrap_err().to_string(), "failed to reconnect");
    Ok(())
}

// Conformance: POOL-10
#[test]
fn reconnecting_waits_for_a_server_that_comes_back() -> Result<()> {
    let watch = worker(Config::default())?;
    let proxy = watch.proxy(DIALECTS[1])?;
    assert_eq!(proxy.call::<i64>("add", (1, 2))?, 3);
    let port = watch.daemon.address().expect("a TCP port").port();
    watch.daemon.stop();
    let trying = thread::spawn(move || proxy.reconnect(1000).and_then(|()| proxy.call::<i64>("add", (3, 4))));
    let _watch = worker_on(port, Config::default())?;
    assert_eq!(trying.join().expect("no panic")?, 7);
    Ok(())
}

/// Knows one name.
struct Names(Mutex<Uri>);

#[expose]
impl Names {
    pub fn ping(&self) {}

    pub fn lookup(&self, name: String) -> std::result::Result<Uri, Raise> {
        match name.as_str() {
            "worker" => Ok(self.0.lock().expect("no panic").clone()),
            _ => Err(Raise::new("Pyro5.errors.NamingError", format!("unknown name: {name}"))),
        }
    }
}

// Conformance: POOL-10
#[test]
fn a_name_is_looked_up_again_for_each_connection_unless_it_was_bound() -> Result<()> {
    let (old, new) = (worker(Config::default())?, worker(Config::default())?);
    let daemon = server::daemon().bind()?;
    let names = Arc::new(Names(Mutex::new(old.uri.clone())));
    daemon.register_shared("Pyro.NameServer", names.clone())?;
    let port = daemon.address().expect("a TCP port").port();
    let _running = daemon.start();
    for dialect in DIALECTS {
        *names.0.lock().expect("no panic") = old.uri.clone();
        let uri = format!("PYRONAME:worker@localhost:{port}");
        let proxy = Proxy::builder().dialect(dialect).build(uri.as_str())?;
        let bound = proxy.clone();
        bound.bind()?;
        proxy.call::<Value>("echo", (1,))?;
        assert_eq!(old.worker.calls().pop().as_deref(), Some("echo 0"));
        let moved = new.worker.calls().len();
        *names.0.lock().expect("no panic") = new.uri.clone();
        proxy.reconnect(1)?;
        proxy.call::<Value>("echo", (1,))?;
        assert_eq!(new.worker.calls().len(), moved + 1);
        bound.reconnect(1)?;
        bound.call::<Value>("echo", (1,))?;
        assert_eq!(new.worker.calls().len(), moved + 1);
        assert_eq!((proxy.uri().to_string(), bound.uri()), (uri, old.uri.clone()));
    }
    Ok(())
}

#[test]
fn what_runs_after_reconnecting_can_make_calls_over_the_new_connection() -> Result<()> {
    let mut watch = worker(Config::default())?;
    for dialect in DIALECTS {
        let (connected, connections) = channel();
        let proxy = Proxy::builder()
            .dialect(dialect)
            .max_retries(1)
            .on_reconnect(move |proxy| {
                let (_, connection): (u16, u64) = proxy.call("whoami", ())?;
                let _ = connected.send(connection);
                Ok(())
            })
            .build(watch.uri.clone())?;
        proxy.call::<Value>("whoami", ())?;
        assert!(
            connections.try_recv().is_err(),
            "the first connection is no reconnection"
        );
        proxy.release();
        let (seq, connection): (u16, u64) = proxy.call("whoami", ())?;
        assert_eq!((connections.try_recv(), seq), (Ok(connection), 3));
        watch = restarted(watch)?;
        let (_, connection): (u16, u64) = proxy.call("whoami", ())?;
        assert_eq!(connections.try_recv(), Ok(connection));
        assert!(connections.try_recv().is_err());
    }
    Ok(())
}

#[test]
fn an_error_after_reconnecting_ends_the_connection_and_reaches_the_caller() -> Result<()> {
    let watch = worker(Config::default())?;
    let proxy = Proxy::builder()
        .on_reconnect(|_| Err(Error::new(ErrorKind::Value, "not again")))
        .build(watch.uri.clone())?;
    assert_eq!(proxy.call::<i64>("add", (1, 2))?, 3);
    proxy.release();
    for _ in 0..2 {
        let error = proxy.call::<i64>("add", (1, 2)).unwrap_err();
        assert_eq!(error.to_string(), "not again");
        assert!(!proxy.is_connected());
    }
    Ok(())
}

#[test]
fn a_panic_in_a_hook_costs_the_connection_and_not_the_proxy() -> Result<()> {
    let watch = worker(Config::default())?;
    let proxy = Proxy::builder()
        .dialect(DIALECTS[0])
        .on_response_annotations(|_, kind| assert_ne!(kind.0, 5, "a result"))
        .build(watch.uri.clone())?;
    for _ in 0..2 {
        let call = std::panic::AssertUnwindSafe(|| proxy.call::<i64>("add", (1, 2)));
        assert!(std::panic::catch_unwind(call).is_err());
        assert!(!proxy.is_connected());
    }
    Ok(())
}

#[test]
fn oneway_calls_are_never_repeated() -> Result<()> {
    let watch = worker(Config::default())?;
    let proxy = Proxy::builder().max_retries(3).build(watch.uri.clone())?;
    proxy.bind()?;
    let watch = restarted(watch)?;
    // The socket takes bytes until it hears that nobody reads them; then it is an error, and no new connection is made for the call.
    while proxy.call_oneway("forget", ()).is_ok() {}
    assert!(!proxy.is_connected());
    proxy.bind()?;
    let watch = restarted(watch)?;
    while proxy.call::<()>("forget", ()).is_ok() {}
    assert!(!proxy.is_connected());
    assert!(watch.worker.calls().is_empty());
    Ok(())
}

// Conformance: POOL-08
#[test]
fn a_connection_that_the_server_has_closed_fails_one_call_and_is_made_again() -> Result<()> {
    let (gone, goodbyes) = channel();
    let daemon = server::daemon()
        .config(Config::default().commtimeout(Duration::from_millis(400)))
        .client_disconnect(move |_| {
            let _ = gone.send(());
        })
        .bind()?;
    let uri = daemon.register("relay", Relay::default())?;
    let _running = daemon.start();
    for dialect in DIALECTS {
        let proxy = Proxy::builder().dialect(dialect).build(uri.clone())?;
        proxy.bind()?;
        goodbyes.recv().expect("the daemon does not wait for ever");
        let error = proxy.call::<String>("ring", ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionClosed, "{error}");
        assert_eq!(proxy.call::<String>("ring", ())?, "rang");
        drop(proxy);
        goodbyes.recv().expect("this proxy goes as well");
    }
    Ok(())
}

#[test]
fn proxies_and_what_comes_from_them_may_go_to_other_threads() {
    fn assert_send_and_sync<T: Send + Sync>() {}
    assert_send_and_sync::<Proxy>();
    assert_send_and_sync::<Items<std::rc::Rc<()>>>();
    assert_send_and_sync::<BatchResults>();
    assert_send_and_sync::<SerializedBlob>();
}

// Conformance: POOL-04
#[test]
fn the_time_limit_of_a_proxy_can_be_changed() -> Result<()> {
    let watch = worker(Config::default())?;
    for dialect in DIALECTS {
        let proxy = watch.proxy(dialect)?;
        assert_eq!(proxy.timeout(), None);
        proxy.bind()?;
        proxy.set_timeout(Some(Duration::from_millis(300)));
        let error = proxy.call::<()>("wait", ()).unwrap_err();
        assert_eq!(
            (error.kind(), error.message()),
            (ErrorKind::Timeout, "receiving: timeout")
        );
        watch.arrived.recv().expect("the call has arrived");
        assert!(!proxy.is_connected());
        // The limit outlives the connection, until it is lifted.
        assert_eq!(proxy.call::<()>("wait", ()).unwrap_err().kind(), ErrorKind::Timeout);
        watch.arrived.recv().expect("the call has arrived");
        proxy.set_timeout(None);
        assert_eq!(proxy.call::<i64>("add", (1, 2))?, 3);
    }
    watch.worker.open();
    Ok(())
}

// Conformance: ANN-06
#[test]
fn large_annotations_of_the_first_call_stay_out_of_the_greeting_and_those_of_the_hook_do_not() -> Result<()> {
    const SMALL: AnnotationKey = AnnotationKey::new(*b"SMAL").expect("ASCII");
    const LARGE: AnnotationKey = AnnotationKey::new(*b"LARG").expect("ASCII");
    let (greeted, greetings) = channel();
    let daemon = server::daemon()
        .validate_handshake(move |_, cx| {
            let lengths = [SMALL, LARGE].map(|key| cx.annotations().get(key).map(<[u8]>::len));
            let _ = greeted.send(lengths);
            Ok(Value::None)
        })
        .bind()?;
    let uri = daemon.register("relay", Relay::default())?;
    let _running = daemon.start();
    for dialect in DIALECTS {
        for (large, in_greeting) in [(16_000, Some(16_000)), (60_000, None)] {
            let proxy = Proxy::builder()
                .dialect(dialect)
                .annotations(|| vec![(SMALL, vec![1])])
                .build(uri.clone())?;
            context::annotate(LARGE, vec![2; large]);
            assert_eq!(proxy.call::<String>("ring", ())?, "rang");
            assert_eq!(greetings.recv().expect("a greeting"), [Some(1), in_greeting]);
        }
    }
    Ok(())
}

#[test]
fn a_time_limit_of_zero_is_none() -> Result<()> {
    let watch = worker(Config::default())?;
    let hurried = Config::default().commtimeout(Duration::from_millis(1));
    for dialect in DIALECTS {
        let builder = || Proxy::builder().dialect(dialect).config(hurried.clone());
        let proxy = builder().timeout(Duration::ZERO).build(watch.uri.clone())?;
        assert_eq!(proxy.timeout(), None);
        assert_eq!(proxy.call::<i64>("add", (1, 2))?, 3);
        proxy.set_timeout(Some(Duration::from_secs(20)));
        proxy.set_timeout(Some(Duration::ZERO));
        assert_eq!(proxy.timeout(), None);
        assert_eq!(proxy.call::<i64>("add", (1, 2))?, 3);

        let proxy = builder().connect_timeout(Duration::ZERO).build(watch.uri.clone())?;
        proxy.bind()?;
        assert_eq!(proxy.timeout(), hurried.commtimeout);
    }
    Ok(())
}

#[test]
fn connecting_has_a_time_limit_of_its_own() -> Result<()> {
    const LIMIT: Duration = Duration::from_millis(500);
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let uri = format!(
        "PYRO:worker@127.0.0.1:{}",
        silent.local_addr().expect("its port").port()
    );
    let watch = worker(Config::default())?;
    for dialect in DIALECTS {
        let builder = || Proxy::builder().dialect(dialect).connect_timeout(LIMIT);
        let error = builder().build(uri.as_str())?.bind().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
        // Calls are not held to it.
        let proxy = builder().build(watch.uri.clone())?;
        thread::scope(|scope| -> Result<()> {
            let waiting = scope.spawn(|| proxy.call::<()>("wait", ()));
            watch.arrived.recv().expect("the call has arrived");
            thread::sleep(LIMIT);
            watch.worker.open();
            waiting.join().expect("no panic")
        })?;
    }
    Ok(())
}
