//! The store that forgets everything when the process ends: Pyro's `memory`.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use ferropyro::Result;

use crate::store::{self, Entry, Listed, MAX_NAMES, Select, Store};

/// Keeps names in memory.
#[derive(Debug)]
pub struct MemoryStore {
    names: RwLock<Names>,
    max_names: usize,
}

type Names = BTreeMap<Arc<str>, Arc<Entry>>;

/// Names that are looked at under one lock, so that a list of a million names does not keep others waiting.
const CHUNK: usize = 1024;

impl MemoryStore {
    /// An empty store.
    pub fn new() -> MemoryStore {
        MemoryStore::with_room_for(MAX_NAMES)
    }

    fn with_room_for(max_names: usize) -> MemoryStore {
        MemoryStore {
            names: RwLock::default(),
            max_names,
        }
    }

    /// Nothing that runs under the lock can panic halfway through a change, so what a poisoned lock protects is whole.
    fn read(&self) -> RwLockReadGuard<'_, Names> {
        self.names.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Names> {
        self.names.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Some names behind this one.
    fn chunk(&self, start: Bound<&str>) -> Vec<Listed> {
        let names = self.read();
        let range = names.range::<str, _>((start, Bound::Unbounded));
        range
            .take(CHUNK)
            .map(|(name, entry)| (Arc::clone(name), Arc::clone(entry)))
            .collect()
    }
}

impl Default for MemoryStore {
    fn default() -> MemoryStore {
        MemoryStore::new()
    }
}

impl Store for MemoryStore {
    fn count(&self) -> Result<usize> {
        Ok(self.read().len())
    }

    fn get(&self, name: &str) -> Result<Option<Arc<Entry>>> {
        Ok(self.read().get(name).cloned())
    }

    fn list(&self, select: &Select) -> Result<Vec<Listed>> {
        let prefix = match select {
            Select::Prefix(prefix) => prefix.as_str(),
            _ => "",
        };
        let mut found = Vec::new();
        let mut chunk = self.chunk(Bound::Included(prefix));
        while let Some((last, _)) = chunk.last() {
            let last = Arc::clone(last);
            found.extend(chunk.into_iter().filter(|(name, entry)| select.includes(name, entry)));
            if !last.starts_with(prefix) {
                break;
            }
            chunk = self.chunk(Bound::Excluded(&last));
        }
        Ok(found)
    }

    fn put(&self, name: &str, entry: Entry, only_new: bool) -> Result<bool> {
        let mut names = self.write();
        let room = names.len() < self.max_names;
        match names.get_mut(name) {
            Some(_) if only_new => return Ok(false),
            Some(place) => *place = Arc::new(entry),
            None if room => drop(names.insert(name.into(), Arc::new(entry))),
            None => return Err(store::full()),
        }
        Ok(true)
    }

    fn set_tags(&self, name: &str, tags: BTreeSet<String>) -> Result<bool> {
        match self.write().get_mut(name) {
            Some(entry) => {
                Arc::make_mut(entry).tags = tags;
                Ok(true)
            }
            None => Ok(false),
        }
    }

    fn remove(&self, names: &[&str]) -> Result<usize> {
        let remove_some = |some: &[&str]| {
            let mut kept = self.write();
            some.iter().filter(|name| kept.remove(**name).is_some()).count()
        };
        Ok(names.chunks(CHUNK).map(remove_some).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(uri: &str) -> Entry {
        Entry {
            uri: uri.to_owned(),
            tags: BTreeSet::new(),
        }
    }

    #[test]
    fn a_full_store_takes_no_new_name_but_new_entries_for_the_names_it_has() {
        let store = MemoryStore::with_room_for(2);
        assert!(store.put("a", entry("1"), false).unwrap());
        assert!(store.put("b", entry("2"), false).unwrap());
        assert_eq!(
            store.put("c", entry("3"), false).unwrap_err().message(),
            store::full().message()
        );
        assert!(store.put("a", entry("4"), false).unwrap());
        assert_eq!(store.remove(&["b", "nobody"]).unwrap(), 1);
        assert!(store.put("c", entry("3"), true).unwrap());
        assert_eq!(store.get("a").unwrap().unwrap().uri, "4");
    }

    #[test]
    fn lists_longer_than_a_chunk_are_whole_and_in_order() {
        let store = MemoryStore::new();
        for number in 0..3 * CHUNK {
            store.put(&format!("name{number:05}"), entry("uri"), false).unwrap();
        }
        for (prefix, count) in [
            ("", 3 * CHUNK),
            ("name", 3 * CHUNK),
            ("name00", 1000),
            ("name03071", 1),
            ("namf", 0),
        ] {
            let found = store.list(&Select::Prefix(prefix.to_owned())).unwrap();
            assert_eq!(found.len(), count, "{prefix}");
            assert!(found.is_sorted_by(|(one, _), (other, _)| one < other));
        }
        assert_eq!(store.list(&Select::All).unwrap().len(), 3 * CHUNK);
    }
}
