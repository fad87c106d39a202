//! What becomes of errors on the server: who hears of them, and how much.

use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};

use ferropyro::{Config, Error, ErrorKind, Proxy, Raise, Result, RunningDaemon, Uri, Value, expose};

use crate::support::{DIALECTS, proxy};

use crate::server;

/// Everything goes wrong here.
struct Faulty;

#[expose]
impl Faulty {
    pub fn fail(&self) -> Result<(), Raise> {
        Err(Raise::new("ValueError", "on purpose"))
    }

    #[expose(oneway)]
    pub fn fail_unseen(&self) -> Result<(), Raise> {
        Err(Raise::new("ValueError", "unseen"))
    }

    #[expose(callback)]
    pub fn fail_on_both_sides(&self) -> Result<(), Raise> {
        Err(Raise::new("ValueError", "for both"))
    }

    pub fn work(&self) -> i64 {
        1
    }
}

/// What the hook was told.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    object: String,
    method: String,
    text: String,
    is_oneway: bool,
    is_callback: bool,
}

fn faulty() -> Result<(RunningDaemon, Uri, Receiver<Told>)> {
    let (tell, told) = channel();
    let tell = Mutex::new(tell);
    let daemon = server::daemon()
        .on_error(move |call| {
            let told = Told {
                object: call.object().to_owned(),
                method: call.method().to_owned(),
                text: call.error().to_string(),
                is_oneway: call.is_oneway(),
                is_callback: call.is_callback(),
            };
            let _ = tell.lock().expect("nobody panics here").send(told);
        })
        .bind()?;
    let uri = daemon.register("faulty", Faulty)?;
    Ok((daemon.start(), uri, told))
}

fn told(method: &str, text: &str) -> Told {
    Told {
        object: "faulty".to_owned(),
        method: method.to_owned(),
        text: text.to_owned(),
        is_oneway: false,
        is_callback: false,
    }
}

#[test]
fn every_error_is_told_to_the_hook_and_counted() -> Result<()> {
    let (daemon, uri, hears) = faulty()?;
    for dialect in DIALECTS {
        let proxy = proxy(&uri, dialect)?;
        assert!(proxy.call::<Value>("fail", ()).is_err());
        assert_eq!(hears.recv().ok(), Some(told("fail", "ValueError: on purpose")));
        proxy.call_oneway("fail_unseen", ())?;
        let unseen = Told {
            is_oneway: true,
            ..told("fail_unseen", "ValueError: unseen")
        };
        assert_eq!(hears.recv().ok(), Some(unseen));
        assert_eq!(proxy.call::<i64>("work", ())?, 1);
    }
    let statistics = daemon.statistics();
    assert_eq!((statistics.failed_calls, statistics.failed_oneway_calls), (4, 2));
    Ok(())
}

#[test]
fn an_error_in_a_callback_is_raised_on_both_sides_and_ends_the_connection() -> Result<()> {
    let (_daemon, uri, hears) = faulty()?;
    for dialect in DIALECTS {
        let config = Config::default().metadata(false);
        let proxy = Proxy::builder().config(config).dialect(dialect).build(uri.clone())?;
        let error = proxy.call::<Value>("fail_on_both_sides", ()).unwrap_err();
        assert_eq!(error.message(), "for both");
        let both = Told {
            is_callback: true,
            ..told("fail_on_both_sides", "ValueError: for both")
        };
        assert_eq!(hears.recv().ok(), Some(both));
        // The daemon has closed it; the call after this one connects again.
        let error = proxy.call::<i64>("work", ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionClosed);
        assert_eq!(proxy.call::<i64>("work", ())?, 1);
    }
    Ok(())
}

#[test]
fn a_hook_that_panics_changes_nothing_for_the_caller() -> Result<()> {
    let daemon = server::daemon().on_error(|_| panic!("in the hook")).bind()?;
    let uri = daemon.register("faulty", Faulty)?;
    let _running = daemon.start();
    let proxy = Proxy::new(uri)?;
    let error = proxy.call::<Value>("fail", ()).unwrap_err();
    assert_eq!(error.message(), "on purpose");
    assert_eq!(proxy.call::<i64>("work", ())?, 1);
    Ok(())
}

#[test]
fn without_send_traceback_the_client_gets_the_exception_alone() -> Result<()> {
    for (config, lines) in [
        (Config::default(), true),
        (Config::default().send_traceback(false), false),
    ] {
        let daemon = server::daemon().config(config).bind()?;
        let uri = daemon.register("faulty", Faulty)?;
        let _running = daemon.start();
        for dialect in DIALECTS {
            let error = proxy(&uri, dialect)?.call::<Value>("fail", ()).unwrap_err();
            let remote = error.as_remote().expect("an exception of the server's");
            assert_eq!(remote.message(), "on purpose");
            assert_eq!(remote.traceback().contains("Faulty.fail"), lines);
            assert_eq!(remote.attribute("_pyroTraceback").is_some(), lines);
        }
    }
    Ok(())
}

/// Asks another server, and fails as that one does.
struct Middle(Proxy);

#[expose]
impl Middle {
    pub fn ask(&self) -> Result<(), Raise> {
        Ok(self.0.call::<()>("fail", ())?)
    }
}

#[test]
fn the_traceback_of_a_server_behind_this_one_comes_along() -> Result<()> {
    let (_far, uri, _hears) = faulty()?;
    let daemon = server::daemon().bind()?;
    let middle = daemon.register("middle", Middle(Proxy::new(uri)?))?;
    let _running = daemon.start();
    let error = Proxy::new(middle)?.call::<()>("ask", ()).unwrap_err();
    let traceback = error.as_remote().map(|remote| remote.traceback()).unwrap_or_default();
    let places: Vec<&str> = traceback.lines().filter(|line| line.contains("File")).collect();
    assert_eq!(
        places,
        [
            "  File \"<rust>\", in Middle.ask",
            " |    File \"<rust>\", in Faulty.fail"
        ]
    );
    Ok(())
}

/// Counts.
#[derive(Clone, Default)]
struct Bell(Arc<Mutex<Vec<i64>>>);

#[expose]
impl Bell {
    #[expose(oneway)]
    pub fn ring(&self, number: i64) {
        self.0.lock().expect("nobody panics here").push(number);
    }
}

#[test]
fn oneway_calls_arrive_though_their_proxy_is_dropped_at_once() -> Result<()> {
    let bell = Bell::default();
    let daemon = server::daemon().bind()?;
    let uri = daemon.register("bell", bell.clone())?;
    let _running = daemon.start();
    for dialect in DIALECTS {
        for number in 0..50 {
            proxy(&uri, dialect)?.call_oneway("ring", (number,))?;
        }
    }
    let rung = || bell.0.lock().expect("nobody panics here").clone();
    while rung().len() < 100 {
        std::thread::yield_now();
    }
    let mut rung = rung();
    rung.sort_unstable();
    let twice: Vec<i64> = (0..50).flat_map(|number| [number, number]).collect();
    assert_eq!(rung, twice);
    Ok(())
}

#[test]
fn an_error_that_is_no_exception_of_the_server_is_told_in_its_own_words() -> Result<()> {
    let daemon = server::daemon().bind()?;
    // Nobody listens on a port of 1 here.
    let middle = daemon.register("middle", Middle(Proxy::new("PYRO:nobody@127.0.0.1:1")?))?;
    let _running = daemon.start();
    let error: Error = Proxy::new(middle)?.call::<()>("ask", ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Communication);
    assert!(error.message().contains("127.0.0.1"), "{error}");
    Ok(())
}
