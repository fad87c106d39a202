//! How a daemon stops.

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
