//! Where oneway calls run: apart from their connection, which goes on.

use std::io;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};

use super::gate::Gate;
use crate::config::Config;
use crate::logging::logger;
use crate::session::Runner;
use crate::session::oneway::Oneway;

/// Runs the oneway calls of a daemon: in threads of their own, async methods as tasks. A client that does not wait for its calls must not be able to pile
/// them up, nor their arguments.
pub(super) struct Oneways {
    running: Arc<Gate>,
    bytes: Arc<Gate>,
}

impl Oneways {
    pub(super) fn new(config: &Config) -> Oneways {
        Oneways {
            running: Gate::new(config.max_oneways),
            bytes: Gate::new(config.max_oneway_bytes),
        }
    }

    /// Waits for those that run, at most for this time. Gives how many still do.
    pub(super) fn wait(&self, timeout: Duration) -> usize {
        self.running.wait_until_empty(timeout)
    }
}

impl Runner for Oneways {
    fn run_apart(&self, call: Oneway) {
        let place = self.running.try_enter(1);
        let Some(permit) = place.zip(self.bytes.try_enter(call.size())) else {
            // Too many are running, or it is too large: whoever sent it has to wait for it.
            return run_here(&call);
        };
        if call.is_asynchronous()
            && let Ok(runtime) = runtime()
        {
            runtime.spawn(async move {
                call.run_async().await;
                drop(permit);
            });
            return;
        }
        let call = Arc::new(call);
        let apart = Arc::clone(&call);
        let spawned = thread::Builder::new().name("pyro-oneway".to_owned()).spawn(move || {
            run_here(&apart);
            drop(permit);
        });
        if let Err(error) = spawned {
            tracing::warn!(target: logger::SERVER, "no thread can be started for a oneway call, its sender has to wait: {error}");
            run_here(&call);
        }
    }
}

fn run_here(call: &Oneway) {
    if !call.is_asynchronous() {
        return call.run();
    }
    match (runtime(), Handle::try_current()) {
        // A loop of the program's own must not be blocked for this, nor could it be.
        (Ok(runtime), Err(_)) => runtime.block_on(call.run_async()),
        _ => call.run(),
    }
}

/// The runtime in which async methods are awaited that belong to no event loop: one thread for all daemons of the program.
pub(super) fn runtime() -> io::Result<&'static Handle> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime.handle());
    }
    let mut builder = Builder::new_multi_thread();
    let made = builder
        .worker_threads(1)
        .thread_name("pyro-async")
        .enable_all()
        .build()?;
    // Who comes second drops theirs, in a thread where that is allowed or not.
    let mut made = Some(made);
    let runtime = RUNTIME.get_or_init(|| made.take().expect("it was just made"));
    if let Some(unused) = made {
        unused.shutdown_background();
    }
    Ok(runtime.handle())
}
