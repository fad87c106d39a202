//! What a name server needs of a place to keep names in.

mod spec;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ferropyro::{Error, ErrorKind, Result};

#[cfg(feature = "etcd")]
pub use self::spec::etcd;
pub use self::spec::{dbm, memory, open, sql};
use crate::Pattern;
pub use crate::history::{Event, History};

/// The longest name, tag and URI, in bytes.
pub const MAX_TEXT: usize = 4096;
/// The most tags that a name can have.
pub const MAX_TAGS: usize = 256;
/// The most names in one name server.
pub const MAX_NAMES: usize = 1_000_000;
/// The most memory that the names of one name server take up, in bytes and about.
pub const MAX_BYTES: usize = 1 << 30;

/// Keeps names. Operations on one name are atomic, and those that succeeded are seen by all that begin later.
///
/// Nothing here knows of Pyro's rules: that `Pyro.NameServer` stays, which arguments fit, what a caller of which generation gets to see. A store of your own needs
/// the six methods without a body; those with one can be written better where that is easy.
///
/// ```
/// use std::collections::{BTreeMap, BTreeSet};
/// use std::sync::{Arc, Mutex};
///
/// use ferropyro::Result;
/// use ferropyro_nameserver::store::{Entry, Listed, Store};
/// use ferropyro_nameserver::NameServerBuilder;
///
/// #[derive(Default)]
/// struct Notebook(Mutex<BTreeMap<String, Entry>>);
///
/// impl Store for Notebook {
///     fn get(&self, name: &str) -> Result<Option<Arc<Entry>>> {
///         Ok(self.0.lock().unwrap().get(name).cloned().map(Arc::new))
///     }
///
///     fn entries(&self) -> Result<Vec<Listed>> {
///         let names = self.0.lock().unwrap();
///         Ok(names.iter().map(|(name, entry)| (name.as_str().into(), Arc::new(entry.clone()))).collect())
///     }
///
///     fn put(&self, name: &str, entry: Entry, only_new: bool) -> Result<bool> {
///         let mut names = self.0.lock().unwrap();
///         if only_new && names.contains_key(name) {
///             return Ok(false);
///         }
///         names.insert(name.to_owned(), entry);
///         Ok(true)
///     }
///
///     fn set_tags(&self, name: &str, tags: BTreeSet<String>) -> Result<bool> {
///         Ok(self.0.lock().unwrap().get_mut(name).map(|entry| entry.tags = tags).is_some())
///     }
///
///     fn remove(&self, names: &[&str]) -> Result<usize> {
///         let mut kept = self.0.lock().unwrap();
///         Ok(names.iter().filter(|name| kept.remove(**name).is_some()).count())
///     }
///
///     fn remove_if(&self, name: &str, uri: &str) -> Result<bool> {
///         let mut names = self.0.lock().unwrap();
///         let is_meant = names.get(name).is_some_and(|entry| entry.uri == uri);
///         Ok(is_meant && names.remove(name).is_some())
///     }
/// }
///
/// let nameserver = NameServerBuilder::new().port(0).store(Notebook::default()).bind()?;
/// # Ok::<(), ferropyro::Error>(())
/// ```
pub trait Store: Send + Sync + 'static {
    /// What is kept under a name.
    ///
    /// # Errors
    /// `Naming`, when the store cannot be read; so in all of these.
    fn get(&self, name: &str) -> Result<Option<Arc<Entry>>>;

    /// All names, in any order. Names that come or go meanwhile may be in it or not.
    ///
    /// # Errors
    /// As for [`Store::get`].
    fn entries(&self) -> Result<Vec<Listed>>;

    /// Keeps an entry under a name, in the place of what was there; with `only_new`, only if nothing was. Gives whether it is kept now.
    ///
    /// # Errors
    /// As for [`Store::get`], and then nothing has changed; `Value` when there is no room for another name.
    fn put(&self, name: &str, entry: Entry, only_new: bool) -> Result<bool>;

    /// Replaces the tags of a name. False when there is no such name.
    ///
    /// # Errors
    /// As for [`Store::put`].
    fn set_tags(&self, name: &str, tags: BTreeSet<String>) -> Result<bool>;

    /// Removes these names, all of them or none; gives how many of them there were.
    ///
    /// # Errors
    /// As for [`Store::put`].
    fn remove(&self, names: &[&str]) -> Result<usize>;

    /// Removes a name if it still stands for this URI; gives whether it did.
    ///
    /// # Errors
    /// As for [`Store::put`].
    fn remove_if(&self, name: &str, uri: &str) -> Result<bool>;

    /// Keeps a name with a [time to live](Entry::ttl) for that long from now on, if it still stands for this URI; gives whether it does.
    ///
    /// # Errors
    /// As for [`Store::put`].
    fn renew(&self, name: &str, uri: &str) -> Result<bool> {
        Ok(self.get(name)?.is_some_and(|entry| entry.uri == uri))
    }

    /// Tells this history of every change from now on, in the order in which they happen. False when it cannot: the name server then tells it of those changes that come
    /// through itself.
    fn watch(&self, history: &Arc<History>) -> bool {
        let _ = history;
        false
    }

    /// What is particular about this store.
    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    /// The number of names.
    ///
    /// # Errors
    /// As for [`Store::get`].
    fn count(&self) -> Result<usize> {
        Ok(self.entries()?.len())
    }

    /// The names selected, in any order.
    ///
    /// # Errors
    /// As for [`Store::get`].
    fn list(&self, select: &Select) -> Result<Vec<Listed>> {
        let mut found = self.entries()?;
        found.retain(|(name, entry)| select.includes(name, entry));
        Ok(found)
    }

    /// Does what has to be done now and then; called about once a second while the name server runs.
    ///
    /// # Errors
    /// As for [`Store::get`].
    fn tend(&self) -> Result<()> {
        Ok(())
    }

    /// Gives back what the system lent. Called once, after the last operation.
    ///
    /// # Errors
    /// When something could not be written that had to be. What was acknowledged before is kept all the same.
    fn close(&self) -> Result<()> {
        Ok(())
    }
}

/// What is particular about a store. The name server asks once, when it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// The name that Pyro has for it, for error texts.
    pub class: &'static str,
    /// Whether tags are kept. Where they are not, they are dropped, and asking for names by tag is an error.
    pub metadata: bool,
    /// Whether entries may have a [time to live](Entry::ttl). Where they may not, registering with one is an error.
    pub leases: bool,
    /// Which operations wait for a disk or for a network, so that they must not run in an event loop.
    pub waits: Waits,
}

/// Which operations of a store wait for something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waits {
    /// None: everything is in memory.
    Never,
    /// Those that change something.
    ForChanges,
    /// All.
    Always,
}

/// Keeps tags; nothing is known about who waits, so everything may.
impl Default for Capabilities {
    fn default() -> Capabilities {
        Capabilities {
            class: "CustomStorage",
            metadata: true,
            leases: false,
            waits: Waits::Always,
        }
    }
}

impl Capabilities {
    /// The same for a store whose operations wait for these things.
    #[must_use]
    pub fn waits(mut self, waits: Waits) -> Capabilities {
        self.waits = waits;
        self
    }

    /// The same for a store that keeps no tags.
    #[must_use]
    pub fn without_metadata(mut self) -> Capabilities {
        self.metadata = false;
        self
    }
}

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// The URI, as it was registered.
    pub uri: String,
    /// The metadata tags.
    pub tags: BTreeSet<String>,
    /// How long it is kept unless somebody [renews](Store::renew) it; `None`: for ever.
    pub ttl: Option<Duration>,
}

impl Entry {
    /// An entry that is kept for ever.
    pub fn new(uri: impl Into<String>, tags: BTreeSet<String>) -> Entry {
        Entry {
            uri: uri.into(),
            tags,
            ttl: None,
        }
    }
}

/// A name and what it stands for. Shared with the store, so that lists of many names are cheap.
pub type Listed = (Arc<str>, Arc<Entry>);

/// Which names are meant.
#[derive(Debug, Clone)]
pub enum Select {
    /// All of them.
    All,
    /// Those that start with this text, literally and in this case.
    Prefix(String),
    /// Those that match from their start.
    Matching(Pattern),
    /// Those with all of these tags.
    AllOf(BTreeSet<String>),
    /// Those with at least one of these tags.
    AnyOf(BTreeSet<String>),
}

impl Select {
    /// Whether an entry is among those meant.
    pub fn includes(&self, name: &str, entry: &Entry) -> bool {
        match self {
            Select::All => true,
            Select::Prefix(prefix) => name.starts_with(prefix.as_str()),
            Select::Matching(pattern) => pattern.matches(name),
            Select::AllOf(tags) => tags.is_subset(&entry.tags),
            Select::AnyOf(tags) => !tags.is_disjoint(&entry.tags),
        }
    }
}

/// The error of a store in which there is no room for another name.
pub(crate) fn full() -> Error {
    Error::new(
        ErrorKind::Value,
        format!("the name server is full: it has {MAX_NAMES} names"),
    )
}
