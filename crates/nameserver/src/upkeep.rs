//! What a name server does beside answering: a thread that looks after its store.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use ferropyro::Error;
use ferropyro::logging::logger;

use crate::autoclean::Cleaner;
use crate::read_only::ReadOnly;
use crate::store::Store;

/// How often the store is tended.
const PERIOD: Duration = Duration::from_secs(1);

/// The thread. It ends when the last reference to this goes, or somebody closes it.
pub(crate) struct Upkeep {
    store: Arc<ReadOnly>,
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct Shared {
    is_over: Mutex<bool>,
    /// Why the store could not be tended the last time.
    trouble: Mutex<Option<Error>>,
    changed: Condvar,
}

impl Upkeep {
    /// Starts looking after a store.
    pub(crate) fn start(store: &Arc<ReadOnly>, cleaner: Option<Cleaner>) -> Upkeep {
        let shared = Arc::new(Shared::default());
        let work = {
            let (store, shared) = (Arc::clone(store), Arc::clone(&shared));
            move || shared.work(&store, cleaner)
        };
        Upkeep {
            store: Arc::clone(store),
            shared,
            thread: Mutex::new(Some(thread::spawn(work))),
        }
    }

    /// Why the store could not be tended the last time.
    pub(crate) fn trouble(&self) -> Option<Error> {
        let trouble = self.shared.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        trouble.clone()
    }

    /// Ends the thread, and closes the store. What is done once is not done again.
    pub(crate) fn close(&self) {
        *self.shared.is_over.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.shared.changed.notify_all();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(thread) = thread else { return };
        // A panic has been reported where it happened.
        let _ = thread.join();
        if let Err(error) = self.store.close() {
            tracing::error!(target: logger::NAMING, "the store was not closed as it should be: {error}");
        }
    }
}

impl Shared {
    fn work(&self, store: &ReadOnly, mut cleaner: Option<Cleaner>) {
        while !self.wait(PERIOD) {
            let trouble = store.tend().err();
            if let Some(error) = &trouble {
                tracing::warn!(target: logger::NAMING, "{error}");
            }
            *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
            if let (Some(cleaner), false) = (&mut cleaner, store.is_on()) {
                cleaner.clean(store, &|| self.wait(Duration::ZERO));
            }
        }
    }

    /// Waits for the end; false when it has not come in this time.
    fn wait(&self, time: Duration) -> bool {
        let is_over = self.is_over.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(is_over, time, |is_over| !*is_over);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

impl Drop for Upkeep {
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Debug for Upkeep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Upkeep")
    }
}
