//! Where calls run: in the thread of their connection, and oneway calls in threads of their own.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::gate::Gate;
use crate::config::{Config, ServerType};
use crate::logging::logger;
use crate::session::Runner;
use crate::session::request::Oneway;

/// Oneway calls that may run at a time.
const MAX_ONEWAYS: usize = 1024;
/// Bytes of arguments that they may hold together: a client that does not wait for its calls must not be able to pile up their messages.
const MAX_ONEWAY_BYTES: usize = 64 << 20;

/// Runs the calls of a daemon's connections in threads.
pub(crate) struct Threads {
    /// With SERVERTYPE multiplex calls take turns: one at a time, whatever the number of connections.
    turn: Option<Mutex<()>>,
    oneways: Arc<Gate>,
    oneway_bytes: Arc<Gate>,
}

impl Threads {
    pub(crate) fn new(config: &Config) -> Threads {
        Threads {
            turn: match config.servertype {
                ServerType::Multiplex => Some(Mutex::new(())),
                ServerType::Thread => None,
            },
            oneways: Gate::new(MAX_ONEWAYS),
            oneway_bytes: Gate::new(MAX_ONEWAY_BYTES),
        }
    }

    fn turn(&self) -> Option<MutexGuard<'_, ()>> {
        let turn = self.turn.as_ref()?;
        Some(turn.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Threads {
    /// Waits for the oneway calls that run, at most for this time. Gives how many still do.
    pub(crate) fn wait_for_oneways(&self, timeout: Duration) -> usize {
        self.oneways.wait_until_empty(timeout)
    }
}

impl Runner for Threads {
    fn run<T>(&self, call: impl FnOnce() -> T) -> T {
        let _turn = self.turn();
        call()
    }

    fn run_apart(&self, call: Oneway) {
        let place = self.oneways.try_enter(1);
        let Some(permit) = place.zip(self.oneway_bytes.try_enter(call.size())) else {
            // Too many are running, or it is too large: whoever sent it has to wait for it.
            return self.run(|| call.run());
        };
        let call = Arc::new(call);
        let apart = Arc::clone(&call);
        let spawned = thread::Builder::new().name("pyro-oneway".to_owned()).spawn(move || {
            apart.run();
            drop(permit);
        });
        if let Err(error) = spawned {
            tracing::warn!(target: logger::SERVER, "no thread can be started for a oneway call, its sender has to wait: {error}");
            self.run(|| call.run());
        }
    }
}
