//! The calls of name server clients: what they ask, in the words of their generation, and what is done about it.

use std::collections::BTreeSet;

use ferropyro::naming::NAMESERVER_ID;
use ferropyro::{Call, Raise, Text, Uri, Value};

use crate::answer::Outcome;
use crate::arguments::{self, Filters};
use crate::store::{Capabilities, Entry, Select, Store, Waits};

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
            "count" => call.args::<()>().map(|()| Request::Count),
            "list" => list(call),
            "lookup" => lookup(call),
            "ping" => call.args::<()>().map(|()| Request::Ping),
            "register" => register(call),
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
            Request::Register { .. } | Request::SetMetadata { .. } | Request::Remove { .. }
        );
        match capabilities.waits {
            Waits::Never => false,
            Waits::ForChanges => changes,
            Waits::Always => !matches!(self, Request::Ping),
        }
    }

    /// Does it.
    ///
    /// # Errors
    /// `NamingError` for names that are not there, or are there already; those of the store.
    pub(crate) fn run(self, store: &dyn Store) -> Result<Outcome, Raise> {
        match self {
            Request::Ping => Ok(Outcome::Done),
            Request::Count => Ok(Outcome::Count(store.count()?)),
            Request::Lookup { name, with_metadata } => {
                let Some(entry) = store.get(&name)? else {
                    return Err(unknown(&name));
                };
                let uri: Uri = entry.uri.parse().map_err(ferropyro::Error::from)?;
                Ok(match with_metadata {
                    false => Outcome::Uri(uri),
                    true => Outcome::Found { name, uri, entry },
                })
            }
            Request::Register { name, entry, safe } => match store.put(&name, entry, safe)? {
                true => Ok(Outcome::Done),
                false => Err(naming_error(format!("name already registered: {name}"))),
            },
            Request::SetMetadata { name, tags } => match store.set_tags(&name, tags)? {
                true => Ok(Outcome::Done),
                false => Err(unknown(&name)),
            },
            Request::Remove { name, others } => {
                let removed = match &name {
                    Some(name) => store.remove(&[name])?,
                    None => 0,
                };
                Ok(Outcome::Count(match others {
                    Some(select) if removed == 0 => remove_all(store, &select)?,
                    _ => removed,
                }))
            }
            Request::List { select, with_metadata } => {
                let entries = match select {
                    Some(select) => listed(store, &select)?,
                    None => Vec::new(),
                };
                Ok(Outcome::Listing { entries, with_metadata })
            }
        }
    }
}

fn listed(store: &dyn Store, select: &Select) -> Result<Vec<crate::store::Listed>, Raise> {
    let capabilities = store.capabilities();
    if matches!(select, Select::AllOf(_) | Select::AnyOf(_)) && !capabilities.metadata {
        return Err(naming_error(format!("{} doesn't support metadata", capabilities.class)));
    }
    Ok(store.list(select)?)
}

fn remove_all(store: &dyn Store, select: &Select) -> Result<usize, Raise> {
    let found = listed(store, select)?;
    let names = found.iter().map(|(name, _)| &**name);
    let others: Vec<&str> = names.filter(|name| *name != NAMESERVER_ID).collect();
    Ok(store.remove(&others)?)
}

fn lookup(call: &Call<'_>) -> Result<Request, Raise> {
    let (name, with_metadata) = call.given_args::<(Text<'_>, Value)>()?;
    Ok(Request::Lookup {
        name: name.map_or_else(String::new, |name| name.0.into_owned()),
        with_metadata: is_true(with_metadata.as_ref()),
    })
}

fn register(call: &Call<'_>) -> Result<Request, Raise> {
    let (name, uri, safe, tags) = call.given_args::<(Value, Value, Value, Value)>()?;
    let uri = arguments::uri(uri.unwrap_or_default())?;
    let name = arguments::name(name.unwrap_or_default())?;
    let tags = arguments::tags(tags)?;
    Ok(Request::Register {
        name,
        entry: Entry::new(uri, tags),
        safe: is_true(safe.as_ref()),
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
