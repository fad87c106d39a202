//! What a name server needs of a place to keep names in.

use std::collections::BTreeSet;
use std::sync::Arc;

use ferropyro::{Error, ErrorKind, Result};

use crate::Pattern;

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
/// Nothing here knows of Pyro's rules: that `Pyro.NameServer` stays, which arguments fit, what a caller of which generation gets to see.
pub trait Store: Send + Sync + 'static {
    /// The number of names.
    ///
    /// # Errors
    /// `Naming`, when the store cannot be read; so in all of these.
    fn count(&self) -> Result<usize>;

    /// What is kept under a name.
    ///
    /// # Errors
    /// As for [`Store::count`].
    fn get(&self, name: &str) -> Result<Option<Arc<Entry>>>;

    /// The names selected, in their order. Names that come or go meanwhile may be in it or not.
    ///
    /// # Errors
    /// As for [`Store::count`].
    fn list(&self, select: &Select) -> Result<Vec<Listed>>;

    /// Keeps an entry under a name, in the place of what was there; with `only_new`, only if nothing was. Gives whether it is kept now.
    ///
    /// # Errors
    /// As for [`Store::count`]; `Value` when there is no room for another name.
    fn put(&self, name: &str, entry: Entry, only_new: bool) -> Result<bool>;

    /// Replaces the tags of a name. False when there is no such name.
    ///
    /// # Errors
    /// As for [`Store::count`].
    fn set_tags(&self, name: &str, tags: BTreeSet<String>) -> Result<bool>;

    /// Removes these names; gives how many of them there were.
    ///
    /// # Errors
    /// As for [`Store::count`].
    fn remove(&self, names: &[&str]) -> Result<usize>;
}

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The URI, as it was registered.
    pub uri: String,
    /// The metadata tags.
    pub tags: BTreeSet<String>,
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
