//! Names in memory, in their order.

use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_skiplist::SkipMap;

use super::{Changes, Contents, Room};
use crate::store::{Entry, Listed, Select};

/// Any number of threads read it, and none of them waits; one at a time changes it.
#[derive(Debug)]
pub(crate) struct Table {
    names: SkipMap<Arc<str>, Arc<Entry>>,
    count: AtomicUsize,
    /// What all entries take up.
    bytes: AtomicUsize,
    pub(super) room: Room,
}

impl Table {
    pub(super) fn new(room: Room) -> Table {
        Table {
            names: SkipMap::new(),
            count: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            room,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Acquire)
    }

    pub(super) fn get(&self, name: &str) -> Option<Arc<Entry>> {
        self.names.get(name).map(|found| Arc::clone(found.value()))
    }

    pub(super) fn list(&self, select: &Select) -> Vec<Listed> {
        let prefix = match select {
            Select::Prefix(prefix) => prefix.as_str(),
            _ => "",
        };
        let range = self.names.range::<str, _>((Bound::Included(prefix), Bound::Unbounded));
        range
            .take_while(|found| found.key().starts_with(prefix))
            .filter(|found| select.includes(found.key(), found.value()))
            .map(|found| (Arc::clone(found.key()), Arc::clone(found.value())))
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
        let old = self.names.get(&*name).map(|old| size(&name, old.value()));
        let new = entry.as_ref().map(|entry| size(&name, entry));
        // Nobody else changes it meanwhile.
        let bytes = self.bytes() + new.unwrap_or_default() - old.unwrap_or_default();
        let count = self.len() + usize::from(new.is_some()) - usize::from(old.is_some());
        match entry {
            Some(entry) => _ = self.names.insert(name, entry),
            None => _ = self.names.remove(&*name),
        }
        self.bytes.store(bytes, Ordering::Release);
        self.count.store(count, Ordering::Release);
    }
}

/// About what an entry takes up.
pub(super) fn size(name: &str, entry: &Entry) -> usize {
    const EACH: usize = 48;
    let tags: usize = entry.tags.iter().map(|tag| tag.len() + EACH).sum();
    name.len() + entry.uri.len() + tags + 3 * EACH
}
