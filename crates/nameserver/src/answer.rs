//! What callers get, as their generation of Pyro expects it: tags as a list in Pyro4, as a set in Pyro5.

use std::collections::BTreeSet;

use ferropyro::naming::NAMESERVER_ID;
use ferropyro::{Dialect, Set, Uri};
use serde::Serialize;
use serde::ser::Serializer;

use crate::store::{Entry, Listed};

/// The tag of the name server's own entry in Pyro4.
const PYRO4_TAG: &str = "class:Pyro4.naming.NameServer";
/// The same in Pyro5.
const PYRO5_TAG: &str = "class:Pyro5.nameserver.NameServer";

/// The tags of the name server's own entry: it is found by both, and each caller sees that of its generation.
pub(crate) fn own_tags() -> BTreeSet<String> {
    BTreeSet::from([PYRO4_TAG.to_owned(), PYRO5_TAG.to_owned()])
}

/// The tags of an entry, for a caller of this dialect.
fn tags<'a>(name: &str, entry: &'a Entry, dialect: Dialect) -> Tags<'a> {
    let hidden = match (name, dialect.is_pyro5()) {
        (NAMESERVER_ID, true) => PYRO4_TAG,
        (NAMESERVER_ID, false) => PYRO5_TAG,
        _ => "",
    };
    let shown = entry.tags.iter().map(String::as_str);
    match hidden {
        "" => Tags::new(shown, dialect),
        _ => Tags::new(shown.filter(|tag| *tag != hidden), dialect),
    }
}

enum Tags<'a> {
    List(Vec<&'a str>),
    Set(Set<&'a str>),
}

impl<'a> Tags<'a> {
    fn new(tags: impl Iterator<Item = &'a str>, dialect: Dialect) -> Tags<'a> {
        if dialect.is_pyro5() {
            Tags::Set(tags.collect())
        } else {
            Tags::List(tags.collect())
        }
    }
}

impl Serialize for Tags<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Tags::List(tags) => tags.serialize(serializer),
            Tags::Set(tags) => tags.serialize(serializer),
        }
    }
}

/// The answer of `lookup` with metadata.
pub(crate) fn found<'a>(name: &str, uri: Uri, entry: &'a Entry, dialect: Dialect) -> impl Serialize + use<'a> {
    (uri, tags(name, entry, dialect))
}

/// The answer of `list` and `yplookup`: a dict of texts, or of texts with tags.
pub(crate) struct Listing {
    pub(crate) entries: Vec<Listed>,
    pub(crate) with_metadata: bool,
    pub(crate) dialect: Dialect,
}

impl Serialize for Listing {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let entries = self.entries.iter();
        if self.with_metadata {
            serializer.collect_map(
                entries.map(|(name, entry)| (name.as_ref(), (&entry.uri, tags(name, entry, self.dialect)))),
            )
        } else {
            serializer.collect_map(entries.map(|(name, entry)| (name.as_ref(), &entry.uri)))
        }
    }
}
