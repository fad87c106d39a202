//! Several daemons in one loop, and loops that a program drives itself.

use std::fmt;
use std::future::poll_fn;
#[cfg(unix)]
use std::sync::Weak;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinSet, yield_now};
use tokio::time::timeout;

#[cfg(unix)]
use super::core::Core;
#[cfg(unix)]
use super::watch::Watch;
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
    /// Those that it serves, as long as somebody else has them as well.
    #[cfg(unix)]
    cores: Vec<Weak<Core>>,
    quiet: Arc<Quiet>,
}

/// Tells when there is nothing left to do but to wait.
#[derive(Default)]
struct Quiet {
    is_awaited: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl Quiet {
    /// The loop is about to wait.
    fn has_come(&self) {
        if self.is_awaited.swap(false, Ordering::AcqRel)
            && let Some(waker) = self.waker().take()
        {
            waker.wake();
        }
    }

    async fn wait(&self) {
        self.is_awaited.store(true, Ordering::Release);
        poll_fn(|cx| {
            if !self.is_awaited.load(Ordering::Acquire) {
                return Poll::Ready(());
            }
            *self.waker() = Some(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    fn waker(&self) -> MutexGuard<'_, Option<Waker>> {
        self.waker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a step that may not wait takes at the most, apart from calls that have begun: others may come in all the time.
const LONGEST_TURN: Duration = Duration::from_millis(100);
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
        let quiet = Arc::<Quiet>::default();
        let told = Arc::clone(&quiet);
        builder.on_thread_park(move || told.has_come());
        let runtime = builder.enable_all().build().map_err(|error| {
            Error::new(ErrorKind::Communication, format!("no event loop can be made: {error}")).caused_by(error)
        })?;
        Ok(EventLoop {
            runtime: Some(runtime),
            serving: JoinSet::new(),
            #[cfg(unix)]
            cores: Vec::new(),
            quiet,
        })
    }

    /// Serves the clients of this daemon too, whenever the loop runs. One that has been [shut down](Daemon::shutdown) leaves the loop.
    pub fn add(&mut self, daemon: &Daemon) {
        let daemon = daemon.clone();
        #[cfg(unix)]
        self.cores.push(Arc::downgrade(daemon.core()));
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
        let EventLoop { runtime, serving, .. } = self;
        if let Some(runtime) = runtime {
            runtime.block_on(all_ended(serving));
        }
    }

    /// Serves what comes in within this time, and ends a call that has begun even if that takes longer. With zero it serves what has come in already: then, or after a while if more comes
    /// in all the time, [`Daemon::descriptor`] tells when the next step has something to do. False when all daemons have been shut down.
    ///
    /// # Panics
    /// As [`EventLoop::run`].
    pub fn step(&mut self, time: Duration) -> bool {
        if time.is_zero() {
            self.serve_what_is_there();
        } else {
            let EventLoop { runtime, serving, .. } = self;
            if let Some(runtime) = runtime {
                // That the time is over is what was asked for.
                let _ = runtime.block_on(async { timeout(time, all_ended(serving)).await });
            }
        }
        !self.serving.is_empty()
    }

    fn serve_what_is_there(&mut self) {
        let Some(runtime) = &self.runtime else { return };
        #[cfg(unix)]
        {
            self.cores.retain(|core| core.strong_count() > 0);
            each_watch(&self.cores, Watch::clear);
        }
        let is_quiet = runtime.block_on(async {
            for _ in 0..LOOKS {
                yield_now().await;
            }
            timeout(LONGEST_TURN, self.quiet.wait()).await.is_ok()
        });
        while self.serving.try_join_next().is_some() {}
        #[cfg(unix)]
        if !is_quiet {
            each_watch(&self.cores, Watch::wake);
        }
        #[cfg(not(unix))]
        let _ = is_quiet;
    }
}

#[cfg(unix)]
fn each_watch(cores: &[Weak<Core>], act: fn(&Watch)) {
    for core in cores.iter().filter_map(Weak::upgrade) {
        core.watch.get().into_iter().for_each(act);
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
