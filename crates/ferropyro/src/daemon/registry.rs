//! The objects of a daemon.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, TryLockError, Weak};

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::error::Raise;
use crate::object::Object;
use crate::object::members::Members;
use crate::panics::drop_contained;
use crate::{Error, ErrorKind, Result};

/// The id under which every daemon can be asked about itself.
pub const DAEMON_ID: &str = "Pyro.Daemon";

/// When the daemon makes instances of a registered class (manual chapter "Servers", instance modes).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InstanceMode {
    /// One for each connection, made at its first call and dropped when it closes. Pyro's default.
    #[default]
    Session,
    /// One for all, made at the first call.
    Single,
    /// One for each call; a batch is one call.
    PerCall,
}

/// What is registered under an id.
#[derive(Clone)]
pub(crate) enum Entry {
    Object(Arc<dyn Object>),
    Class(Arc<ClassEntry>),
}

/// A registered class.
pub(crate) struct ClassEntry {
    pub(crate) members: Cow<'static, Members>,
    pub(crate) mode: InstanceMode,
    pub(crate) create: Box<dyn Fn() -> Result<Arc<dyn Object>, Raise> + Send + Sync>,
    single: Mutex<Option<Arc<dyn Object>>>,
}

impl ClassEntry {
    pub(crate) fn new(
        members: Cow<'static, Members>,
        mode: InstanceMode,
        create: impl Fn() -> Result<Arc<dyn Object>, Raise> + Send + Sync + 'static,
    ) -> ClassEntry {
        ClassEntry {
            members,
            mode,
            create: Box::new(create),
            single: Mutex::new(None),
        }
    }

    /// Whoever comes while it is being made waits for it: there shall be no second one.
    fn single(&self) -> Result<Arc<dyn Object>, Raise> {
        let mut single = self.single.lock().unwrap_or_else(PoisonError::into_inner);
        match &*single {
            Some(object) => Ok(Arc::clone(object)),
            None => Ok(Arc::clone(single.insert((self.create)()?))),
        }
    }

    /// Whether [`ClassEntry::single`] gives it without making it or waiting for it.
    fn has_single(&self) -> bool {
        match self.single.try_lock() {
            Ok(single) => single.is_some(),
            Err(TryLockError::Poisoned(single)) => single.into_inner().is_some(),
            Err(TryLockError::WouldBlock) => false,
        }
    }
}

impl Entry {
    fn is(&self, object: &dyn Object) -> bool {
        match self {
            Entry::Object(known) => std::ptr::addr_eq(Arc::as_ptr(known), object),
            Entry::Class(_) => false,
        }
    }

    pub(crate) fn instance_mode(&self) -> InstanceMode {
        match self {
            Entry::Object(_) => InstanceMode::Single,
            Entry::Class(class) => class.mode,
        }
    }

    pub(crate) fn with_members<R>(&self, look: impl FnOnce(&Members) -> R) -> R {
        match self {
            Entry::Object(object) => look(object.members()),
            Entry::Class(class) => look(&class.members),
        }
    }
}

/// The table of ids. Its generation changes with every change, so that connections may keep what they found and need no lock to use it again.
#[derive(Default)]
pub(crate) struct Registry {
    entries: RwLock<IndexMap<String, Entry>>,
    generation: AtomicU64,
    /// Whether there was ever something with an async method, so that calls need not be looked into for nothing.
    has_asynchronous: AtomicBool,
}

impl Registry {
    pub(crate) fn insert(&self, id: &str, entry: Entry) -> Result<()> {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        if entries.contains_key(id) {
            return Err(Error::new(
                ErrorKind::Daemon,
                format!("an object or class is already registered with that id: {id}"),
            ));
        }
        if entry.with_members(|members| members.methods.iter().any(|method| method.asynchronous)) {
            self.has_asynchronous.store(true, Ordering::Release);
        }
        entries.insert(id.to_owned(), entry);
        self.generation.fetch_add(1, Ordering::Release);
        Ok(())
    }

    /// Gives what was there.
    pub(crate) fn remove(&self, id: &str) -> Option<Entry> {
        let removed = self
            .entries
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .shift_remove(id);
        self.generation.fetch_add(1, Ordering::Release);
        removed
    }

    /// Takes out what was registered under these ids, in one go.
    pub(crate) fn remove_all(&self, ids: &[String]) -> Vec<Entry> {
        if let [] | [_] = ids {
            return ids.iter().filter_map(|id| self.remove(id)).collect();
        }
        let ids: HashSet<&str> = ids.iter().map(String::as_str).collect();
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        let removed = entries.extract_if(.., |id, _| ids.contains(id.as_str()));
        let removed = removed.map(|(_, entry)| entry).collect();
        self.generation.fetch_add(1, Ordering::Release);
        removed
    }

    /// Whether it is this very object that is registered under an id.
    pub(crate) fn has(&self, id: &str, object: &dyn Object) -> bool {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        entries.get(id).is_some_and(|entry| entry.is(object))
    }

    /// Takes this very object out, unless it is out already.
    pub(crate) fn remove_object(&self, id: &str, object: &dyn Object) -> Option<Entry> {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        let removed = entries
            .get(id)
            .is_some_and(|entry| entry.is(object))
            .then(|| entries.shift_remove(id));
        self.generation.fetch_add(1, Ordering::Release);
        removed.flatten()
    }

    pub(crate) fn get(&self, id: &str) -> Option<Entry> {
        self.entries
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(id)
            .cloned()
    }

    /// The ids in the order of registration.
    pub(crate) fn ids(&self) -> Vec<String> {
        self.entries
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .keys()
            .cloned()
            .collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    pub(crate) fn has_asynchronous(&self) -> bool {
        self.has_asynchronous.load(Ordering::Acquire)
    }

    fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }
}

/// The objects that one connection uses: its own instances, and the object of its last call.
#[derive(Default)]
pub(crate) struct SessionObjects {
    last: Option<Found>,
    instances: Vec<(Arc<ClassEntry>, Arc<dyn Object>)>,
    /// What was found in advance for the next call. Boxed, as it is seldom there.
    prepared: Option<Box<Result<Arc<dyn Object>, Raise>>>,
}

struct Found {
    generation: u64,
    id: String,
    /// Somebody else keeps it: the registry, its class, or the instances of this connection. An object that is taken out must not live on in the
    /// memory of a client that has nothing to ask.
    object: Weak<dyn Object>,
}

/// Instances are code of the program's own.
impl Drop for SessionObjects {
    fn drop(&mut self) {
        for (_, object) in self.instances.drain(..) {
            drop_contained("dropping an instance", object);
        }
        if let Some(prepared) = self.prepared.take() {
            drop_contained("dropping an instance", prepared);
        }
    }
}

impl SessionObjects {
    /// The object behind an id, made now if it is an instance of a registered class.
    pub(crate) fn find(&mut self, registry: &Registry, id: &str) -> Result<Arc<dyn Object>, Raise> {
        if let Some(prepared) = self.prepared.take() {
            return *prepared;
        }
        match self.again(registry, id) {
            Some(object) => Ok(object),
            None => self.look_up(registry, id),
        }
    }

    /// The object of the last call, if this is its id.
    pub(crate) fn again(&self, registry: &Registry, id: &str) -> Option<Arc<dyn Object>> {
        let generation = registry.generation();
        let is_it = |last: &&Found| last.generation == generation && last.id == id;
        match &self.prepared {
            None => self.last.as_ref().filter(is_it).and_then(|last| last.object.upgrade()),
            Some(_) => None,
        }
    }

    /// Looks at the members of what is registered under an id.
    pub(crate) fn with_members<R>(&self, registry: &Registry, id: &str, look: impl FnOnce(&Members) -> R) -> Option<R> {
        match self.again(registry, id) {
            Some(object) => {
                let seen = look(object.members());
                let_go(object);
                Some(seen)
            }
            None => registry.get(id).map(|entry| entry.with_members(look)),
        }
    }

    /// Sets what the next [`SessionObjects::find`] gives.
    pub(crate) fn prepare(&mut self, found: Result<Arc<dyn Object>, Raise>) {
        self.prepared = Some(Box::new(found));
    }

    /// Whether [`SessionObjects::find`] would make an instance, or wait for somebody who does.
    pub(crate) fn needs_instance(&self, registry: &Registry, id: &str) -> bool {
        if let Some(object) = self.again(registry, id) {
            let_go(object);
            return false;
        }
        let Some(Entry::Class(class)) = registry.get(id) else {
            return false;
        };
        match class.mode {
            InstanceMode::PerCall => true,
            InstanceMode::Single => !class.has_single(),
            InstanceMode::Session => !self.instances.iter().any(|(known, _)| Arc::ptr_eq(known, &class)),
        }
    }

    fn look_up(&mut self, registry: &Registry, id: &str) -> Result<Arc<dyn Object>, Raise> {
        let generation = registry.generation();
        let object = match registry.get(id) {
            None => return Err(Raise::new(ErrorKind::Daemon.class(), "unknown object")),
            Some(Entry::Object(object)) => object,
            Some(Entry::Class(class)) => match class.mode {
                InstanceMode::PerCall => return (class.create)(),
                InstanceMode::Single => class.single()?,
                InstanceMode::Session => self.session_instance(class)?,
            },
        };
        self.last = Some(Found {
            generation,
            id: id.to_owned(),
            object: Arc::downgrade(&object),
        });
        Ok(object)
    }

    fn session_instance(&mut self, class: Arc<ClassEntry>) -> Result<Arc<dyn Object>, Raise> {
        if let Some((_, object)) = self.instances.iter().find(|(known, _)| Arc::ptr_eq(known, &class)) {
            return Ok(Arc::clone(object));
        }
        let object = (class.create)()?;
        self.instances.push((class, Arc::clone(&object)));
        Ok(object)
    }
}

/// The object may have been made for this call only, or somebody has taken it out meanwhile.
pub(crate) fn let_go(object: Arc<dyn Object>) {
    if is_last(&object) {
        drop_contained("dropping an instance", object);
    }
}

/// Whether nobody else keeps an object, so that letting it go is the end of it.
pub(crate) fn is_last(object: &Arc<dyn Object>) -> bool {
    Arc::strong_count(object) == 1
}
