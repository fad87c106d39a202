//! The client's side of the name server: finding it, asking it, resolving PYRONAME and PYROMETA URIs (manual chapter "Name Server").

pub(crate) mod exchange;
mod lease;
mod locate;
pub(crate) mod search;
mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::{Duration, Instant};

use ferropyro_formats::{Dict, Value};
use ferropyro_wire::{Dialect, HmacKey};
use serde::Deserialize;

pub use self::lease::Lease;
pub use self::locate::{locate_ns, locate_ns_with};
pub use self::watch::{Change, Watch};
use crate::config::Config;
use crate::uri::Protocol;
use crate::{Error, ErrorKind, Proxy, Result, Uri};

/// The object id, and the name, of every name server.
pub const NAMESERVER_ID: &str = "Pyro.NameServer";

/// How a name server is looked for.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Settings {
    /// NS_HOST and NS_PORT, NS_BCPORT and BROADCAST_ADDRS, and how connections are made.
    pub config: Config,
    /// The key of a name server that has one.
    pub hmac_key: Option<HmacKey>,
    /// Whether the network is asked when it is not said where the name server is.
    pub broadcast: bool,
    /// The port to look at, in the place of NS_BCPORT and NS_PORT, when it is not said where the name server is.
    pub port: Option<u16>,
    /// Whether Pyro4's protocol is tried before that of Pyro5.
    pub tries_pyro4_first: bool,
}

impl Settings {
    /// Those of a configuration, without a key.
    pub fn new(config: Config) -> Settings {
        Settings {
            config,
            hmac_key: None,
            broadcast: true,
            port: None,
            tries_pyro4_first: false,
        }
    }

    /// The same with the name server's key; an empty one is none.
    #[must_use]
    pub fn hmac_key(mut self, key: impl AsRef<[u8]>) -> Settings {
        self.hmac_key = HmacKey::new(key.as_ref());
        self
    }

    /// The same with Pyro4's protocol tried before that of Pyro5, as [`ProxyBuilder::try_pyro4_first`](crate::ProxyBuilder::try_pyro4_first) does it.
    #[must_use]
    pub fn try_pyro4_first(mut self) -> Settings {
        self.tries_pyro4_first = true;
        self
    }

    /// The same with or without a broadcast. Default: with one. There is none in any case if a location is given, if NS_HOST is neither `localhost` nor a loopback
    /// address, or if PREFER_IP_VERSION is 6.
    #[must_use]
    pub fn broadcast(mut self, is_wanted: bool) -> Settings {
        self.broadcast = is_wanted;
        self
    }

    /// The same with the UDP port that is asked by broadcast, which is also, as in Pyro, the TCP port of the attempt on this machine before; at last NS_PORT is tried
    /// there. If NS_HOST leads elsewhere, so that there is no broadcast, it is the TCP port there. Default: NS_BCPORT, NS_PORT.
    #[must_use]
    pub fn port(mut self, port: u16) -> Settings {
        self.port = Some(port);
        self
    }
}

impl Default for Settings {
    /// Those of the default configuration, without a key.
    fn default() -> Settings {
        Settings::new(Config::default())
    }
}

/// Turns a PYRONAME or PYROMETA URI into the PYRO URI of an object, by asking the name server. A PYRO URI comes back as it is.
///
/// # Errors
/// `Naming` when there is no name server, or it knows no such object.
pub fn resolve<U>(uri: U) -> Result<Uri>
where
    U: TryInto<Uri>,
    Error: From<U::Error>,
{
    resolve_with(&uri.try_into()?, &Settings::default())
}

/// As [`resolve`], with settings. The connection to the name server is closed again.
///
/// # Errors
/// As for [`resolve`].
pub fn resolve_with(uri: &Uri, settings: &Settings) -> Result<Uri> {
    if uri.protocol() == Protocol::Pyro {
        return Ok(uri.clone());
    }
    let nameserver = locate_ns_with(uri.location(), settings)?;
    let patience = Patience::new(&settings.config);
    loop {
        let found = match uri.tags() {
            None => nameserver.lookup(&uri.object()),
            Some(tags) => nameserver
                .list(&Filter::all_of(tags))
                .and_then(|found| pick(found, tags)),
        };
        match patience.pause_after(&found) {
            Some(pause) => thread::sleep(pause),
            None => return found,
        }
    }
}

/// How long a name that is not there is waited for: NS_LOOKUP_DELAY, in steps as Pyro5 makes them.
pub(crate) struct Patience {
    end: Instant,
    step: Duration,
}

impl Patience {
    pub(crate) fn new(config: &Config) -> Patience {
        let delay = config.ns_lookup_delay;
        Patience {
            end: Instant::now() + delay,
            step: (delay / 5).max(Duration::from_millis(200)),
        }
    }

    /// How long to wait before the name server is asked again; not at all when it has answered, or the time is over.
    pub(crate) fn pause_after(&self, found: &Result<Uri>) -> Option<Duration> {
        let Err(error) = found else { return None };
        let is_missing = match error.as_remote() {
            Some(remote) => remote.class_name() == "NamingError",
            None => error.kind() == ErrorKind::Naming,
        };
        let left = self.end.saturating_duration_since(Instant::now());
        (is_missing && !left.is_zero()).then(|| self.step.min(left))
    }
}

/// One of the objects at random, so that load spreads.
pub(crate) fn pick(found: BTreeMap<String, Registration>, tags: &BTreeSet<String>) -> Result<Uri> {
    let index = uuid::Uuid::new_v4().as_u128() % (found.len().max(1) as u128);
    match found.into_values().nth(index as usize) {
        Some(registration) => Ok(registration.uri.parse()?),
        None => {
            let tags: Vec<String> = tags.iter().map(|tag| format!("'{tag}'")).collect();
            let text = format!(
                "no registrations available with desired metadata properties {{{}}}",
                tags.join(", ")
            );
            Err(Error::new(ErrorKind::Naming, text))
        }
    }
}

/// A name server, Python's or ours, of either generation. A clone has a connection of its own.
#[derive(Debug, Clone)]
pub struct NameServer {
    proxy: Proxy,
}

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// The URI, as text.
    pub uri: String,
    /// The metadata tags.
    pub metadata: BTreeSet<String>,
}

/// Which registrations are meant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Filter {
    /// All of them.
    #[default]
    All,
    /// Those whose name starts with this text.
    Prefix(String),
    /// Those whose name, from its start, matches this regular expression of Python.
    Regex(String),
    /// Those that have every one of these tags.
    AllOf(BTreeSet<String>),
    /// Those that have at least one of these tags.
    AnyOf(BTreeSet<String>),
}

impl Filter {
    /// Those that have every one of these tags.
    pub fn all_of(tags: impl IntoIterator<Item = impl Into<String>>) -> Filter {
        Filter::AllOf(tags.into_iter().map(Into::into).collect())
    }

    /// Those that have at least one of these tags.
    pub fn any_of(tags: impl IntoIterator<Item = impl Into<String>>) -> Filter {
        Filter::AnyOf(tags.into_iter().map(Into::into).collect())
    }

    /// The method and the keyword arguments that ask for these registrations. Pyro4 and Pyro5 have different methods for tags.
    pub(crate) fn list_call(&self, dialect: Dialect) -> (&'static str, Dict) {
        let mut kwargs = Dict::from([("return_metadata", true)]);
        let (method, key, value) = match self {
            Filter::All => return ("list", kwargs),
            Filter::Prefix(prefix) => ("list", "prefix", Value::from(prefix.as_str())),
            Filter::Regex(regex) => ("list", "regex", Value::from(regex.as_str())),
            Filter::AllOf(tags) | Filter::AnyOf(tags) => {
                let tags = Value::List(tags.iter().map(|tag| Value::from(tag.as_str())).collect());
                let all = matches!(self, Filter::AllOf(_));
                match (dialect.is_pyro5(), all) {
                    (true, true) => ("yplookup", "meta_all", tags),
                    (true, false) => ("yplookup", "meta_any", tags),
                    (false, true) => ("list", "metadata_all", tags),
                    (false, false) => ("list", "metadata_any", tags),
                }
            }
        };
        kwargs.insert(key, value);
        (method, kwargs)
    }
}

impl NameServer {
    /// The name server that a proxy leads to.
    pub fn new(proxy: Proxy) -> NameServer {
        NameServer { proxy }
    }

    /// The proxy.
    pub fn proxy(&self) -> &Proxy {
        &self.proxy
    }

    /// Checks that the name server answers.
    ///
    /// # Errors
    /// Those of the connection.
    pub fn ping(&self) -> Result<()> {
        self.proxy.call("ping", ())
    }

    /// The number of registrations, the name server's own among them.
    ///
    /// # Errors
    /// Those of the connection.
    pub fn count(&self) -> Result<usize> {
        self.proxy.call("count", ())
    }

    /// The URI registered under a name.
    ///
    /// # Errors
    /// `Naming`: `unknown name: NAME`.
    pub fn lookup(&self, name: &str) -> Result<Uri> {
        self.proxy.call("lookup", (name,))
    }

    /// The URI registered under a name, and its tags.
    ///
    /// # Errors
    /// As for [`NameServer::lookup`].
    pub fn lookup_with_metadata(&self, name: &str) -> Result<(Uri, BTreeSet<String>)> {
        self.proxy
            .call_with("lookup", (name,), &Dict::from([("return_metadata", true)]))
    }

    /// Registers a URI under a name, in the place of what was there, with no tags.
    ///
    /// # Errors
    /// Those of the connection.
    pub fn register(&self, name: &str, uri: &Uri) -> Result<()> {
        self.proxy.call("register", (name, uri))
    }

    /// Registers a URI under a name with these tags; `safe`: only if the name is free.
    ///
    /// # Errors
    /// `Naming`: `name already registered: NAME` when it is to be safe.
    pub fn register_with(&self, name: &str, uri: &Uri, safe: bool, metadata: &BTreeSet<String>) -> Result<()> {
        let tags = Value::List(metadata.iter().map(|tag| Value::from(tag.as_str())).collect());
        let kwargs = Dict::from([("safe", Value::from(safe)), ("metadata", tags)]);
        self.proxy.call_with("register", (name, uri), &kwargs)
    }

    /// As [`NameServer::register_with`], for this long unless [renewed](NameServer::renew). Only our own name server can do that, and not with the storage `dbm:`.
    ///
    /// # Errors
    /// As for [`NameServer::register_with`]; `TypeError` from a name server of Python.
    pub fn register_for(
        &self,
        name: &str,
        uri: &Uri,
        safe: bool,
        metadata: &BTreeSet<String>,
        ttl: Duration,
    ) -> Result<()> {
        let tags = Value::List(metadata.iter().map(|tag| Value::from(tag.as_str())).collect());
        let kwargs = Dict::from([
            ("safe", Value::from(safe)),
            ("metadata", tags),
            ("ttl", Value::from(ttl.as_secs_f64())),
        ]);
        self.proxy.call_with("register", (name, uri), &kwargs)
    }

    /// Keeps a name that was registered [for a while](NameServer::register_for) for as long again. False when it is gone, or leads elsewhere.
    ///
    /// # Errors
    /// Those of the connection; `AttributeError` from a name server of Python.
    pub fn renew(&self, name: &str, uri: &Uri) -> Result<bool> {
        self.proxy.call("renew", (name, uri))
    }

    /// Registers a URI under a name that is free, and keeps it alive in the background until the result is dropped. When this program ends in whatever way, the name
    /// goes within the time to live; when the name server forgets it, it comes back.
    ///
    /// A lease says that somebody has been there lately. It is no lock: for a moment two programs may both believe that the name is theirs.
    ///
    /// # Errors
    /// As for [`NameServer::register_for`], with `safe`.
    pub fn register_leased(&self, name: &str, uri: &Uri, metadata: &BTreeSet<String>, ttl: Duration) -> Result<Lease> {
        Lease::new(self.clone(), name, uri, ttl, metadata)
    }

    /// Watches the names that start with this text, from now on, or behind a revision. Only our own name server can be watched.
    ///
    /// # Errors
    /// Those of the connection; `AttributeError` from a name server of Python.
    pub fn watch(&self, prefix: &str, behind: Option<u64>) -> Result<Watch> {
        Watch::new(self.clone(), prefix, behind)
    }

    /// Replaces the tags of a name.
    ///
    /// # Errors
    /// `Naming`: `unknown name: NAME`.
    pub fn set_metadata(&self, name: &str, metadata: &BTreeSet<String>) -> Result<()> {
        self.proxy
            .call("set_metadata", (name, metadata.iter().collect::<Vec<_>>()))
    }

    /// Takes a name out. False when there was none, or it is the name server's own.
    ///
    /// # Errors
    /// Those of the connection.
    pub fn remove(&self, name: &str) -> Result<bool> {
        self.proxy.call::<usize>("remove", (name,)).map(|count| count > 0)
    }

    /// Takes all names out that start with a text or match a regular expression; gives their number. The name server's own stays.
    ///
    /// # Errors
    /// `Value` for the other filters, which name servers do not offer here; `Naming` for an invalid regular expression.
    pub fn remove_matching(&self, filter: &Filter) -> Result<usize> {
        let kwargs = match filter {
            Filter::Prefix(prefix) => Dict::from([("prefix", prefix.as_str())]),
            Filter::Regex(regex) => Dict::from([("regex", regex.as_str())]),
            _ => return Err(Error::new(ErrorKind::Value, "names are removed by prefix or regex")),
        };
        self.proxy.call_with("remove", (), &kwargs)
    }

    /// The registrations, by name.
    ///
    /// # Errors
    /// `Naming` for an invalid regular expression.
    pub fn list(&self, filter: &Filter) -> Result<BTreeMap<String, Registration>> {
        let (method, kwargs) = filter.list_call(self.proxy.dialect()?);
        let found: Listed = self.proxy.call_with(method, (), &kwargs)?;
        Ok(found.into())
    }
}

/// A list with metadata, as it comes.
#[derive(Deserialize)]
pub(crate) struct Listed(BTreeMap<String, (String, BTreeSet<String>)>);

impl From<Listed> for BTreeMap<String, Registration> {
    fn from(listed: Listed) -> BTreeMap<String, Registration> {
        let entries = listed.0.into_iter();
        entries
            .map(|(name, (uri, metadata))| (name, Registration { uri, metadata }))
            .collect()
    }
}
