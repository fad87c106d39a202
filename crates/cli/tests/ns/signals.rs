//! SIGHUP, SIGTERM.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use ferropyro::tls::Certificate;
use ferropyro::{Config, Proxy, Uri};
use rustix::process::Signal;

use crate::running::{PATIENCE, Running, client, file, run};

#[test]
fn a_reload_takes_over_what_can_change_and_says_what_cannot() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    file(folder, "ns.toml", "read_only = true");
    let (server, uri) = Running::ns(folder, &["--config", "ns.toml"], &[]);
    let ns = client(&uri);
    let thing = "PYRO:thing@h:1".parse().unwrap();
    assert!(ns.register("thing", &thing).is_err());
    let reload = |text: &str| {
        file(folder, "ns.toml", text);
        server.send(Signal::HUP);
        server.err.next_with("reloaded")
    };
    assert_eq!(
        reload("read_only = false\nport = 4711\nstorage = 'sql:other.db'\n[settings]\nNS_AUTOCLEAN = 60"),
        "reloaded: the name server is for reading and writing; what has changed of NS_PORT, NS_AUTOCLEAN, storage needs a restart"
    );
    ns.register("thing", &thing).unwrap();
    let refusal = reload("read_only = true\nprot = 4711");
    assert!(
        refusal.starts_with("not reloaded, everything is as it was: ns.toml, line 2: unknown field `prot`"),
        "{refusal}"
    );
    ns.register("thing", &thing).unwrap();
    assert_eq!(reload("read_only = true"), "reloaded: the name server is read-only");
    assert!(ns.remove("thing").is_err());
    assert_eq!(ns.lookup("thing").unwrap(), thing);
    assert!(!folder.join("other.db").exists());
}

/// So that lines can be told apart: a level that has something to say of every connection.
fn level(path: &Path, level: &str) {
    file(
        path,
        "ns.toml",
        &format!("[settings]\nLOGLEVEL = '{level}'\nLOGFILE = 'ns.log'"),
    );
}

#[test]
fn reloads_and_a_log_that_is_moved_away_lose_no_call() {
    const RELOADS: usize = 25;
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    level(folder, "WARNING");
    let (server, uri) = Running::ns(folder, &["--config", "ns.toml"], &[]);
    client(&uri)
        .register("thing", &"PYRO:thing@h:1".parse().unwrap())
        .unwrap();
    let is_over = AtomicBool::new(false);
    let calls = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                // New connections as well as one that stays.
                let kept = client(&uri);
                while !is_over.load(Ordering::Relaxed) {
                    kept.lookup("thing").unwrap();
                    client(&uri).lookup("thing").unwrap();
                    calls.fetch_add(2, Ordering::Relaxed);
                }
            });
        }
        for number in 0..RELOADS {
            let before = calls.load(Ordering::Relaxed);
            fs::rename(folder.join("ns.log"), folder.join(format!("ns.log.{number}"))).unwrap();
            level(folder, if number % 2 == 0 { "DEBUG" } else { "WARNING" });
            server.send(Signal::HUP);
            assert_eq!(
                server.err.next_with("reloaded"),
                "reloaded: the name server is for reading and writing"
            );
            assert!(folder.join("ns.log").exists());
            let end = Instant::now() + PATIENCE;
            while calls.load(Ordering::Relaxed) < before + 8 && Instant::now() < end {
                thread::sleep(Duration::from_millis(1));
            }
        }
        is_over.store(true, Ordering::Relaxed);
    });
    assert!(calls.load(Ordering::Relaxed) >= 8 * RELOADS);
    // What was logged while the level was DEBUG is in the file of that time.
    let log = |number: usize| fs::read_to_string(folder.join(format!("ns.log.{number}"))).unwrap();
    assert!(log(1).contains(",DEBUG]"), "{}", log(1));
    assert!(!log(0).contains(",DEBUG]"), "{}", log(0));
}

/// The numbers of the certificates that a server shows, in a new connection each.
struct Certificates {
    proxy: Proxy,
    seen: Arc<Mutex<String>>,
}

impl Certificates {
    fn of(uri: &Uri, config: Config) -> Certificates {
        let seen = Arc::new(Mutex::new(String::new()));
        let hook = {
            let seen = Arc::clone(&seen);
            move |certificate: &Certificate| {
                certificate.serial_number().clone_into(&mut seen.lock().unwrap());
                Ok(())
            }
        };
        let builder = Proxy::builder().config(config).validate_certificate(hook);
        Certificates {
            proxy: builder.build(uri.clone()).unwrap(),
            seen,
        }
    }

    fn next(&self) -> String {
        self.proxy.call::<()>("ping", ()).unwrap();
        self.proxy.release();
        self.seen.lock().unwrap().clone()
    }
}

#[test]
fn a_new_certificate_is_taken_over_and_no_connection_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let cert = |args: &[&str]| assert_eq!(run(folder, &[&["cert"], args].concat(), &[]).0, Some(0));
    cert(&["ca", "lab"]);
    cert(&["server", "lab", "localhost"]);
    let settings =
        "[settings]\nSSL = true\nSSL_SERVERCERT = 'lab/localhost.pem'\nSSL_SERVERKEY = 'lab/localhost-key.pem'";
    file(folder, "ns.toml", settings);
    let (server, uri) = Running::ns(folder, &["-n", "localhost", "--config", "ns.toml"], &[]);
    let config = Config::default().ssl(true).ssl_cacerts(folder.join("lab/ca.pem"));
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let kept = Proxy::builder().config(config.clone()).build(uri.clone()).unwrap();
                let certificates = Certificates::of(&uri, config.clone());
                while !is_over.load(Ordering::Relaxed) {
                    kept.call::<()>("ping", ()).unwrap();
                    certificates.next();
                }
            });
        }
        let certificates = Certificates::of(&uri, config.clone());
        let mut serials = BTreeSet::from([certificates.next()]);
        for _ in 0..5 {
            cert(&["server", "lab", "localhost", "--force"]);
            server.send(Signal::HUP);
            server.err.next_with("reloaded");
            serials.insert(certificates.next());
        }
        assert_eq!(serials.len(), 6);
        file(folder, "lab/localhost.pem", "no certificate");
        server.send(Signal::HUP);
        let line = server.err.next_with("reloaded");
        assert!(line.contains("; not taken over: certificates: "), "{line}");
        assert!(serials.contains(&certificates.next()));
        is_over.store(true, Ordering::Relaxed);
    });
}

#[test]
fn the_signals_that_end_it_end_it_properly() {
    let folder = tempfile::tempdir().unwrap();
    for signal in [Signal::INT, Signal::TERM] {
        let (mut server, _) = Running::ns(folder.path(), &[], &[]);
        server.send(signal);
        server.out.next_with("NS shut down.");
        assert_eq!(server.ended().code(), Some(0));
    }
}

#[test]
fn other_servers_end_with_sighup() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Running::start(folder.path(), &["echo"], &[]);
    server.out.next_with("echoserver running.");
    server.send(Signal::HUP);
    assert_eq!(server.ended().code(), Some(0));
}
