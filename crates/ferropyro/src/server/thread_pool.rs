//! Pyro's thread server: a pool of threads that serve one connection each (manual chapter "Servers", server types; THREADPOOL_SIZE,
//! THREADPOOL_SIZE_MIN).

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::capacity::Seat;
use super::conversation::{self, Guest};
use super::oneways::Oneways;
use super::reception::Visitor;
use crate::daemon::core::Core;
use crate::logging::logger;
use crate::transport::Stream;

/// What a client reads when all threads are busy: Pyro's words.
const NO_FREE_WORKERS: &str = "no free workers, increase server threadpool size";
/// How long a client waits for a place that may be about to become free: a worker is busy for a little while after its client has gone, and the next
/// client may well be the same program.
const PATIENCE: Duration = Duration::from_millis(50);

/// A client, and its share of the files that the program may have open.
type Seated = (Guest, Option<Seat>);

/// The threads that serve a daemon's connections.
pub(super) struct ThreadPool {
    core: Arc<Core>,
    oneways: Oneways,
    stopping: AtomicBool,
    state: Mutex<State>,
    /// For the workers, and for who waits until they are gone.
    changed: Condvar,
    /// For clients that wait for a worker.
    place_is_free: Notify,
    /// How many of those there are.
    hopeful: AtomicUsize,
}

#[derive(Default)]
struct State {
    /// Clients that idle workers are about to take.
    waiting: Vec<Seated>,
    /// Connections that are being served, to be closed on shutdown.
    open: HashMap<u64, Arc<Stream>>,
    next_key: u64,
    workers: usize,
    idle: usize,
}

impl State {
    fn has_idle(&self) -> bool {
        self.idle > self.waiting.len()
    }
}

impl ThreadPool {
    pub(super) fn new(core: Arc<Core>) -> Arc<ThreadPool> {
        Arc::new(ThreadPool {
            oneways: Oneways::new(&core.config),
            core,
            stopping: AtomicBool::new(false),
            state: Mutex::default(),
            changed: Condvar::new(),
            place_is_free: Notify::new(),
            hopeful: AtomicUsize::new(0),
        })
    }

    /// Gives a client to a worker that is idle, or to a new one; else refuses it.
    pub(super) async fn admit(self: &Arc<ThreadPool>, visitor: Box<Visitor>) {
        let mut visitor = Some(visitor);
        self.hopeful.fetch_add(1, Ordering::AcqRel);
        // That the time is over shows in the visitor, who is still there.
        let _ = timeout(PATIENCE, self.employ_when_possible(&mut visitor)).await;
        self.hopeful.fetch_sub(1, Ordering::AcqRel);
        if let Some(visitor) = visitor {
            let peer = visitor.stream.peer();
            let log = || tracing::warn!(target: logger::THREADPOOLSERVER, "{peer} refused: {NO_FREE_WORKERS}");
            self.core.refusals.log(log);
            visitor.refuse(&self.core, NO_FREE_WORKERS).await;
        }
    }

    async fn employ_when_possible(self: &Arc<ThreadPool>, visitor: &mut Option<Box<Visitor>>) {
        loop {
            let freed = self.place_is_free.notified();
            if self.employ(visitor) {
                return;
            }
            freed.await;
        }
    }

    /// Takes the visitor if there is a worker for it, or room for one more: that is looked at and taken under one lock, as others come in at the same time. False
    /// when there is none.
    fn employ(self: &Arc<ThreadPool>, visitor: &mut Option<Box<Visitor>>) -> bool {
        let mut state = self.lock();
        if !state.has_idle() && state.workers >= self.core.config.threadpool_size {
            return false;
        }
        let Some(visitor) = visitor.take() else { return true };
        if self.is_stopping() {
            // Its end may be told to the program.
            drop(state);
            drop(visitor);
            return true;
        }
        self.core.unwatch_stream(&visitor.stream);
        let Some(guest) = into_guest(*visitor) else { return true };
        if state.has_idle() {
            state.waiting.push(guest);
            self.changed.notify_all();
        } else {
            state.workers += 1;
            self.core.workers.store(state.workers, Ordering::Relaxed);
            drop(state);
            self.spawn(guest);
        }
        true
    }

    /// Reads no more from any connection. Calls that run are finished and answered first: the very call that stops the server may be one of them.
    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        let waiting = {
            let mut state = self.lock();
            state.open.values().for_each(|stream| stream.stop_reading());
            self.changed.notify_all();
            std::mem::take(&mut state.waiting)
        };
        // Their end may be told to the program.
        drop(waiting);
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Waits for the workers, as long as SHUTDOWN_TIMEOUT says; who has not ended by then loses the connection.
    pub(super) async fn drain(self: &Arc<ThreadPool>) {
        self.stop();
        let pool = Arc::clone(self);
        // An error would be a panic, which has been reported where it happened.
        let _ = spawn_blocking(move || pool.wait_for_workers()).await;
    }

    /// Ends the connections whose calls still run.
    pub(super) fn give_up(&self) {
        self.lock().open.values().for_each(|stream| stream.shut_down());
    }

    fn wait_for_workers(&self) {
        let timeout = self.core.config.shutdown_timeout;
        let begun = Instant::now();
        let (state, result) = self
            .changed
            .wait_timeout_while(self.lock(), timeout, |state| state.workers > 0)
            .unwrap_or_else(PoisonError::into_inner);
        drop(state);
        if result.timed_out() {
            let workers = self.core.workers.load(Ordering::Relaxed);
            tracing::warn!(target: logger::THREADPOOLSERVER, "{workers} calls did not end in time");
            self.give_up();
        }
        match self.oneways.wait(timeout.saturating_sub(begun.elapsed())) {
            0 => {}
            running => {
                tracing::warn!(target: logger::THREADPOOLSERVER, "{running} oneway calls did not end in time");
            }
        }
    }

    fn spawn(self: &Arc<ThreadPool>, guest: Seated) {
        let pool = Arc::clone(self);
        let spawned = thread::Builder::new()
            .name("pyro-worker".to_owned())
            .spawn(move || pool.core.run_thread(|| pool.work(guest)));
        if let Err(error) = spawned {
            tracing::error!(target: logger::THREADPOOLSERVER, "cannot start a worker: {error}");
            self.leave(&mut self.lock());
        }
    }

    /// The life of a worker: one client after the other.
    fn work(&self, first: Seated) {
        let mut next = Some(first);
        while let Some((guest, seat)) = next {
            let peer = guest.stream.peer();
            if let Some(key) = self.enlist(&guest.stream) {
                // Code of the program's own runs here in places where no caller can be told of a panic. It shall not cost a worker.
                let serve = || conversation::serve(&self.core, &self.oneways, guest);
                if catch_unwind(AssertUnwindSafe(serve)).is_err() {
                    tracing::error!(target: logger::THREADPOOLSERVER, "the connection with {peer} ends with a panic");
                }
                self.delist(key);
            }
            drop(seat);
            next = self.next_guest();
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
    fn next_guest(&self) -> Option<Seated> {
        let mut state = self.lock();
        if state.workers > self.core.config.threadpool_size_min && state.waiting.is_empty() {
            self.leave(&mut state);
            return None;
        }
        state.idle += 1;
        self.tell_of_free_place();
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
        self.tell_of_free_place();
    }

    fn tell_of_free_place(&self) {
        self.place_is_free.notify_waiters();
        if self.hopeful.load(Ordering::Acquire) > 0 {
            self.core.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn into_guest(visitor: Visitor) -> Option<Seated> {
    let Visitor {
        stream,
        session,
        inbox,
        seat,
    } = visitor;
    let peer = stream.peer();
    match stream.into_blocking() {
        Ok(stream) => {
            let stream = Arc::new(stream);
            Some((Guest { stream, session, inbox }, seat))
        }
        Err(error) => {
            tracing::error!(target: logger::THREADPOOLSERVER, "{peer} cannot be served: {error}");
            None
        }
    }
}
