//! How a daemon stops.

#![allow(unreachable_pub)] // #[expose] goes by `pub`

use std::sync::OnceLock;

use ferropyro::{Daemon, Proxy, Result, expose};

#[derive(Default)]
struct Stopper {
    daemon: OnceLock<Daemon>,
}

#[expose]
impl Stopper {
    pub fn stop(&self) -> &'static str {
        self.daemon.get().map(Daemon::shutdown);
        "stopped"
    }
}

#[test]
fn the_call_that_stops_the_daemon_is_answered() -> Result<()> {
    let daemon = Daemon::new()?;
    let stopper = Stopper::default();
    let _ = stopper.daemon.set(daemon.clone());
    let uri = daemon.register("stopper", stopper)?;
    let running = daemon.start();
    assert_eq!(Proxy::new(uri)?.call::<String>("stop", ())?, "stopped");
    running.stop();
    Ok(())
}

#[test]
fn an_idle_client_does_not_hold_the_daemon_up() -> Result<()> {
    let daemon = Daemon::new()?;
    let uri = daemon.register("stopper", Stopper::default())?;
    let running = daemon.start();
    let idle = Proxy::new(uri)?;
    idle.call::<String>("stop", ())?;
    running.stop();
    assert!(idle.call::<String>("stop", ()).is_err());
    Ok(())
}

/// Its handle kept the listening socket open, so that clients waited for a daemon that had ended, and the file of a Unix domain socket stayed.
#[test]
fn a_stopped_daemon_lets_nobody_in_though_somebody_holds_it() -> Result<()> {
    let daemon = Daemon::new()?;
    let uri = daemon.register("stopper", Stopper::default())?;
    let handle = daemon.clone();
    daemon.start().stop();
    let error = Proxy::new(uri)?.call::<String>("stop", ()).unwrap_err();
    assert!(error.to_string().contains("cannot connect to"), "{error}");
    drop(handle);
    Ok(())
}

#[cfg(unix)]
#[test]
fn a_stopped_daemon_takes_its_socket_file_with_it_but_no_later_one() -> Result<()> {
    let path = std::env::temp_dir().join(format!("ferropyro-shutdown-{}.sock", std::process::id()));
    let daemon = Daemon::builder().unix_socket(path.to_string_lossy()).bind()?;
    let handle = daemon.clone();
    assert!(path.exists());
    daemon.start().stop();
    assert!(!path.exists());
    let later = Daemon::builder().unix_socket(path.to_string_lossy()).bind()?;
    drop(handle);
    assert!(path.exists());
    drop(later);
    assert!(!path.exists());
    Ok(())
}

/// It was woken by a connection to its own path, which it waited for in vain.
#[cfg(unix)]
#[test]
fn a_daemon_whose_socket_file_was_taken_stops_and_leaves_the_file_of_the_other_alone() -> Result<()> {
    let path = std::env::temp_dir().join(format!("ferropyro-taken-{}.sock", std::process::id()));
    let daemon = Daemon::builder().unix_socket(path.to_string_lossy()).bind()?;
    std::fs::remove_file(&path).expect("the daemon's file");
    let other = Daemon::builder().unix_socket(path.to_string_lossy()).bind()?;
    daemon.start().stop();
    assert!(path.exists());
    drop(other);
    assert!(!path.exists());
    Ok(())
}
