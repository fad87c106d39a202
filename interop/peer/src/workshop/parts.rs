//! Objects that clients get as proxies.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ferropyro::{Context, Daemon, InstanceMode, Proxy, Raise, Registered, Value, expose};

/// One object among many.
pub(super) struct Part {
    name: String,
    alive: Arc<AtomicU64>,
    calls: AtomicU64,
}

impl Part {
    fn new(name: String, alive: &Arc<AtomicU64>) -> Part {
        alive.fetch_add(1, Ordering::SeqCst);
        Part {
            name,
            alive: Arc::clone(alive),
            calls: AtomicU64::new(0),
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.alive.fetch_sub(1, Ordering::SeqCst);
    }
}

#[expose]
impl Part {
    pub fn name(&self) -> String {
        self.name.clone()
    }

    /// How often it was called.
    pub fn use_it(&self) -> u64 {
        self.calls.fetch_add(1, Ordering::SeqCst) + 1
    }

    #[expose(get)]
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    #[expose(oneway)]
    pub fn use_unanswered(&self) {
        self.calls.fetch_add(1, Ordering::SeqCst);
    }
}

/// Gives parts away. The class `part.session` has one for each connection.
pub(super) struct Parts {
    alive: Arc<AtomicU64>,
    lasting: Registered<Part>,
    other: Registered<Part>,
    leased: Mutex<BTreeMap<String, Registered<Part>>>,
}

impl Parts {
    pub(super) fn new(daemon: &Daemon) -> Result<Parts, Box<dyn Error>> {
        let alive = Arc::default();
        let counter = Arc::clone(&alive);
        daemon.register_class("part.session", InstanceMode::Session, move || {
            Ok(Part::new("session".to_owned(), &counter))
        })?;
        Ok(Parts {
            lasting: daemon.share_as("part.lasting", Part::new("lasting".to_owned(), &alive))?,
            other: daemon.share(Part::new("other".to_owned(), &alive))?,
            leased: Mutex::default(),
            alive,
        })
    }
}

#[expose]
impl Parts {
    pub fn lasting(&self) -> Registered<Part> {
        self.lasting.clone()
    }

    /// Parts in a dict of lists.
    pub fn catalogue(&self) -> BTreeMap<String, Vec<Registered<Part>>> {
        BTreeMap::from([
            ("all".to_owned(), vec![self.lasting.clone(), self.other.clone()]),
            ("none".to_owned(), Vec::new()),
        ])
    }

    #[expose(get)]
    pub fn favourite(&self) -> Registered<Part> {
        self.other.clone()
    }

    /// A part that lives as long as the caller's connection.
    pub fn lease(&self, context: &Context, name: String) -> Result<Registered<Part>, Raise> {
        Ok(context.lease(Part::new(name, &self.alive))?)
    }

    pub fn lease_for(&self, context: &Context, seconds: f64, name: String) -> Result<Registered<Part>, Raise> {
        Ok(context.lease_for(Duration::from_secs_f64(seconds), Part::new(name, &self.alive))?)
    }

    /// A part that this object ends by hand, see `end`.
    pub fn lease_and_keep(&self, context: &Context, name: String) -> Result<Registered<Part>, Raise> {
        let part = self.lease(context, name.clone())?;
        let mut leased = self.leased.lock().unwrap_or_else(PoisonError::into_inner);
        leased.insert(name, part.clone());
        Ok(part)
    }

    pub fn end(&self, name: &str) -> bool {
        let mut leased = self.leased.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(part) = leased.remove(name) else { return false };
        let was_registered = part.is_registered();
        part.unregister();
        was_registered && !part.is_registered()
    }

    /// Calls a method of the caller's own object.
    pub fn call_back(&self, proxy: Proxy, method: &str, text: &str) -> Result<Value, Raise> {
        Ok(proxy.call(method, (text,))?)
    }

    /// The same for all of them.
    pub fn call_all_back(&self, proxies: Vec<Proxy>, method: &str, text: &str) -> Result<Vec<Value>, Raise> {
        proxies.iter().map(|proxy| Ok(proxy.call(method, (text,))?)).collect()
    }

    /// Gives a proxy back.
    pub fn pass_on(&self, proxy: Proxy) -> Proxy {
        proxy
    }

    pub fn echo(&self, text: String) -> String {
        text
    }

    /// How many parts there are, these two among them.
    pub fn alive(&self) -> u64 {
        self.alive.load(Ordering::SeqCst)
    }
}
