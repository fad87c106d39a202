//! What callers get, as their generation of Pyro expects it: tags as a list in Pyro4, as a set in Pyro5.

use std::collections::BTreeSet;
use std::sync::Arc;

use ferropyro::naming::NAMESERVER_ID;
use ferropyro::uri::UriRef;
use ferropyro::{Call, Dialect, Raise, Reply, Set};
use serde::Serialize;
use serde::ser::Serializer;

use crate::store::{Entry, Event, Listed};

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

/// What came of a call.
#[derive(Debug)]
pub(crate) enum Outcome {
    Done,
    Answer(bool),
    Count(usize),
    Changes {
        latest: u64,
        events: Vec<Event>,
    },
    /// A name, if its tags are wanted.
    Found {
        name: Option<String>,
        entry: Arc<Entry>,
    },
    Listing {
        entries: Vec<Listed>,
        with_metadata: bool,
    },
}

impl Outcome {
    /// Tells the caller.
    ///
    /// # Errors
    /// When the caller's serializer cannot carry it, or when the store has something else where a URI belongs.
    pub(crate) fn reply(self, call: Call<'_>) -> Result<Reply, Raise> {
        let dialect = call.context().dialect();
        match self {
            Outcome::Done => call.reply(&()),
            Outcome::Answer(answer) => call.reply(&answer),
            Outcome::Count(count) => call.reply(&count),
            Outcome::Changes { latest, events } => {
                let events: Vec<_> = events.iter().map(|event| change(event, dialect)).collect();
                call.reply(&(latest, events))
            }
            Outcome::Found { name, entry } => {
                let uri = UriRef::parse(&entry.uri).map_err(ferropyro::Error::from)?;
                match name {
                    None => call.reply(&uri),
                    Some(name) => call.reply(&(uri, tags(&name, &entry, dialect))),
                }
            }
            Outcome::Listing { entries, with_metadata } => call.reply(&Listing {
                entries,
                with_metadata,
                dialect,
            }),
        }
    }
}

/// Revision, name, and the URI with tags, or None.
fn change(event: &Event, dialect: Dialect) -> impl Serialize {
    let entry = event.entry.as_deref();
    let shown = entry.map(|entry| (&entry.uri, tags(&event.name, entry, dialect)));
    (event.revision, &*event.name, shown)
}

/// A dict of texts, or of texts with tags.
struct Listing {
    entries: Vec<Listed>,
    with_metadata: bool,
    dialect: Dialect,
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
