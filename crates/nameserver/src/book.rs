//! The names of a name server: its store, and the history of what changes in it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ferropyro::Result;
use ferropyro::naming::NAMESERVER_ID;
use tokio::sync::Semaphore;

use crate::read_only::ReadOnly;
use crate::store::{Capabilities, Entry, Event, History, Store};

/// Clients that wait for changes at a time. Each takes one of the places for calls while it does.
pub(crate) const MOST_WATCHERS: usize = 256;

/// Store and history.
pub(crate) struct Book {
    pub(crate) store: Arc<dyn Store>,
    /// The same.
    pub(crate) read_only: Arc<ReadOnly>,
    pub(crate) capabilities: Capabilities,
    pub(crate) history: Arc<History>,
    /// Whether the store itself tells the history of changes.
    tells: bool,
    watchers: Semaphore,
}

impl Book {
    pub(crate) fn new(store: Arc<dyn Store>) -> Book {
        let history = Arc::new(History::new());
        let read_only = Arc::new(ReadOnly::new(store));
        Book {
            tells: read_only.watch(&history),
            capabilities: read_only.capabilities(),
            store: Arc::clone(&read_only) as Arc<dyn Store>,
            read_only,
            history,
            watchers: Semaphore::new(MOST_WATCHERS),
        }
    }

    pub(crate) fn put(&self, name: &str, entry: Entry, only_new: bool) -> Result<bool> {
        let record = (!self.tells).then(|| entry.clone());
        let done = self.store.put(name, entry, only_new)?;
        if let (true, Some(entry)) = (done, record) {
            self.history.record(name.into(), Some(Arc::new(entry)));
        }
        Ok(done)
    }

    pub(crate) fn set_tags(&self, name: &str, tags: BTreeSet<String>) -> Result<bool> {
        let done = self.store.set_tags(name, tags)?;
        if let (true, false, Some(entry)) = (done, self.tells, self.store.get(name)?) {
            self.history.record(name.into(), Some(entry));
        }
        Ok(done)
    }

    pub(crate) fn remove(&self, names: &[&str]) -> Result<usize> {
        let removed = self.store.remove(names)?;
        if removed > 0 && !self.tells {
            for name in names {
                self.history.record((*name).into(), None);
            }
        }
        Ok(removed)
    }

    /// Registers the name server itself.
    pub(crate) fn put_own(&self, entry: Entry) -> Result<()> {
        let record = (!self.tells).then(|| Arc::new(entry.clone()));
        self.read_only.put_own(entry)?;
        if let Some(entry) = record {
            self.history.record(NAMESERVER_ID.into(), Some(entry));
        }
        Ok(())
    }

    /// Clients that wait for changes.
    pub(crate) fn watchers(&self) -> usize {
        MOST_WATCHERS - self.watchers.available_permits()
    }

    /// The changes behind a revision; waits so long if there are none yet. Gives the revision from which to go on, too.
    pub(crate) async fn changes(&self, since: u64, prefix: &str, wait: Duration) -> Result<(u64, Vec<Event>)> {
        let end = tokio::time::Instant::now() + wait;
        loop {
            let latest = self.history.latest();
            let events = self.history.behind(since, prefix)?;
            let left = match self.history.is_over() {
                true => Duration::ZERO,
                false => end.saturating_duration_since(tokio::time::Instant::now()),
            };
            // Whoever finds no place gets his answer at once.
            let (true, false, Ok(_place)) = (events.is_empty(), left.is_zero(), self.watchers.try_acquire()) else {
                // All up to the one that was the latest before have been looked at, whatever their names are.
                let seen = events.last().map_or(since, |event| event.revision);
                return Ok((seen.max(latest), events));
            };
            self.history.wait(latest, left).await;
        }
    }
}
