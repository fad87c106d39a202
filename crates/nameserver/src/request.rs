//! The calls of name server clients: what they ask, in the words of their generation, and what is done about it.

use std::collections::BTreeSet;
use std::time::Duration;

use ferropyro::naming::NAMESERVER_ID;
use ferropyro::{Call, Raise, Text, Value};

use crate::answer::Outcome;
use crate::arguments::{self, Filters};
use crate::book::Book;
use crate::store::{Capabilities, Entry, Listed, Select, Waits};

/// A call whose arguments have been read and checked.
#[derive(Debug)]
pub(crate) enum Request {
    Ping,
    Count,
    Lookup {
        name: String,
        with_metadata: bool,
    },
    Register {
        name: String,
        entry: Entry,
        safe: bool,
    },
    SetMetadata {
        name: String,
        tags: BTreeSet<String>,
    },
    Remove {
        name: Option<String>,
        /// What is removed if there is no such name.
        others: Option<Select>,
    },
    /// Keeps a name that is kept for a while only.
    Renew {
        name: String,
        uri: String,
    },
    /// What has changed.
    Changes {
        /// The revision behind which; without one only the latest is told.
        since: Option<u64>,
        prefix: String,
        wait: Duration,
    },
    List {
        /// Nothing is selected without one.
        select: Option<Select>,
        with_metadata: bool,
    },
}

impl Request {
    /// What a call asks.
    ///
    /// # Errors
    /// Those of Pyro for arguments that make no sense.
    pub(crate) fn read(call: &Call<'_>) -> Result<Request, Raise> {
        match call.method() {
            "changes" => changes(call),
            "count" => call.args::<()>().map(|()| Request::Count),
            "list" => list(call),
            "lookup" => lookup(call),
            "ping" => call.args::<()>().map(|()| Request::Ping),
            "register" => register(call),
            "renew" => renew(call),
            "remove" | "unregister" => remove(call),
            "set_metadata" => set_metadata(call),
            "yplookup" => yplookup(call),
            _ => call.refuse().and(Ok(Request::Ping)),
        }
    }

    /// Whether doing it takes so long that others should not have to wait for it.
    pub(crate) fn waits(&self, capabilities: Capabilities) -> bool {
        let changes = matches!(
            self,
            Request::Register { .. } | Request::SetMetadata { .. } | Request::Remove { .. } | Request::Renew { .. }
        );
        match capabilities.waits {
            Waits::Never => false,
            Waits::ForChanges => changes,
            Waits::Always => !matches!(self, Request::Ping | Request::Changes { .. }),
        }
    }

    /// Does it.
    ///
    /// # Errors
    /// `NamingError` for names that are not there, or are there already; those of the store.
    pub(crate) fn run(self, book: &Book) -> Result<Outcome, Raise> {
        let store = &*book.store;
        match self {
            Request::Ping => Ok(Outcome::Done),
            Request::Count => Ok(Outcome::Count(store.count()?)),
            Request::Lookup { name, with_metadata } => {
                let Some(entry) = store.get(&name)? else {
                    return Err(unknown(&name));
                };
                Ok(Outcome::Found {
                    name: with_metadata.then_some(name),
                    entry,
                })
            }
            Request::Register { entry, .. } if entry.ttl.is_some() && !book.capabilities.leases => {
                let class = book.capabilities.class;
                Err(naming_error(format!(
                    "{class} doesn't support names for a while only (ttl)"
                )))
            }
            Request::Register { name, entry, safe } => match book.put(&name, entry, safe)? {
                true => Ok(Outcome::Done),
                false => Err(naming_error(format!("name already registered: {name}"))),
            },
            Request::SetMetadata { name, tags } => match book.set_tags(&name, tags)? {
                true => Ok(Outcome::Done),
                false => Err(unknown(&name)),
            },
            Request::Remove { name, others } => {
                let removed = match &name {
                    Some(name) => book.remove(&[name])?,
                    None => 0,
                };
                Ok(Outcome::Count(match others {
                    Some(select) if removed == 0 => remove_all(book, &select)?,
                    _ => removed,
                }))
            }
            Request::Renew { name, uri } => Ok(Outcome::Answer(store.renew(&name, &uri)?)),
            Request::Changes { since, prefix, .. } => Ok(Outcome::Changes {
                latest: book.history.latest(),
                events: since.map_or(Ok(Vec::new()), |since| book.history.behind(since, &prefix))?,
            }),
            Request::List { select, with_metadata } => {
                let entries = match select {
                    Some(select) => listed(book, &select)?,
                    None => Vec::new(),
                };
                Ok(Outcome::Listing { entries, with_metadata })
            }
        }
    }
}

fn listed(book: &Book, select: &Select) -> Result<Vec<Listed>, Raise> {
    let capabilities = book.capabilities;
    if matches!(select, Select::AllOf(_) | Select::AnyOf(_)) && !capabilities.metadata {
        return Err(naming_error(format!("{} doesn't support metadata", capabilities.class)));
    }
    let found = book.store.list(select)?;
    if let Select::Matching(pattern) = select {
        // Names that were not looked at to the end are missing.
        pattern.check()?;
    }
    Ok(found)
}

fn remove_all(book: &Book, select: &Select) -> Result<usize, Raise> {
    let found = listed(book, select)?;
    let names = found.iter().map(|(name, _)| &**name);
    let others: Vec<&str> = names.filter(|name| *name != NAMESERVER_ID).collect();
    Ok(book.remove(&others)?)
}

fn lookup(call: &Call<'_>) -> Result<Request, Raise> {
    let (name, with_metadata) = call.given_args::<(Text<'_>, Value)>()?;
    Ok(Request::Lookup {
        name: name.map_or_else(String::new, |name| name.0.into_owned()),
        with_metadata: is_true(with_metadata.as_ref()),
    })
}

fn register(call: &Call<'_>) -> Result<Request, Raise> {
    let (name, uri, safe, tags, ttl) = call.given_args::<(Value, Value, Value, Value, Value)>()?;
    let uri = arguments::uri(uri.unwrap_or_default())?;
    let name = arguments::name(name.unwrap_or_default())?;
    let tags = arguments::tags(tags)?;
    let ttl = arguments::ttl(ttl)?;
    Ok(Request::Register {
        name,
        entry: Entry { uri, tags, ttl },
        safe: is_true(safe.as_ref()),
    })
}

fn renew(call: &Call<'_>) -> Result<Request, Raise> {
    let (name, uri) = call.args::<(Value, Value)>()?;
    Ok(Request::Renew {
        name: arguments::name(name)?,
        uri: arguments::uri(uri)?,
    })
}

fn changes(call: &Call<'_>) -> Result<Request, Raise> {
    let (since, prefix, wait) = call.given_args::<(Value, Value, Value)>()?;
    Ok(Request::Changes {
        since: arguments::revision(since)?,
        prefix: arguments::prefix(prefix.filter(Value::is_true))?,
        wait: arguments::wait(wait)?,
    })
}

fn set_metadata(call: &Call<'_>) -> Result<Request, Raise> {
    let (name, tags) = call.args::<(Value, Value)>()?;
    Ok(Request::SetMetadata {
        name: arguments::name(name)?,
        tags: arguments::tags(Some(tags))?,
    })
}

fn remove(call: &Call<'_>) -> Result<Request, Raise> {
    let (name, prefix, regex) = call.given_args::<(Value, Value, Value)>()?;
    let name = name.filter(|name| name.is_true() && name.as_str() != Some(NAMESERVER_ID));
    let filters = Filters {
        prefix,
        regex,
        ..Filters::default()
    };
    // Pyro4 goes on to the other filters when there is no such name.
    let others = match name.is_some() && call.context().dialect().is_pyro5() {
        true => None,
        false => filters.select()?,
    };
    Ok(Request::Remove {
        name: name.map(arguments::name).transpose()?,
        others,
    })
}

fn list(call: &Call<'_>) -> Result<Request, Raise> {
    let (prefix, regex, mut all_of, any_of, mut with_metadata) =
        call.given_args::<(Value, Value, Value, Value, Value)>()?;
    let is_pyro5 = call.context().dialect().is_pyro5();
    // The third parameter of Pyro5's method is return_metadata.
    if is_pyro5 && with_metadata.is_none() && matches!(all_of, Some(Value::Bool(_) | Value::Int(_))) {
        with_metadata = all_of.take();
    }
    let filters = Filters {
        prefix,
        regex,
        all_of,
        any_of,
    };
    if (if is_pyro5 { filters.used() } else { filters.given() }) > 1 {
        return Err(Raise::new("ValueError", "you can only filter on one thing at a time"));
    }
    Ok(Request::List {
        select: Some(filters.select()?.unwrap_or(Select::All)),
        with_metadata: is_true(with_metadata.as_ref()),
    })
}

fn yplookup(call: &Call<'_>) -> Result<Request, Raise> {
    let (all_of, any_of, with_metadata) = call.given_args::<(Value, Value, Value)>()?;
    let filters = Filters {
        all_of,
        any_of,
        ..Filters::default()
    };
    if filters.used() > 1 {
        let text = "you can't use meta_all or meta_any at the same time";
        return Err(Raise::new("ValueError", text));
    }
    Ok(Request::List {
        select: filters.select()?,
        with_metadata: with_metadata.as_ref().is_none_or(Value::is_true),
    })
}

fn is_true(value: Option<&Value>) -> bool {
    value.is_some_and(Value::is_true)
}

fn naming_error(text: String) -> Raise {
    Raise::new("Pyro5.errors.NamingError", text)
}

fn unknown(name: &str) -> Raise {
    naming_error(format!("unknown name: {name}"))
}
