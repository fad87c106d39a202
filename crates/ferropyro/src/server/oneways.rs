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
    fn run_apart(&self, call: Oneway) -> Result<(), Oneway> {
        let place = self.running.try_enter(1);
        let Some(permit) = place.zip(self.bytes.try_enter(call.size())) else {
            // Too many are running, or it is too large: whoever sent it has to wait for it.
            return Err(call);
        };
        match call.is_asynchronous() {
            true => spawn_task(call, permit),
            false => spawn_thread(call, permit),
        }
    }
}

fn spawn_task(call: Oneway, permit: impl Send + 'static) -> Result<(), Oneway> {
    let Ok(runtime) = runtime() else { return Err(call) };
    runtime.spawn(async move {
        call.run_async().await;
        drop(permit);
    });
    Ok(())
}

fn spawn_thread(call: Oneway, permit: impl Send + 'static) -> Result<(), Oneway> {
    let call = Arc::new(call);
    let apart = Arc::clone(&call);
    let spawned = thread::Builder::new().name("pyro-oneway".to_owned()).spawn(move || {
        apart.run();
        drop(permit);
    });
    let Err(error) = spawned else { return Ok(()) };
    tracing::warn!(target: logger::SERVER, "no thread can be started for a oneway call, its sender has to wait: {error}");
    // The thread that was not started has dropped its own.
    Arc::into_inner(call).map_or(Ok(()), Err)
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
