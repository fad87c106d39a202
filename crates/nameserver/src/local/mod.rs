//! Names in the memory of this process, and a journal that keeps what changes.
//!
//! Every store that belongs to one name server alone is this one, with another [`Journal`]. Reading asks the memory, and waits for no change that is being written. Changes
//! that arrive while others are being written wait, and are written together next ([`queue`]); they are seen, and acknowledged, once the
//! journal has them.

mod draft;
mod leases;
mod queue;
mod table;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use ferropyro::Result;

use self::queue::Queue;
use self::table::Table;
use crate::store::{Capabilities, Entry, History, Listed, MAX_BYTES, MAX_NAMES, Select, Store};

/// Where changes are kept. One thread at a time has it.
pub(crate) trait Journal: Send + 'static {
    /// What is particular about it.
    const CAPABILITIES: Capabilities;

    /// Begins a change, so that nobody else changes what it is based on. Gives all names if somebody else has changed some since the last time.
    ///
    /// # Errors
    /// Why it cannot be done; nothing has begun then.
    fn begin(&mut self) -> Result<Option<Contents>, Trouble>;

    /// Ends what was begun: keeps these changes, all or none. They are safe when it returns.
    ///
    /// # Errors
    /// Why they are not kept.
    fn commit(&mut self, changes: &Changes) -> Result<(), Trouble>;

    /// Ends what was begun without a change. Nothing happens if nothing has begun.
    fn abandon(&mut self);

    /// All names, if somebody else has changed some since the last time.
    ///
    /// # Errors
    /// When that cannot be found out.
    fn refresh(&mut self) -> Result<Option<Contents>, Trouble>;

    /// Does what makes the next start quicker, and lets go of the files.
    ///
    /// # Errors
    /// What could not be done.
    fn close(&mut self) -> Result<(), Trouble>;
}

/// All names of a journal.
pub(crate) type Contents = Vec<Listed>;
/// What names stand for from now on, or that they are gone.
pub(crate) type Changes = std::collections::BTreeMap<Arc<str>, Option<Arc<Entry>>>;
/// The text of the `NamingError` that callers get.
pub(crate) type Trouble = String;

/// One change that somebody asks for.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    Put {
        name: String,
        entry: Entry,
        only_new: bool,
    },
    SetTags {
        name: String,
        tags: BTreeSet<String>,
    },
    Remove(Vec<String>),
    RemoveIf {
        name: String,
        uri: String,
    },
    /// Removes a name that has not been registered anew.
    Expire {
        name: Arc<str>,
        entry: Arc<Entry>,
    },
}

/// The most that may be kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    pub(crate) names: usize,
    pub(crate) bytes: usize,
}

/// A store of one process.
pub(crate) struct LocalStore<J> {
    table: Table,
    queue: Queue<J>,
}

impl<J: Journal> LocalStore<J> {
    /// The store of a journal with these names.
    pub(crate) fn new(journal: J, contents: Contents) -> LocalStore<J> {
        let room = Room {
            names: MAX_NAMES,
            bytes: MAX_BYTES,
        };
        LocalStore::with_room(journal, contents, room)
    }

    pub(crate) fn with_room(journal: J, contents: Contents, room: Room) -> LocalStore<J> {
        let table = Table::new(room);
        table.fill(contents);
        LocalStore {
            table,
            queue: Queue::new(journal),
        }
    }

    fn change(&self, change: Change) -> Result<usize> {
        self.queue.change(&self.table, change)
    }

    fn kept(mut entry: Entry) -> Entry {
        entry.tags = Self::kept_tags(entry.tags);
        entry
    }

    fn kept_tags(tags: BTreeSet<String>) -> BTreeSet<String> {
        match J::CAPABILITIES.metadata {
            true => tags,
            false => BTreeSet::new(),
        }
    }
}

impl<J: Journal> Store for LocalStore<J> {
    fn capabilities(&self) -> Capabilities {
        J::CAPABILITIES
    }

    fn count(&self) -> Result<usize> {
        Ok(self.table.len())
    }

    fn get(&self, name: &str) -> Result<Option<Arc<Entry>>> {
        Ok(self.table.get(name))
    }

    fn entries(&self) -> Result<Vec<Listed>> {
        self.list(&Select::All)
    }

    fn list(&self, select: &Select) -> Result<Vec<Listed>> {
        Ok(self.table.list(select))
    }

    fn put(&self, name: &str, entry: Entry, only_new: bool) -> Result<bool> {
        let (name, entry) = (name.to_owned(), Self::kept(entry));
        Ok(self.change(Change::Put { name, entry, only_new })? > 0)
    }

    fn set_tags(&self, name: &str, tags: BTreeSet<String>) -> Result<bool> {
        let (name, tags) = (name.to_owned(), Self::kept_tags(tags));
        Ok(self.change(Change::SetTags { name, tags })? > 0)
    }

    fn remove(&self, names: &[&str]) -> Result<usize> {
        match names {
            [] => Ok(0),
            names => self.change(Change::Remove(names.iter().map(|name| (*name).to_owned()).collect())),
        }
    }

    fn remove_if(&self, name: &str, uri: &str) -> Result<bool> {
        let (name, uri) = (name.to_owned(), uri.to_owned());
        Ok(self.change(Change::RemoveIf { name, uri })? > 0)
    }

    fn renew(&self, name: &str, uri: &str) -> Result<bool> {
        Ok(self.table.renew(name, uri))
    }

    fn watch(&self, history: &Arc<History>) -> bool {
        self.table.watch(history)
    }

    fn tend(&self) -> Result<()> {
        self.queue.refresh(&self.table)?;
        for (name, entry) in self.table.take_expired() {
            let expire = Change::Expire {
                name: Arc::clone(&name),
                entry: Arc::clone(&entry),
            };
            if let Err(error) = self.change(expire) {
                self.table.expire_soon(name);
                return Err(error);
            }
        }
        Ok(())
    }

    fn close(&self) -> Result<()> {
        self.queue.close()
    }
}

impl<J: Journal> fmt::Debug for LocalStore<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({} names)", J::CAPABILITIES.class, self.table.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::Nothing;
    use crate::store;

    fn entry(uri: &str) -> Entry {
        Entry::new(uri, BTreeSet::new())
    }

    #[test]
    fn a_full_store_takes_no_new_name_but_new_entries_for_the_names_it_has() {
        let room = Room {
            names: 2,
            bytes: MAX_BYTES,
        };
        let store = LocalStore::with_room(Nothing, Contents::new(), room);
        assert!(store.put("a", entry("1"), false).unwrap());
        assert!(store.put("b", entry("2"), false).unwrap());
        let error = store.put("c", entry("3"), false).unwrap_err();
        assert_eq!(error.message(), store::full().message());
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
        let store = LocalStore::with_room(Nothing, Contents::new(), room);
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
        assert_eq!(store.table.bytes(), 0);
    }

    #[test]
    fn lists_are_whole_and_in_order() {
        let store = LocalStore::new(Nothing, Contents::new());
        for number in 0..3000 {
            store.put(&format!("name{number:05}"), entry("uri"), false).unwrap();
        }
        for (prefix, count) in [
            ("", 3000),
            ("name", 3000),
            ("name00", 1000),
            ("name02999", 1),
            ("namf", 0),
        ] {
            let found = store.list(&Select::Prefix(prefix.to_owned())).unwrap();
            assert_eq!(found.len(), count, "{prefix}");
            assert!(found.is_sorted_by(|(one, _), (other, _)| one < other));
        }
    }
}
