//! Several daemons in one loop, and loops that a program drives itself.

use std::fmt;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinSet, yield_now};
use tokio::time::timeout;

use super::{Daemon, MOST_THREADS};
use crate::{Error, ErrorKind, Result};

/// A loop that serves the clients of several daemons in one thread (Pyro's `Daemon.combine`), all at a time or step by step in a loop that the
/// program has already (Pyro's `Daemon.events`, manual chapter "Servers", integrating Pyro in an event loop).
///
/// Programs that are built on tokio need none of this: they await [`Daemon::serve`]. For [`Daemon::run`] it does not matter how many others there are.
///
/// ```
/// use std::time::Duration;
/// use ferropyro::{Daemon, EventLoop, expose};
///
/// struct Thermometer;
///
/// #[expose]
/// impl Thermometer {
///     pub fn celsius(&self) -> f64 {
///         21.5
///     }
/// }
///
/// let inside = Daemon::builder().multiplex().bind()?;
/// let outside = Daemon::builder().multiplex().bind()?;
/// inside.register("thermometer", Thermometer)?;
/// outside.register("thermometer", Thermometer)?;
///
/// let mut event_loop = EventLoop::new()?;
/// event_loop.add(&inside);
/// event_loop.add(&outside);
/// # (inside.shutdown(), outside.shutdown());
/// while event_loop.step(Duration::from_millis(10)) {
///     // the program's own work
/// }
/// # Ok::<(), ferropyro::Error>(())
/// ```
pub struct EventLoop {
    /// There until it is dropped.
    runtime: Option<Runtime>,
    serving: JoinSet<()>,
}

/// How often what has come in is looked at in a step that may not wait: a client that connects needs it more than once.
const LOOKS: usize = 8;

impl EventLoop {
    /// A loop without daemons.
    ///
    /// # Errors
    /// When the system lacks what it takes: descriptors.
    pub fn new() -> Result<EventLoop> {
        let mut builder = Builder::new_current_thread();
        // It is not known yet how many workers the daemons will have. No thread is there before it is needed.
        builder.max_blocking_threads(MOST_THREADS);
        let runtime = builder.enable_all().build().map_err(|error| {
            Error::new(ErrorKind::Communication, format!("no event loop can be made: {error}")).caused_by(error)
        })?;
        Ok(EventLoop {
            runtime: Some(runtime),
            serving: JoinSet::new(),
        })
    }

    /// Serves the clients of this daemon too, whenever the loop runs. One that has been [shut down](Daemon::shutdown) leaves the loop.
    pub fn add(&mut self, daemon: &Daemon) {
        let daemon = daemon.clone();
        if let Some(runtime) = &self.runtime {
            self.serving
                .spawn_on(async move { daemon.serve().await }, runtime.handle());
        }
    }

    /// Serves until all daemons have been shut down.
    ///
    /// # Panics
    /// In a task of a tokio runtime: there is a loop already, which can await [`Daemon::serve`].
    pub fn run(&mut self) {
        let EventLoop { runtime, serving } = self;
        if let Some(runtime) = runtime {
            runtime.block_on(all_ended(serving));
        }
    }

    /// Serves what comes in within this time, and ends a call that has begun even if that takes longer. With zero it serves what has come in already. False when all
    /// daemons have been shut down.
    ///
    /// # Panics
    /// As [`EventLoop::run`].
    pub fn step(&mut self, time: Duration) -> bool {
        let EventLoop { runtime, serving } = self;
        if let Some(runtime) = runtime {
            runtime.block_on(async {
                if time.is_zero() {
                    for _ in 0..LOOKS {
                        yield_now().await;
                    }
                    while serving.try_join_next().is_some() {}
                } else {
                    // That the time is over is what was asked for.
                    let _ = timeout(time, all_ended(serving)).await;
                }
            });
        }
        !self.serving.is_empty()
    }
}

async fn all_ended(serving: &mut JoinSet<()>) {
    while serving.join_next().await.is_some() {}
}

/// The daemons stop.
impl Drop for EventLoop {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            self.serving.abort_all();
            // Calls that still run in other threads are not waited for.
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for EventLoop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EventLoop({} daemons)", self.serving.len())
    }
}
