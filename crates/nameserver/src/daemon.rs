//! The name server with its daemon: Pyro's `startNS`, `startNSloop` and `NameServerDaemon`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ferropyro::config::{Config, Generation};
use ferropyro::naming::NAMESERVER_ID;
use ferropyro::{Daemon, Error, ErrorKind, Location, Result, RunningDaemon, Uri};

use crate::responder::{Place, Reason, Responder};
use crate::{MemoryStore, NameServerObject};

/// The longest request that a name server takes, in bytes. Answers may be longer.
const MAX_REQUEST: usize = 1 << 20;
/// The shortest period of NS_AUTOCLEAN.
const MIN_AUTOCLEAN: Duration = Duration::from_secs(3);

/// Is told what the operator should see.
type Warn = Arc<dyn Fn(&str) + Send + Sync>;

/// Settings of a name server; what is not set comes from the configuration.
#[derive(Default)]
#[must_use]
pub struct NameServerBuilder {
    config: Option<Config>,
    host: Option<String>,
    port: Option<u16>,
    unix_socket: Option<String>,
    nat_host: Option<String>,
    nat_port: Option<u16>,
    broadcast: Option<bool>,
    broadcast_host: Option<String>,
    broadcast_port: Option<u16>,
    storage: Option<String>,
    hmac_key: Option<Vec<u8>>,
    warn: Option<Warn>,
}

impl NameServerBuilder {
    /// No settings: a name server on localhost, port 9090, which forgets its names when it ends.
    pub fn new() -> NameServerBuilder {
        NameServerBuilder::default()
    }

    /// The configuration. Default: [`Config::default`], which does not look at the environment.
    pub fn config(mut self, config: Config) -> NameServerBuilder {
        self.config = Some(config);
        self
    }

    /// The host name or address to listen on. Default: HOST of the configuration, which is localhost.
    pub fn host(mut self, host: impl Into<String>) -> NameServerBuilder {
        self.host = Some(host.into());
        self
    }

    /// The TCP port to listen on; 0: a free one. Default: NS_PORT of the configuration, which is 9090.
    pub fn port(mut self, port: u16) -> NameServerBuilder {
        self.port = Some(port);
        self
    }

    /// Listen on a Unix domain socket at this path, not on TCP.
    pub fn unix_socket(mut self, path: impl Into<String>) -> NameServerBuilder {
        self.unix_socket = Some(path.into());
        self
    }

    /// The host name that clients use from outside, behind network address translation. Default: NATHOST of the configuration.
    pub fn nat_host(mut self, host: impl Into<String>) -> NameServerBuilder {
        self.nat_host = Some(host.into());
        self
    }

    /// The port that clients use from outside; 0: the one that is bound. Default: NATPORT of the configuration.
    pub fn nat_port(mut self, port: u16) -> NameServerBuilder {
        self.nat_port = Some(port);
        self
    }

    /// Whether clients that broadcast for a name server are answered. Default: yes; but never by a name server on a loopback address, an IPv6 address or
    /// a Unix domain socket.
    pub fn broadcast(mut self, is_wanted: bool) -> NameServerBuilder {
        self.broadcast = Some(is_wanted);
        self
    }

    /// The host name or address on which broadcasts are listened for. Default: NS_BCHOST of the configuration, which is all interfaces. A socket on the address of
    /// one interface hears only what is sent to that very address, at least on Linux.
    pub fn broadcast_host(mut self, host: impl Into<String>) -> NameServerBuilder {
        self.broadcast_host = Some(host.into());
        self
    }

    /// The UDP port on which broadcasts are listened for; 0: a free one. Default: NS_BCPORT of the configuration, which is 9091.
    pub fn broadcast_port(mut self, port: u16) -> NameServerBuilder {
        self.broadcast_port = Some(port);
        self
    }

    /// Where names are kept, in Pyro's words: `memory`, which is the default. `sql:FILE` and `dbm:FILE` are not available yet.
    pub fn storage(mut self, spec: impl Into<String>) -> NameServerBuilder {
        self.storage = Some(spec.into());
        self
    }

    /// The key that all messages must be signed with; an empty one is none. Only Pyro4 has signatures, so Pyro5 clients are refused then.
    pub fn hmac_key(mut self, key: impl AsRef<[u8]>) -> NameServerBuilder {
        self.hmac_key = Some(key.as_ref().to_vec()).filter(|key| !key.is_empty());
        self
    }

    /// Is told what the operator should see on the console. Default: nobody is; the log has it too.
    pub fn on_warning(mut self, warn: impl Fn(&str) + Send + Sync + 'static) -> NameServerBuilder {
        self.warn = Some(Arc::new(warn));
        self
    }

    /// The name server, listening.
    ///
    /// # Errors
    /// `Communication` when an address cannot be bound, that for broadcasts among them; `Value` for settings that contradict each other, or are not available.
    pub fn bind(self) -> Result<NameServerDaemon> {
        let config = self.config.unwrap_or_default();
        check_storage(self.storage.as_deref().unwrap_or("memory"))?;
        if config.ns_autoclean.is_some_and(|period| period < MIN_AUTOCLEAN) {
            return Err(Error::new(ErrorKind::Value, "NS_AUTOCLEAN cannot be smaller than 3"));
        }
        let has_key = self.hmac_key.is_some();
        let place = self.broadcast.unwrap_or(true).then(|| Place {
            host: self.broadcast_host.or_else(|| config.ns_bchost.clone()),
            port: self.broadcast_port.unwrap_or(config.ns_bcport),
            is_shared: config.sock_reuse,
        });
        let mut builder = Daemon::builder()
            .port(self.port.unwrap_or(config.ns_port))
            .hmac_key(self.hmac_key.unwrap_or_default())
            .max_request_size(MAX_REQUEST);
        if let Some(host) = self.host {
            builder = builder.host(host);
        }
        if let Some(path) = self.unix_socket {
            builder = builder.unix_socket(path);
        }
        if let Some(host) = self.nat_host {
            builder = builder.nat_host(host);
        }
        if let Some(port) = self.nat_port {
            builder = builder.nat_port(port);
        }
        let warn = self.warn.unwrap_or_else(|| Arc::new(|_: &str| {}));
        if config.ns_autoclean.is_some() {
            warn("NS_AUTOCLEAN is not available yet: registrations stay until they are removed");
        }
        let tell = Arc::clone(&warn);
        let daemon = builder.on_warning(move |text| tell(text)).config(config).bind()?;
        let mut nameserver = NameServerDaemon::new(daemon, has_key)?;
        nameserver.answer_broadcasts(place, &*warn)?;
        Ok(nameserver)
    }
}

/// Pyro's errors for what cannot be a storage, and ours for what is not there yet.
fn check_storage(spec: &str) -> Result<()> {
    let error = |text: String| Err(Error::new(ErrorKind::Value, text));
    match spec.split_once(':') {
        None if spec == "memory" => Ok(()),
        Some(("sql", ":memory:")) => error(
            "We don't support the sqlite :memory: database type. Just use the default volatile in-memory store."
                .to_owned(),
        ),
        Some(("sql" | "dbm", file)) if !file.is_empty() => {
            error(format!("storage '{spec}' is not available yet; only memory is"))
        }
        _ => error(format!("invalid storage type '{spec}'")),
    }
}

/// A name server that listens; it serves while [`NameServerDaemon::run`] runs.
#[derive(Debug, Clone)]
pub struct NameServerDaemon {
    daemon: Daemon,
    object: NameServerObject,
    uri: Uri,
    internal_uri: Uri,
    broadcast: Option<(Location, SocketAddr)>,
    has_key: bool,
}

impl NameServerDaemon {
    fn new(daemon: Daemon, has_key: bool) -> Result<NameServerDaemon> {
        let object = NameServerObject::new(MemoryStore::new());
        let uri = daemon.register(NAMESERVER_ID, object.clone())?;
        object.register_itself(&uri)?;
        Ok(NameServerDaemon {
            internal_uri: daemon.internal_uri_for(NAMESERVER_ID)?,
            daemon,
            object,
            uri,
            broadcast: None,
            has_key,
        })
    }

    /// Listens for broadcasts where that makes sense. The answers have the internal address: whoever hears the broadcast is inside.
    fn answer_broadcasts(&mut self, place: Option<Place>, warn: &dyn Fn(&str)) -> Result<()> {
        let (Some(place), Some(bound)) = (place, self.daemon.address()) else {
            return Ok(());
        };
        if Reason::at(bound).is_some() {
            return Ok(());
        }
        let responder = Responder::bind(&place)?;
        if let Some(text) = responder.warning() {
            warn(&text);
        }
        self.broadcast = Some((responder.location().clone(), responder.address()));
        self.daemon.accompany(responder.serve(self.internal_uri.clone(), bound));
        Ok(())
    }

    /// The daemon, with which more objects can be registered.
    pub fn daemon(&self) -> &Daemon {
        &self.daemon
    }

    /// The name server's object, through which the names can be used without a connection.
    pub fn object(&self) -> &NameServerObject {
        &self.object
    }

    /// The URI for clients: with the external address behind network address translation.
    pub fn uri(&self) -> &Uri {
        &self.uri
    }

    /// The URI with the address that the name server listens on.
    pub fn internal_uri(&self) -> &Uri {
        &self.internal_uri
    }

    /// The UDP address on which it answers clients that broadcast for a name server; `None` when it does not.
    pub fn broadcast_address(&self) -> Option<SocketAddr> {
        self.broadcast.as_ref().map(|(_, address)| *address)
    }

    /// The same with the host as it was given.
    pub fn broadcast_location(&self) -> Option<&Location> {
        self.broadcast.as_ref().map(|(location, _)| location)
    }

    /// The lines that Pyro's name server prints when it starts.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn start_lines(&self, generation: Generation) -> Result<Vec<String>> {
        let mut lines = Vec::new();
        let bound = self.daemon.address();
        lines.extend(bound.and_then(Reason::at).map(|reason| reason.line().to_owned()));
        if let Some(location) = self.broadcast_location() {
            lines.push(format!("Broadcast server running on {location}"));
        }
        let count = self.object.store().count()?;
        if count > 1 {
            lines.push(format!("Persistent store contains {count} existing registrations."));
        }
        let location: &Location = self.daemon.location();
        lines.push(match bound {
            Some(address) => format!("NS running on {location} ({})", address.ip()),
            None => format!("NS running on {location} (Unix domain socket)"),
        });
        if generation == Generation::Pyro4 && !self.has_key {
            lines.push("Warning: HMAC key not set. Anyone can connect to this server!".to_owned());
        }
        if self.uri == self.internal_uri {
            lines.push(format!("URI = {}", self.uri));
        } else {
            lines.push(format!("internal URI = {}", self.internal_uri));
            lines.push(format!("external URI = {}", self.uri));
        }
        Ok(lines)
    }

    /// Serves clients until [`NameServerDaemon::shutdown`] is called.
    pub fn run(&self) {
        self.daemon.run();
    }

    /// Serves clients in a thread of its own. The name server stops when the result is dropped.
    pub fn start(self) -> RunningDaemon {
        self.daemon.start()
    }

    /// Stops serving: [`NameServerDaemon::run`] returns.
    pub fn shutdown(&self) {
        self.daemon.shutdown();
    }
}
