//! A store that can be made read-only, and back, while the name server runs.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use ferropyro::naming::NAMESERVER_ID;
use ferropyro::{Error, ErrorKind, Result};

use crate::store::{Capabilities, Entry, History, Listed, Select, Store};

/// Stands before a store. While it is read-only nothing is written there, and the name server's own entry, which has to be right wherever it runs, is in here.
pub(crate) struct ReadOnly {
    store: Arc<dyn Store>,
    is_on: AtomicBool,
    own: RwLock<Option<Arc<Entry>>>,
}

impl ReadOnly {
    pub(crate) fn new(store: Arc<dyn Store>) -> ReadOnly {
        ReadOnly {
            store,
            is_on: AtomicBool::new(false),
            own: RwLock::new(None),
        }
    }

    pub(crate) fn is_on(&self) -> bool {
        self.is_on.load(Ordering::Relaxed)
    }

    /// Switches it on or off.
    ///
    /// # Errors
    /// When the own entry cannot be written now that it should be; it stays on then.
    pub(crate) fn set(&self, is_on: bool) -> Result<()> {
        let own = self.own.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let (true, false, Some(own)) = (self.is_on(), is_on, own) {
            self.store.put(NAMESERVER_ID, (*own).clone(), false)?;
        }
        self.is_on.store(is_on, Ordering::Relaxed);
        Ok(())
    }

    /// Keeps the name server's own entry, and writes it if that is allowed.
    pub(crate) fn put_own(&self, mut entry: Entry) -> Result<()> {
        if !self.store.capabilities().metadata {
            entry.tags = BTreeSet::new();
        }
        let kept = Some(Arc::new(entry.clone()));
        *self.own.write().unwrap_or_else(PoisonError::into_inner) = kept;
        if !self.is_on() {
            self.store.put(NAMESERVER_ID, entry, false)?;
        }
        Ok(())
    }

    /// The own entry, while it counts more than the store's.
    fn own(&self) -> Option<Arc<Entry>> {
        match self.is_on() {
            true => self.own.read().unwrap_or_else(PoisonError::into_inner).clone(),
            false => None,
        }
    }

    fn writable(&self) -> Result<&dyn Store> {
        match self.is_on() {
            true => Err(Error::new(ErrorKind::Naming, "this name server is read-only")),
            false => Ok(&*self.store),
        }
    }

    /// What the store has found, with the own entry in the place of the one that is there.
    fn corrected(&self, mut found: Vec<Listed>, is_meant: impl Fn(&Entry) -> bool) -> Vec<Listed> {
        if let Some(own) = self.own() {
            found.retain(|(name, _)| **name != *NAMESERVER_ID);
            if is_meant(&own) {
                found.push((NAMESERVER_ID.into(), own));
            }
        }
        found
    }
}

impl Store for ReadOnly {
    fn get(&self, name: &str) -> Result<Option<Arc<Entry>>> {
        if self.is_on() && name == NAMESERVER_ID {
            return Ok(self.own());
        }
        self.store.get(name)
    }

    fn entries(&self) -> Result<Vec<Listed>> {
        Ok(self.corrected(self.store.entries()?, |_| true))
    }

    fn put(&self, name: &str, entry: Entry, only_new: bool) -> Result<bool> {
        self.writable()?.put(name, entry, only_new)
    }

    fn set_tags(&self, name: &str, tags: BTreeSet<String>) -> Result<bool> {
        self.writable()?.set_tags(name, tags)
    }

    fn remove(&self, names: &[&str]) -> Result<usize> {
        self.writable()?.remove(names)
    }

    fn remove_if(&self, name: &str, uri: &str) -> Result<bool> {
        self.writable()?.remove_if(name, uri)
    }

    /// Changes nothing that anybody could see, but for those that would go otherwise.
    fn renew(&self, name: &str, uri: &str) -> Result<bool> {
        self.store.renew(name, uri)
    }

    fn watch(&self, history: &Arc<History>) -> bool {
        self.store.watch(history)
    }

    fn capabilities(&self) -> Capabilities {
        self.store.capabilities()
    }

    fn count(&self) -> Result<usize> {
        let count = self.store.count()?;
        match self.own() {
            Some(_) if self.store.get(NAMESERVER_ID)?.is_none() => Ok(count + 1),
            _ => Ok(count),
        }
    }

    fn list(&self, select: &Select) -> Result<Vec<Listed>> {
        let found = self.store.list(select)?;
        Ok(self.corrected(found, |own| select.includes(NAMESERVER_ID, own)))
    }

    fn tend(&self) -> Result<()> {
        self.store.tend()
    }

    fn close(&self) -> Result<()> {
        self.store.close()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store;

    fn entry(uri: &str) -> Entry {
        Entry::new(uri, BTreeSet::new())
    }

    #[test]
    fn nothing_is_written_while_it_is_on_and_the_own_entry_is_right_all_the_same() {
        let store: Arc<dyn Store> = Arc::new(store::memory());
        store.put(NAMESERVER_ID, entry("old"), false).unwrap();
        store.put("a", entry("1"), false).unwrap();
        let guarded = ReadOnly::new(Arc::clone(&store));
        guarded.set(true).unwrap();
        guarded.put_own(entry("own")).unwrap();
        let refused = [
            guarded.put("b", entry("2"), false).map(drop),
            guarded.set_tags("a", BTreeSet::new()).map(drop),
            guarded.remove(&["a"]).map(drop),
            guarded.remove(&[]).map(drop),
            guarded.remove_if("a", "1").map(drop),
        ];
        for result in refused {
            assert_eq!(result.unwrap_err().message(), "this name server is read-only");
        }
        assert_eq!(guarded.get(NAMESERVER_ID).unwrap().unwrap().uri, "own");
        assert_eq!(store.get(NAMESERVER_ID).unwrap().unwrap().uri, "old");
        let mut listed = guarded.list(&Select::Prefix(String::new())).unwrap();
        listed.sort();
        let listed: Vec<_> = listed.iter().map(|(name, entry)| (&**name, &*entry.uri)).collect();
        assert_eq!(listed, [(NAMESERVER_ID, "own"), ("a", "1")]);
        assert_eq!(guarded.list(&Select::Prefix("a".to_owned())).unwrap().len(), 1);
        assert_eq!(guarded.count().unwrap(), 2);
    }

    #[test]
    fn a_store_without_the_own_entry_has_it_once_it_may_be_written() {
        let store: Arc<dyn Store> = Arc::new(store::memory());
        let guarded = ReadOnly::new(Arc::clone(&store));
        guarded.set(true).unwrap();
        guarded.put_own(entry("own")).unwrap();
        assert_eq!((guarded.count().unwrap(), store.count().unwrap()), (1, 0));
        guarded.set(false).unwrap();
        assert_eq!((guarded.count().unwrap(), store.count().unwrap()), (1, 1));
        assert!(guarded.put("a", entry("1"), true).unwrap());
        guarded.set(true).unwrap();
        assert!(guarded.remove(&["a"]).is_err());
    }
}
