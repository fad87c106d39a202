//! Resources that belong to the connections of clients.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ferropyro::{Connection, Context, Raise, Resource, context, expose};

/// What is held for clients, and what became of it.
#[derive(Default)]
pub(super) struct Store {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    held: BTreeMap<String, Arc<Held>>,
    /// In the order in which things happened: `closed NAME`, `dropped NAME`, `gone NAME,NAME`.
    events: Vec<String>,
}

struct Held {
    name: String,
    panics: bool,
    store: Arc<Store>,
}

impl Resource for Held {
    fn close(&self) {
        self.store.tell(format!("closed {}", self.name));
        assert!(!self.panics, "{} does not close", self.name);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.store.tell(format!("dropped {}", self.name));
    }
}

impl Store {
    /// The hook of the daemon.
    pub(super) fn client_gone(&self, connection: &Connection) {
        let tracked = names(connection);
        if !tracked.is_empty() {
            self.tell(format!("gone {}", tracked.join(",")));
        }
    }

    fn tell(&self, event: String) {
        self.state().events.push(event);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The names of what the connection has, sorted.
fn names(connection: &Connection) -> Vec<String> {
    let tracked = connection.tracked_resources().into_iter();
    let held = tracked.filter_map(|resource| (resource as Arc<dyn Any + Send + Sync>).downcast::<Held>().ok());
    let mut names: Vec<String> = held.map(|held| held.name.clone()).collect();
    names.sort();
    names
}

pub(super) struct Resources {
    store: Arc<Store>,
}

impl Resources {
    pub(super) fn new(store: Arc<Store>) -> Resources {
        Resources { store }
    }

    fn make(&self, name: String, panics: bool) -> Arc<Held> {
        let held = Arc::new(Held {
            name: name.clone(),
            panics,
            store: Arc::clone(&self.store),
        });
        self.store.state().held.insert(name, Arc::clone(&held));
        held
    }

    fn find(&self, name: &str) -> Result<Arc<Held>, Raise> {
        let found = self.store.state().held.get(name).cloned();
        found.ok_or_else(|| Raise::new("KeyError", name))
    }
}

#[expose]
impl Resources {
    /// Makes a resource for the caller.
    pub fn hold(&self, context: &Context, name: String, #[default(false)] panics: bool) -> Result<(), Raise> {
        context.track_resource(&self.make(name, panics))?;
        Ok(())
    }

    /// The same, as code does that has no context at hand.
    pub fn hold_deeper(&self, name: String) -> Result<(), Raise> {
        context::track_resource(&self.make(name, false))?;
        Ok(())
    }

    /// The same, in a thread that has nothing to do with the call.
    pub fn hold_elsewhere(&self, name: String) -> Result<(), Raise> {
        let held = self.make(name, false);
        let tracked = std::thread::spawn(move || context::track_resource(&held)).join();
        tracked.map_err(|_| "the thread panicked")??;
        Ok(())
    }

    /// Of another client, as it may be.
    pub fn hold_again(&self, context: &Context, name: &str) -> Result<(), Raise> {
        context.track_resource(&self.find(name)?)?;
        Ok(())
    }

    pub fn release(&self, context: &Context, name: &str) -> Result<(), Raise> {
        context.untrack_resource(&self.find(name)?);
        Ok(())
    }

    /// Nobody holds it any more.
    pub fn forget(&self, name: &str) {
        let forgotten = self.store.state().held.remove(name);
        drop(forgotten);
    }

    pub fn tracked(&self, context: &Context) -> Vec<String> {
        names(context.connection())
    }

    pub fn events(&self) -> Vec<String> {
        self.store.state().events.clone()
    }
}
