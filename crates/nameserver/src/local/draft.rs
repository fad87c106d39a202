//! Changes that are being made, one upon the other, before anybody sees them.

use std::collections::BTreeSet;
use std::sync::Arc;

use ferropyro::Result;

use super::table::{Table, size};
use super::{Change, Changes};
use crate::store::{self, Entry};

/// The table with some changes.
pub(super) struct Draft<'t> {
    table: &'t Table,
    pub(super) changes: Changes,
    names: usize,
    bytes: usize,
}

impl<'t> Draft<'t> {
    pub(super) fn new(table: &'t Table) -> Draft<'t> {
        Draft {
            table,
            changes: Changes::new(),
            names: table.len(),
            bytes: table.bytes(),
        }
    }

    /// Makes one more change; gives how many names it concerned.
    ///
    /// # Errors
    /// `Value` when there is no room for another name.
    pub(super) fn make(&mut self, change: Change) -> Result<usize> {
        match change {
            Change::Put { name, entry, only_new } => self.put(name, entry, only_new),
            Change::SetTags { name, tags } => self.set_tags(name, tags),
            Change::Remove(names) => Ok(names.into_iter().filter(|name| self.remove(name)).count()),
            Change::Expire { name, entry } => {
                let is_meant = self.get(&name).is_some_and(|kept| Arc::ptr_eq(&kept, &entry));
                Ok(usize::from(is_meant && self.remove(&name)))
            }
            Change::RemoveIf { name, uri } => {
                let is_meant = self.get(&name).is_some_and(|entry| entry.uri == uri);
                Ok(usize::from(is_meant && self.remove(&name)))
            }
        }
    }

    fn get(&self, name: &str) -> Option<Arc<Entry>> {
        match self.changes.get(name) {
            Some(changed) => changed.clone(),
            None => self.table.get(name),
        }
    }

    fn put(&mut self, name: String, entry: Entry, only_new: bool) -> Result<usize> {
        let old = self.get(&name);
        if only_new && old.is_some() {
            return Ok(0);
        }
        let bytes = self.bytes + size(&name, &entry) - old.as_ref().map_or(0, |old| size(&name, old));
        let names = self.names + usize::from(old.is_none());
        // What is there already may change, even if a file held more than there is room for.
        let has_room = names <= self.table.room.names || old.is_some();
        if !has_room || (bytes > self.table.room.bytes && bytes > self.bytes) {
            return Err(store::full());
        }
        (self.names, self.bytes) = (names, bytes);
        self.changes.insert(name.into(), Some(Arc::new(entry)));
        Ok(1)
    }

    fn set_tags(&mut self, name: String, tags: BTreeSet<String>) -> Result<usize> {
        match self.get(&name) {
            Some(old) => {
                let (uri, ttl) = (old.uri.clone(), old.ttl);
                self.put(name, Entry { uri, tags, ttl }, false)
            }
            None => Ok(0),
        }
    }

    fn remove(&mut self, name: &str) -> bool {
        let Some(old) = self.get(name) else { return false };
        self.names -= 1;
        self.bytes -= size(name, &old);
        self.changes.insert(name.into(), None);
        true
    }
}
