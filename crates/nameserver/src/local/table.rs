//! Names in memory, in their order.

use std::ops::Bound;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use crossbeam_skiplist::SkipMap;

use super::leases::Leases;
use super::{Changes, Contents, Room};
use crate::store::{Entry, History, Listed, Select};

/// Any number of threads read it, and none of them waits; one at a time changes it.
#[derive(Debug)]
pub(crate) struct Table {
    /// A new entry takes the place of the old one within the lock, which is held for that alone: `SkipMap::insert` would take the name out first, and those who look it up just
    /// then would not find it.
    names: SkipMap<Arc<str>, RwLock<Arc<Entry>>>,
    count: AtomicUsize,
    /// What all entries take up.
    bytes: AtomicUsize,
    pub(super) room: Room,
    leases: Leases,
    /// Who is told of changes.
    history: OnceLock<Arc<History>>,
}

impl Table {
    pub(super) fn new(room: Room) -> Table {
        Table {
            names: SkipMap::new(),
            count: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            room,
            leases: Leases::default(),
            history: OnceLock::new(),
        }
    }

    /// Tells this history of all changes from now on; false if there is one already.
    pub(super) fn watch(&self, history: &Arc<History>) -> bool {
        self.history.set(Arc::clone(history)).is_ok()
    }

    /// Keeps a name for its time to live from now on.
    pub(super) fn renew(&self, name: &str, uri: &str) -> bool {
        let entry = self.get(name).filter(|entry| entry.uri == uri);
        entry.is_some_and(|entry| entry.ttl.is_none_or(|ttl| self.leases.renew(name, ttl)))
    }

    /// The names whose time is over, which cannot be renewed from now on.
    pub(super) fn take_expired(&self) -> Vec<Listed> {
        let expired = self.leases.take_expired().into_iter();
        expired
            .filter_map(|name| Some((Arc::clone(&name), self.get(&name)?)))
            .collect()
    }

    /// Makes the time of a name be over.
    pub(super) fn expire_soon(&self, name: Arc<str>) {
        self.leases.set(name, Some(Duration::ZERO));
    }

    pub(super) fn len(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Acquire)
    }

    pub(super) fn get(&self, name: &str) -> Option<Arc<Entry>> {
        self.names.get(name).map(|found| current(found.value()))
    }

    pub(super) fn list(&self, select: &Select) -> Vec<Listed> {
        let prefix = match select {
            Select::Prefix(prefix) => prefix.as_str(),
            _ => "",
        };
        let range = self.names.range::<str, _>((Bound::Included(prefix), Bound::Unbounded));
        range
            .take_while(|found| found.key().starts_with(prefix))
            .map(|found| (Arc::clone(found.key()), current(found.value())))
            .filter(|(name, entry)| select.includes(name, entry))
            .collect()
    }

    /// Makes the changes. Readers may see some of them before others.
    pub(super) fn apply(&self, changes: Changes) {
        for (name, entry) in changes {
            self.set(name, entry);
        }
    }

    /// Takes in what is there at the start.
    pub(super) fn fill(&self, contents: Contents) {
        for (name, entry) in contents {
            self.set(name, Some(entry));
        }
    }

    /// Makes it so that these names are kept, and no others.
    pub(super) fn replace(&self, contents: Contents) {
        let mut gone: Changes = self.names.iter().map(|old| (Arc::clone(old.key()), None)).collect();
        for (name, entry) in contents {
            gone.remove(&name);
            if self.get(&name).as_deref() != Some(&*entry) {
                self.set(name, Some(entry));
            }
        }
        self.apply(gone);
    }

    fn set(&self, name: Arc<str>, entry: Option<Arc<Entry>>) {
        let found = self.names.get(&*name);
        let old = found.as_ref().map(|old| size(&name, &current(old.value())));
        let new = entry.as_ref().map(|entry| size(&name, entry));
        // Nobody else changes it meanwhile.
        let bytes = self.bytes() + new.unwrap_or_default() - old.unwrap_or_default();
        let count = self.len() + usize::from(new.is_some()) - usize::from(old.is_some());
        self.leases
            .set(Arc::clone(&name), entry.as_ref().and_then(|entry| entry.ttl));
        let event = self
            .history
            .get()
            .map(|history| (history, Arc::clone(&name), entry.clone()));
        match (entry, found) {
            (Some(entry), Some(found)) => *found.value().write().unwrap_or_else(PoisonError::into_inner) = entry,
            (Some(entry), None) => _ = self.names.insert(name, RwLock::new(entry)),
            (None, _) => _ = self.names.remove(&*name),
        }
        self.bytes.store(bytes, Ordering::Release);
        self.count.store(count, Ordering::Release);
        if let Some((history, name, entry)) = event {
            history.record(name, entry);
        }
    }
}

fn current(entry: &RwLock<Arc<Entry>>) -> Arc<Entry> {
    Arc::clone(&entry.read().unwrap_or_else(PoisonError::into_inner))
}

/// About what an entry takes up.
pub(super) fn size(name: &str, entry: &Entry) -> usize {
    const EACH: usize = 48;
    let tags: usize = entry.tags.iter().map(|tag| tag.len() + EACH).sum();
    name.len() + entry.uri.len() + tags + 3 * EACH
}
