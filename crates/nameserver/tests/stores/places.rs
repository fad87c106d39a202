//! Where the stores of a test are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use ferropyro::Result;
use ferropyro_nameserver::store::{self, Entry, Listed, Store};
use tempfile::TempDir;

#[cfg(all(feature = "etcd", unix))]
use crate::etcd::Etcd;

/// The stores that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Memory,
    Sql,
    DbmDumb,
    DbmSqlite,
    /// One that does no more than it must.
    Own,
    #[cfg(all(feature = "etcd", unix))]
    Etcd,
}

/// A place for one store.
pub(crate) struct Place {
    pub(crate) kind: Kind,
    folder: TempDir,
    #[cfg(all(feature = "etcd", unix))]
    etcd: Option<Arc<Etcd>>,
}

impl Place {
    /// A new place; `None` on a machine that lacks what the store needs.
    pub(crate) fn find(kind: Kind) -> Option<Place> {
        #[cfg(all(feature = "etcd", unix))]
        if kind == Kind::Etcd && !crate::etcd::is_installed() {
            return None;
        }
        Some(Place::new(kind))
    }

    pub(crate) fn new(kind: Kind) -> Place {
        let folder = tempfile::tempdir().unwrap();
        if kind == Kind::DbmSqlite {
            // As Python 3.13 begins.
            std::fs::write(folder.path().join("names"), "").unwrap();
        }
        Place {
            kind,
            folder,
            #[cfg(all(feature = "etcd", unix))]
            etcd: (kind == Kind::Etcd).then(Etcd::shared),
        }
    }

    pub(crate) fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("names")
    }

    /// The store, opened once more.
    pub(crate) fn open(&self) -> Arc<dyn Store> {
        self.try_open().unwrap()
    }

    pub(crate) fn try_open(&self) -> Result<Arc<dyn Store>> {
        match self.kind {
            Kind::Memory => Ok(Arc::new(store::memory())),
            Kind::Sql => Ok(Arc::new(store::sql(self.path())?)),
            Kind::DbmDumb | Kind::DbmSqlite => store::dbm(self.path()),
            Kind::Own => Ok(Arc::new(Notebook::default())),
            #[cfg(all(feature = "etcd", unix))]
            Kind::Etcd => {
                let endpoints = self.etcd.as_ref().unwrap().endpoints(0);
                store::open(&format!("etcd:{endpoints}{}", self.path().display()))
            }
        }
    }

    pub(crate) fn is_persistent(&self) -> bool {
        !matches!(self.kind, Kind::Memory | Kind::Own)
    }
}

#[derive(Default)]
struct Notebook(Mutex<BTreeMap<String, Entry>>);

impl Store for Notebook {
    fn get(&self, name: &str) -> Result<Option<Arc<Entry>>> {
        Ok(self.0.lock().unwrap().get(name).cloned().map(Arc::new))
    }

    fn entries(&self) -> Result<Vec<Listed>> {
        let names = self.0.lock().unwrap();
        let entries = names.iter();
        Ok(entries
            .map(|(name, entry)| (name.as_str().into(), Arc::new(entry.clone())))
            .collect())
    }

    fn put(&self, name: &str, entry: Entry, only_new: bool) -> Result<bool> {
        let mut names = self.0.lock().unwrap();
        if only_new && names.contains_key(name) {
            return Ok(false);
        }
        names.insert(name.to_owned(), entry);
        Ok(true)
    }

    fn set_tags(&self, name: &str, tags: BTreeSet<String>) -> Result<bool> {
        let mut names = self.0.lock().unwrap();
        Ok(names.get_mut(name).map(|entry| entry.tags = tags).is_some())
    }

    fn remove(&self, names: &[&str]) -> Result<usize> {
        let mut kept = self.0.lock().unwrap();
        Ok(names.iter().filter(|name| kept.remove(**name).is_some()).count())
    }

    fn remove_if(&self, name: &str, uri: &str) -> Result<bool> {
        let mut names = self.0.lock().unwrap();
        let is_meant = names.get(name).is_some_and(|entry| entry.uri == uri);
        Ok(is_meant && names.remove(name).is_some())
    }
}
