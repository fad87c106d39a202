//! Names in an etcd cluster, which several name servers share: whatever one of them acknowledges, the others know.
//!
//! A name is a key, and what it stands for a small JSON document ([`document`]). Reading asks the members of the cluster for what most of them agree upon, and changes are
//! transactions, so operations are linearizable over all name servers. Nothing is kept in this process but the entry of the name server itself: each has
//! its own, under the same name, so that asking a name server for itself gives the one that was asked.
//!
//! The requests run on a small runtime of the store's own; whoever calls waits for it.

mod cluster;
mod document;
mod failure;
mod list;
mod names;
mod place;
mod watcher;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, mpsc};

use ferropyro::naming::NAMESERVER_ID;
use ferropyro::{Error, ErrorKind, Result};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::time::Instant;

use self::cluster::{Cluster, PATIENCE};
use self::failure::Failure;
use self::names::Names;
use self::place::Place;
use self::watcher::Watcher;
use crate::store::{Capabilities, Entry, History, Listed, Select, Store, Waits};

/// The names of a cluster.
pub(crate) struct EtcdStore {
    names: Names,
    /// What [`NAMESERVER_ID`] stands for here.
    own: RwLock<Option<Arc<Entry>>>,
    is_watched: AtomicBool,
    handle: Handle,
    /// Gone when the store is closed.
    runtime: Mutex<Option<Runtime>>,
}

/// The store at this place, `HOST:PORT[,HOST:PORT...][/PREFIX]`.
///
/// # Errors
/// `Value` for another form; `Naming` when no endpoint answers.
pub(crate) fn open(place: &str) -> Result<EtcdStore> {
    let Place { endpoints, keys } = Place::parse(place)?;
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("ferropyro-etcd")
        .enable_all()
        .build()
        .map_err(|error| Failure::new(error.to_string()).in_operation("open"))?;
    let handle = runtime.handle().clone();
    let runtime = Mutex::new(Some(runtime));
    let cluster = wait(&handle, "open", Cluster::new(endpoints))?;
    let store = EtcdStore {
        names: Names {
            cluster: Arc::new(cluster),
            keys,
            end: None,
        },
        own: RwLock::default(),
        is_watched: AtomicBool::new(false),
        handle,
        runtime,
    };
    store.run_soon("open", |names| async move { names.get(NAMESERVER_ID).await })?;
    Ok(store)
}

/// Waits for something that the runtime does, in a thread that may belong to another one.
fn wait<T: Send + 'static>(
    handle: &Handle,
    operation: &'static str,
    work: impl Future<Output = std::result::Result<T, Failure>> + Send + 'static,
) -> Result<T> {
    let (answer, answered) = mpsc::sync_channel(1);
    handle.spawn(async move {
        // Who does not wait any more needs no answer.
        let _ = answer.send(work.await);
    });
    match answered.recv() {
        Ok(answer) => answer.map_err(|failure| failure.in_operation(operation)),
        Err(_) => {
            let text = "the store was closed before the answer came, and it is not known whether there was any change";
            Err(Error::new(
                ErrorKind::Naming,
                format!("etcd error in {operation}: {text}"),
            ))
        }
    }
}

impl EtcdStore {
    fn run<T, W>(&self, operation: &'static str, work: impl FnOnce(Names) -> W) -> Result<T>
    where
        T: Send + 'static,
        W: Future<Output = std::result::Result<T, Failure>> + Send + 'static,
    {
        wait(&self.handle, operation, work(self.names.clone()))
    }

    /// The same for what concerns a name or a few: it is over in time, with all its requests.
    fn run_soon<T, W>(&self, operation: &'static str, work: impl FnOnce(Names) -> W) -> Result<T>
    where
        T: Send + 'static,
        W: Future<Output = std::result::Result<T, Failure>> + Send + 'static,
    {
        let end = Some(Instant::now() + PATIENCE);
        let names = self.names.clone();
        wait(&self.handle, operation, work(Names { end, ..names }))
    }

    fn own(&self) -> RwLockReadGuard<'_, Option<Arc<Entry>>> {
        self.own.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn own_mut(&self) -> RwLockWriteGuard<'_, Option<Arc<Entry>>> {
        self.own.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn runtime(&self) -> MutexGuard<'_, Option<Runtime>> {
        self.runtime.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for EtcdStore {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            class: "EtcdStorage",
            metadata: true,
            leases: true,
            waits: Waits::Always,
        }
    }

    fn get(&self, name: &str) -> Result<Option<Arc<Entry>>> {
        if name == NAMESERVER_ID {
            return Ok(self.own().clone());
        }
        let name = name.to_owned();
        let found = self.run_soon("getitem", |names| async move { names.get(&name).await })?;
        Ok(found.map(Arc::new))
    }

    fn entries(&self) -> Result<Vec<Listed>> {
        self.list(&Select::All)
    }

    fn count(&self) -> Result<usize> {
        let others = self.run("len", |names| async move { names.count().await })?;
        Ok(others + usize::from(self.own().is_some()))
    }

    fn list(&self, select: &Select) -> Result<Vec<Listed>> {
        let select = select.clone();
        let own = self.own().clone().filter(|own| select.includes(NAMESERVER_ID, own));
        let snapshot = self.run("everything", |names| async move {
            let start = match &select {
                Select::Prefix(prefix) => prefix.as_str(),
                _ => "",
            };
            names
                .snapshot(start, |kept| select.includes(&kept.name, &kept.entry))
                .await
        })?;
        let others = snapshot.names.into_iter().map(|kept| (kept.name, Arc::new(kept.entry)));
        Ok(own
            .map(|own| (NAMESERVER_ID.into(), own))
            .into_iter()
            .chain(others)
            .collect())
    }

    fn put(&self, name: &str, entry: Entry, only_new: bool) -> Result<bool> {
        if name == NAMESERVER_ID {
            let mut own = self.own_mut();
            let is_kept = own.is_none() || !only_new;
            if is_kept {
                *own = Some(Arc::new(entry));
            }
            return Ok(is_kept);
        }
        let name = name.to_owned();
        self.run_soon(
            "setitem",
            |names| async move { names.put(&name, &entry, only_new).await },
        )
    }

    fn set_tags(&self, name: &str, tags: BTreeSet<String>) -> Result<bool> {
        if name == NAMESERVER_ID {
            let mut own = self.own_mut();
            let changed = own.as_ref().map(|own| {
                Arc::new(Entry {
                    tags,
                    ..Entry::clone(own)
                })
            });
            let is_there = changed.is_some();
            *own = changed;
            return Ok(is_there);
        }
        let name = name.to_owned();
        self.run_soon("setitem", |names| async move { names.set_tags(&name, &tags).await })
    }

    /// Up to 128 names go together or not at all. Of more, those that are removed first may be gone when an error comes; it says how many.
    fn remove(&self, names: &[&str]) -> Result<usize> {
        let others = names.iter().filter(|name| **name != NAMESERVER_ID);
        let others: Vec<String> = others.map(|name| (*name).to_owned()).collect();
        let mut removed = 0;
        if others.len() < names.len() {
            removed += usize::from(self.own_mut().take().is_some());
        }
        if !others.is_empty() {
            removed += self.run("delitem", |names| async move { names.remove(&others).await })?;
        }
        Ok(removed)
    }

    fn remove_if(&self, name: &str, uri: &str) -> Result<bool> {
        if name == NAMESERVER_ID {
            return Ok(self.own_mut().take_if(|own| own.uri == uri).is_some());
        }
        let (name, uri) = (name.to_owned(), uri.to_owned());
        self.run_soon("delitem", |names| async move { names.remove_if(&name, &uri).await })
    }

    fn renew(&self, name: &str, uri: &str) -> Result<bool> {
        if name == NAMESERVER_ID {
            return Ok(self.own().as_ref().is_some_and(|own| own.uri == uri));
        }
        let (name, uri) = (name.to_owned(), uri.to_owned());
        self.run_soon("renew", |names| async move { names.renew(&name, &uri).await })
    }

    fn watch(&self, history: &Arc<History>) -> bool {
        if self.is_watched.swap(true, Ordering::Relaxed) {
            return false;
        }
        let mut watcher = Watcher::new(self.names.clone(), Arc::clone(history));
        let begun = wait(&self.handle, "watch", async move {
            let begun = watcher.begin().await;
            // What fails now is attempted again and again.
            tokio::spawn(watcher.run());
            begun
        });
        if let Err(error) = begun {
            tracing::warn!("{error}");
        }
        true
    }

    fn close(&self) -> Result<()> {
        if let Some(runtime) = self.runtime().take() {
            runtime.shutdown_background();
        }
        Ok(())
    }
}

/// A runtime must not be dropped in another one.
impl Drop for EtcdStore {
    fn drop(&mut self) {
        // It cannot fail.
        let _ = self.close();
    }
}
