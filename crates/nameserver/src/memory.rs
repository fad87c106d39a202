//! The store that forgets everything when the process ends: Pyro's `memory`.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use ferropyro::Result;

use crate::store::{self, Entry, Listed, MAX_BYTES, MAX_NAMES, Select, Store};

/// Keeps names in memory.
#[derive(Debug)]
pub struct MemoryStore {
    kept: RwLock<Kept>,
    room: Room,
}

#[derive(Debug, Default)]
struct Kept {
    names: BTreeMap<Arc<str>, Arc<Entry>>,
    /// What all entries take up.
    bytes: usize,
}

#[derive(Debug, Clone, Copy)]
struct Room {
    names: usize,
    bytes: usize,
}

/// Names that are looked at under one lock, so that a list of a million names does not keep others waiting.
const CHUNK: usize = 1024;

impl MemoryStore {
    /// An empty store.
    pub fn new() -> MemoryStore {
        MemoryStore::with_room(Room {
            names: MAX_NAMES,
            bytes: MAX_BYTES,
        })
    }

    fn with_room(room: Room) -> MemoryStore {
        MemoryStore {
            kept: RwLock::default(),
            room,
        }
    }

    /// Nothing that runs under the lock can panic halfway through a change, so what a poisoned lock protects is whole.
    fn read(&self) -> RwLockReadGuard<'_, Kept> {
        self.kept.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Kept> {
        self.kept.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Some names behind this one.
    fn chunk(&self, start: Bound<&str>) -> Vec<Listed> {
        let kept = self.read();
        let range = kept.names.range::<str, _>((start, Bound::Unbounded));
        range
            .take(CHUNK)
            .map(|(name, entry)| (Arc::clone(name), Arc::clone(entry)))
            .collect()
    }
}

impl Kept {
    /// Puts an entry in the place of an old one, or of none, as far as there is room.
    fn put(&mut self, name: &str, entry: Entry, room: Room) -> Result<()> {
        let old = self.names.get(name).map(|old| size(name, old));
        let bytes = self.bytes - old.unwrap_or_default() + size(name, &entry);
        if bytes > room.bytes || (old.is_none() && self.names.len() >= room.names) {
            return Err(store::full());
        }
        self.bytes = bytes;
        self.names.insert(name.into(), Arc::new(entry));
        Ok(())
    }

    fn remove(&mut self, name: &str) -> bool {
        let Some(entry) = self.names.remove(name) else {
            return false;
        };
        self.bytes -= size(name, &entry);
        true
    }
}

/// About what an entry takes up.
fn size(name: &str, entry: &Entry) -> usize {
    const EACH: usize = 48;
    let tags: usize = entry.tags.iter().map(|tag| tag.len() + EACH).sum();
    name.len() + entry.uri.len() + tags + 3 * EACH
}

impl Default for MemoryStore {
    fn default() -> MemoryStore {
        MemoryStore::new()
    }
}

impl Store for MemoryStore {
    fn count(&self) -> Result<usize> {
        Ok(self.read().names.len())
    }

    fn get(&self, name: &str) -> Result<Option<Arc<Entry>>> {
        Ok(self.read().names.get(name).cloned())
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
        let mut kept = self.write();
        if only_new && kept.names.contains_key(name) {
            return Ok(false);
        }
        kept.put(name, entry, self.room)?;
        Ok(true)
    }

    fn set_tags(&self, name: &str, tags: BTreeSet<String>) -> Result<bool> {
        let mut kept = self.write();
        let Some(old) = kept.names.get(name) else {
            return Ok(false);
        };
        let uri = old.uri.clone();
        kept.put(name, Entry { uri, tags }, self.room)?;
        Ok(true)
    }

    fn remove(&self, names: &[&str]) -> Result<usize> {
        let remove_some = |some: &[&str]| {
            let mut kept = self.write();
            some.iter().filter(|name| kept.remove(name)).count()
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
        let store = MemoryStore::with_room(Room {
            names: 2,
            bytes: MAX_BYTES,
        });
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
    fn a_store_without_room_for_more_bytes_has_some_again_when_names_go() {
        let room = Room {
            names: MAX_NAMES,
            bytes: 10_000,
        };
        let store = MemoryStore::with_room(room);
        let long = BTreeSet::from(["t".repeat(4000)]);
        for _ in 0..5 {
            for name in ["a", "b", "a"] {
                assert!(store.put(name, entry("uri"), false).unwrap());
                assert!(store.set_tags(name, long.clone()).unwrap());
            }
            store.put("c", entry("uri"), false).unwrap();
            assert!(store.set_tags("c", long.clone()).is_err());
            assert!(store.put("d", entry(&"u".repeat(4000)), false).is_err());
            assert_eq!(store.get("c").unwrap().unwrap().tags, BTreeSet::new());
            assert_eq!(store.remove(&["a", "b", "c", "d"]).unwrap(), 3);
        }
        assert_eq!(store.read().bytes, 0);
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
