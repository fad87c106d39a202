//! The object `Pyro.NameServer` as clients call it.

use std::fmt;
use std::sync::Arc;

use ferropyro::naming::NAMESERVER_ID;
use ferropyro::{Call, Members, Method, Object, Param, Raise, Reply, Text, Uri, Value};

use crate::answer::{self, Listing};
use crate::arguments::{self, Filters};
use crate::store::{Entry, Select, Store};

/// Answers the calls of Pyro4's and Pyro5's name server clients.
///
/// There is one set of methods, the union of both generations'. What they do where the two differ is what the caller's generation does. `unregister` is
/// another name of `remove`, as in Pyro's manual.
#[derive(Clone)]
pub struct NameServerObject {
    store: Arc<dyn Store>,
}

static MEMBERS: Members = Members::new(
    "NameServer",
    const {
        &[
            Method::new("count", &[]),
            Method::new("list", LIST),
            Method::new("lookup", LOOKUP),
            Method::new("ping", &[]),
            Method::new("register", REGISTER),
            Method::new("remove", REMOVE),
            Method::new("set_metadata", SET_METADATA),
            Method::new("unregister", REMOVE),
            Method::new("yplookup", YPLOOKUP),
        ]
    },
);

const LOOKUP: &[Param] = &[Param::required("name"), Param::optional("return_metadata")];
const REGISTER: &[Param] = &[
    Param::required("name"),
    Param::required("uri"),
    Param::optional("safe"),
    Param::optional("metadata"),
];
const SET_METADATA: &[Param] = &[Param::required("name"), Param::required("metadata")];
const REMOVE: &[Param] = &[
    Param::optional("name"),
    Param::optional("prefix"),
    Param::optional("regex"),
];
/// Pyro4's; Pyro5 lacks the third and the fourth.
const LIST: &[Param] = &[
    Param::optional("prefix"),
    Param::optional("regex"),
    Param::optional("metadata_all"),
    Param::optional("metadata_any"),
    Param::optional("return_metadata"),
];
const YPLOOKUP: &[Param] = &[
    Param::optional("meta_all"),
    Param::optional("meta_any"),
    Param::optional("return_metadata"),
];

impl NameServerObject {
    /// A name server with the names of this store.
    pub fn new(store: impl Store) -> NameServerObject {
        NameServerObject { store: Arc::new(store) }
    }

    /// Where the names are kept.
    pub fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// Registers the name server itself, as it does when it starts.
    pub(crate) fn register_itself(&self, uri: &Uri) -> ferropyro::Result<()> {
        let entry = Entry {
            uri: uri.to_string(),
            tags: answer::own_tags(),
        };
        self.store.put(NAMESERVER_ID, entry, false).map(drop)
    }

    fn lookup(&self, call: Call<'_>) -> Result<Reply, Raise> {
        let (name, with_metadata) = call.given_args::<(Text<'_>, Value)>()?;
        let name = name.unwrap_or_else(|| Text("".into()));
        let Some(entry) = self.store.get(&name)? else {
            return Err(unknown(&name));
        };
        let uri: Uri = entry.uri.parse().map_err(ferropyro::Error::from)?;
        if with_metadata.as_ref().is_some_and(Value::is_true) {
            let dialect = call.context().dialect();
            call.reply(&answer::found(&name, uri, &entry, dialect))
        } else {
            call.reply(&uri)
        }
    }

    fn register(&self, call: Call<'_>) -> Result<Reply, Raise> {
        let (name, uri, safe, tags) = call.given_args::<(Value, Value, Value, Value)>()?;
        let uri = arguments::uri(uri.unwrap_or_default())?;
        let name = arguments::name(name.unwrap_or_default())?;
        let tags = arguments::tags(tags)?;
        let safe = safe.as_ref().is_some_and(Value::is_true);
        if !self.store.put(&name, Entry { uri, tags }, safe)? {
            return Err(naming_error(format!("name already registered: {name}")));
        }
        call.reply(&())
    }

    fn set_metadata(&self, call: Call<'_>) -> Result<Reply, Raise> {
        let (name, tags) = call.args::<(Value, Value)>()?;
        let name = arguments::name(name)?;
        if !self.store.set_tags(&name, arguments::tags(Some(tags))?)? {
            return Err(unknown(&name));
        }
        call.reply(&())
    }

    fn remove(&self, call: Call<'_>) -> Result<Reply, Raise> {
        let (name, prefix, regex) = call.given_args::<(Value, Value, Value)>()?;
        let name = name.filter(|name| name.is_true() && name.as_str() != Some(NAMESERVER_ID));
        if let Some(name) = name {
            let removed = self.store.remove(&[&arguments::name(name)?])?;
            // Pyro4 goes on to the other filters when there is no such name.
            if removed > 0 || call.context().dialect().is_pyro5() {
                return call.reply(&removed);
            }
        }
        let filters = Filters {
            prefix,
            regex,
            ..Filters::default()
        };
        let removed = match filters.select()? {
            Some(select) => self.remove_all(&select)?,
            None => 0,
        };
        call.reply(&removed)
    }

    fn remove_all(&self, select: &Select) -> Result<usize, Raise> {
        let found = self.store.list(select)?;
        let names: Vec<&str> = found.iter().map(|(name, _)| &**name).collect();
        let others: Vec<&str> = names.into_iter().filter(|name| *name != NAMESERVER_ID).collect();
        Ok(self.store.remove(&others)?)
    }

    fn list(&self, call: Call<'_>) -> Result<Reply, Raise> {
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
        let select = filters.select()?.unwrap_or(Select::All);
        self.reply_with_list(call, Some(&select), with_metadata.as_ref().is_some_and(Value::is_true))
    }

    fn yplookup(&self, call: Call<'_>) -> Result<Reply, Raise> {
        let (all_of, any_of, with_metadata) = call.given_args::<(Value, Value, Value)>()?;
        let filters = Filters {
            all_of,
            any_of,
            ..Filters::default()
        };
        if filters.used() > 1 {
            return Err(Raise::new(
                "ValueError",
                "you can't use meta_all or meta_any at the same time",
            ));
        }
        let select = filters.select()?;
        self.reply_with_list(call, select.as_ref(), with_metadata.as_ref().is_none_or(Value::is_true))
    }

    fn reply_with_list(&self, call: Call<'_>, select: Option<&Select>, with_metadata: bool) -> Result<Reply, Raise> {
        let listing = Listing {
            entries: match select {
                Some(select) => self.store.list(select)?,
                None => Vec::new(),
            },
            with_metadata,
            dialect: call.context().dialect(),
        };
        call.reply(&listing)
    }
}

impl Object for NameServerObject {
    fn members(&self) -> &Members {
        &MEMBERS
    }

    fn call(&self, call: Call<'_>) -> Result<Reply, Raise> {
        match call.method() {
            "count" => {
                call.args::<()>()?;
                let count = self.store.count()?;
                call.reply(&count)
            }
            "list" => self.list(call),
            "lookup" => self.lookup(call),
            "ping" => {
                call.args::<()>()?;
                call.reply(&())
            }
            "register" => self.register(call),
            "remove" | "unregister" => self.remove(call),
            "set_metadata" => self.set_metadata(call),
            "yplookup" => self.yplookup(call),
            _ => call.refuse(),
        }
    }
}

impl fmt::Debug for NameServerObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NameServerObject")
    }
}

fn naming_error(text: String) -> Raise {
    Raise::new("Pyro5.errors.NamingError", text)
}

fn unknown(name: &str) -> Raise {
    naming_error(format!("unknown name: {name}"))
}
