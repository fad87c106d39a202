//! Pyro's thread server: a thread accepts connections, a pool of threads serves one connection each
//! (manual chapter "Servers", server types; THREADPOOL_SIZE, THREADPOOL_SIZE_MIN).

use std::collections::HashMap;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::connection;
use super::gate::Gate;
use super::runner::Threads;
use crate::daemon::core::Core;
use crate::logging::logger;
use crate::transport::{Listener, Stream};

/// What a client reads when all threads are busy: Pyro's words.
const NO_FREE_WORKERS: &str = "no free workers, increase server threadpool size";
/// How long a client waits for a place that may be about to become free.
const PATIENCE: Duration = Duration::from_millis(50);
/// Clients that may wait for their refusal at a time; more are closed without a word.
const MAX_REFUSALS: usize = 32;

/// A thread pool server, running or not.
pub(crate) struct ThreadPool {
    core: Arc<Core>,
    listener: Listener,
    runner: Threads,
    stopping: AtomicBool,
    refusals: Arc<Gate>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Connections that idle workers are about to take.
    waiting: Vec<Arc<Stream>>,
    /// Connections that are being served, to be closed on shutdown.
    open: HashMap<u64, Arc<Stream>>,
    next_key: u64,
    workers: usize,
    idle: usize,
}

impl ThreadPool {
    pub(crate) fn new(core: Arc<Core>, listener: Listener) -> Arc<ThreadPool> {
        Arc::new(ThreadPool {
            runner: Threads::new(&core.config),
            core,
            listener,
            stopping: AtomicBool::new(false),
            refusals: Gate::new(MAX_REFUSALS),
            state: Mutex::default(),
            changed: Condvar::new(),
        })
    }

    pub(crate) fn address(&self) -> Option<std::net::SocketAddr> {
        self.listener.address()
    }

    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.core
    }

    /// Accepts connections until [`ThreadPool::stop`]; then waits until the workers are done.
    pub(crate) fn run(self: &Arc<ThreadPool>) {
        let mut pause = Duration::from_millis(10);
        while !self.is_stopping() {
            match self.listener.accept(&self.core.config) {
                Ok(stream) => {
                    pause = Duration::from_millis(10);
                    self.admit(Arc::new(stream));
                }
                Err(_) if self.is_stopping() => break,
                // The client went again before it was let in.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    // Out of descriptors, most likely: others have to close theirs first.
                    tracing::error!(target: logger::THREADPOOLSERVER, "cannot accept a connection: {error}");
                    thread::sleep(pause);
                    pause = (pause * 2).min(Duration::from_secs(1));
                }
            }
        }
        self.drain();
    }

    /// Stops accepting, and reads no more from any connection. Calls that run are finished and answered first: the very call that
    /// stops the server may be one of them.
    pub(crate) fn stop(&self) {
        if !self.stopping.swap(true, Ordering::AcqRel) {
            self.listener.wake();
        }
        let mut state = self.lock();
        state.open.values().for_each(|stream| stream.stop_reading());
        state.waiting.clear();
        self.changed.notify_all();
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Waits for the workers, as long as SHUTDOWN_TIMEOUT says; who has not ended by then loses the connection.
    fn drain(&self) {
        self.stop();
        self.listener.close();
        let timeout = self.core.config.shutdown_timeout;
        let begun = Instant::now();
        let (state, result) = self
            .changed
            .wait_timeout_while(self.lock(), timeout, |state| state.workers > 0)
            .unwrap_or_else(PoisonError::into_inner);
        if result.timed_out() {
            state.open.values().for_each(|stream| stream.shut_down());
            tracing::warn!(target: logger::THREADPOOLSERVER, "{} calls did not end in time", state.workers);
        }
        drop(state);
        match self.runner.wait_for_oneways(timeout.saturating_sub(begun.elapsed())) {
            0 => {}
            running => {
                tracing::warn!(target: logger::THREADPOOLSERVER, "{running} oneway calls did not end in time");
            }
        }
    }

    /// Gives the connection to a worker that is idle, or to a new one; else refuses it.
    fn admit(self: &Arc<ThreadPool>, stream: Arc<Stream>) {
        let mut state = self.await_place();
        if self.is_stopping() {
            return;
        }
        if state.idle > state.waiting.len() {
            state.waiting.push(stream);
            self.changed.notify_all();
        } else if state.workers < self.core.max_connections() {
            state.workers += 1;
            self.core.workers.store(state.workers, Ordering::Relaxed);
            drop(state);
            self.spawn(stream);
        } else {
            drop(state);
            self.refuse(stream);
        }
    }

    /// Waits a moment for a place: a worker is busy for a little while after its client has gone, and the next client may well be
    /// the same program. Nobody else could be let in meanwhile.
    fn await_place(&self) -> MutexGuard<'_, State> {
        let full =
            |state: &mut State| state.idle <= state.waiting.len() && state.workers >= self.core.max_connections();
        let waited = self
            .changed
            .wait_timeout_while(self.lock(), PATIENCE, |state| full(state) && !self.is_stopping());
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    fn spawn(self: &Arc<ThreadPool>, stream: Arc<Stream>) {
        let pool = Arc::clone(self);
        let spawned = thread::Builder::new()
            .name("pyro-worker".to_owned())
            .spawn(move || pool.work(stream));
        if let Err(error) = spawned {
            tracing::error!(target: logger::THREADPOOLSERVER, "cannot start a worker: {error}");
            self.leave(&mut self.lock());
        }
    }

    /// Says why in a thread of its own, so that a client that does not even greet holds up nobody.
    fn refuse(self: &Arc<ThreadPool>, stream: Arc<Stream>) {
        tracing::warn!(target: logger::THREADPOOLSERVER, "{} refused: {NO_FREE_WORKERS}", stream.peer());
        let Some(permit) = self.refusals.try_enter(1) else {
            return;
        };
        let core = Arc::clone(&self.core);
        let spawned = thread::Builder::new().spawn(move || {
            connection::refuse(&core, &stream, NO_FREE_WORKERS);
            drop(permit);
        });
        if let Err(error) = spawned {
            tracing::error!(target: logger::THREADPOOLSERVER, "cannot start a thread for a refusal: {error}");
        }
    }

    /// The life of a worker: one connection after the other.
    fn work(&self, first: Arc<Stream>) {
        let mut next = Some(first);
        while let Some(stream) = next {
            if let Some(key) = self.enlist(&stream) {
                // Code of the program's own runs here in places where no caller can be told of a panic. It shall not cost a worker.
                if catch_unwind(AssertUnwindSafe(|| {
                    connection::serve(&self.core, &self.runner, &stream)
                }))
                .is_err()
                {
                    tracing::error!(target: logger::THREADPOOLSERVER, "the connection with {} ends with a panic", stream.peer());
                }
                self.delist(key);
            }
            drop(stream);
            next = self.next_connection();
        }
    }

    /// Makes the connection known to [`ThreadPool::stop`]; `None` when that has been called already.
    fn enlist(&self, stream: &Arc<Stream>) -> Option<u64> {
        let mut state = self.lock();
        if self.is_stopping() {
            return None;
        }
        state.next_key += 1;
        let key = state.next_key;
        state.open.insert(key, Arc::clone(stream));
        self.core.connections.store(state.open.len(), Ordering::Relaxed);
        Some(key)
    }

    fn delist(&self, key: u64) {
        let mut state = self.lock();
        state.open.remove(&key);
        self.core.connections.store(state.open.len(), Ordering::Relaxed);
    }

    /// Waits for work; `None` when this worker is one too many, or the server stops.
    fn next_connection(&self) -> Option<Arc<Stream>> {
        let mut state = self.lock();
        if state.workers > self.core.config.threadpool_size_min && state.waiting.is_empty() {
            self.leave(&mut state);
            return None;
        }
        state.idle += 1;
        self.changed.notify_all();
        let mut state = self
            .changed
            .wait_while(state, |state| state.waiting.is_empty() && !self.is_stopping())
            .unwrap_or_else(PoisonError::into_inner);
        state.idle -= 1;
        let next = state.waiting.pop();
        if next.is_none() {
            self.leave(&mut state);
        }
        next
    }

    fn leave(&self, state: &mut State) {
        state.workers -= 1;
        self.core.workers.store(state.workers, Ordering::Relaxed);
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
