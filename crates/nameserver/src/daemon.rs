//! The name server with its daemon: Pyro's `startNS`, `startNSloop` and `NameServerDaemon`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ferropyro::config::{Config, Generation, ServerType};
use ferropyro::naming::NAMESERVER_ID;
use ferropyro::{Daemon, Error, ErrorKind, Location, Result, RunningDaemon, Uri};

use crate::NameServerObject;
use crate::autoclean::Cleaner;
use crate::book::MOST_WATCHERS;
use crate::responder::{self, Listening, Place, Reason};
use crate::store::{self, Store};
use crate::upkeep::Upkeep;

/// The longest request that a name server takes, in bytes. Answers may be longer.
const MAX_REQUEST: usize = 1 << 20;
/// On the event loop, the calls that can wait at a time: for a disk, for a network, for changes. Look-ups wait for none of them.
const MIN_WORKERS: usize = 4 * MOST_WATCHERS;
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
    store: Option<Arc<dyn Store>>,
    read_only: bool,
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

    /// Where names are kept, in Pyro's words: `memory`, which is the default, `sql:FILE`, or `dbm:FILE`; or `etcd:HOST:PORT,...`, which Pyro lacks. See [`store::open`].
    pub fn storage(mut self, spec: impl Into<String>) -> NameServerBuilder {
        self.storage = Some(spec.into());
        self
    }

    /// A store of your own, or one of [`store`](mod@store); it counts more than [`NameServerBuilder::storage`]. Names that are in it already stay.
    pub fn store(self, store: impl Store) -> NameServerBuilder {
        self.shared_store(Arc::new(store))
    }

    /// As [`NameServerBuilder::store`], for one that others have too.
    pub fn shared_store(mut self, store: Arc<dyn Store>) -> NameServerBuilder {
        self.store = Some(store);
        self
    }

    /// Whether clients can look, but change nothing. Default: no. See [`NameServerObject::set_read_only`], which changes it later.
    pub fn read_only(mut self, is_read_only: bool) -> NameServerBuilder {
        self.read_only = is_read_only;
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
        if config.ns_autoclean.is_some_and(|period| period < MIN_AUTOCLEAN) {
            return Err(Error::new(ErrorKind::Value, "NS_AUTOCLEAN cannot be smaller than 3"));
        }
        let store = match self.store {
            Some(store) => store,
            None => store::open(self.storage.as_deref().unwrap_or("memory"))?,
        };
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
        let tell = Arc::clone(&warn);
        builder = builder.on_warning(move |text| tell(text));
        let is_event_loop = config.servertype == ServerType::Multiplex;
        if is_event_loop {
            builder = builder.workers(config.workers.max(MIN_WORKERS));
        }
        let object = match is_event_loop {
            true => NameServerObject::awaited(store),
            false => NameServerObject::new(store),
        };
        let cleaner = config
            .ns_autoclean
            .map(|period| Cleaner::new(period, config.commtimeout));
        let daemon = builder.config(config).bind()?;
        let uri = daemon.register(NAMESERVER_ID, object.clone())?;
        object.set_read_only(self.read_only)?;
        object.register_itself(&uri)?;
        let internal_uri = daemon.internal_uri_for(NAMESERVER_ID)?;
        Ok(NameServerDaemon {
            broadcast: responder::start(place, &daemon, &internal_uri, &*warn)?,
            internal_uri,
            daemon,
            upkeep: Arc::new(Upkeep::start(object.guarded_store(), cleaner)),
            object,
            uri,
            has_key,
        })
    }
}

/// A name server that listens; it serves while [`NameServerDaemon::run`] runs.
#[derive(Debug, Clone)]
pub struct NameServerDaemon {
    daemon: Daemon,
    object: NameServerObject,
    upkeep: Arc<Upkeep>,
    uri: Uri,
    internal_uri: Uri,
    broadcast: Option<Listening>,
    has_key: bool,
}

impl NameServerDaemon {
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
        self.broadcast.as_ref().map(|listening| listening.address)
    }

    /// The number of the UDP socket, for programs that wait for it in an event loop of their own; it is readable when a question has come in, which the daemon's loop answers. `None` without
    /// a responder. It is closed when the daemon stops.
    #[cfg(unix)]
    pub fn broadcast_descriptor(&self) -> Option<std::os::fd::RawFd> {
        self.broadcast.as_ref().map(|listening| listening.descriptor)
    }

    /// The same with the host as it was given.
    pub fn broadcast_location(&self) -> Option<&Location> {
        self.broadcast.as_ref().map(|listening| &listening.location)
    }

    /// The lines that Pyro's name server prints when it starts.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn start_lines(&self, generation: Generation) -> Result<Vec<String>> {
        let mut lines = Vec::new();
        let capabilities = self.object.store().capabilities();
        if !capabilities.metadata {
            lines.push(format!("Warning: the {} doesn't support metadata.", capabilities.class));
        }
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

    /// Asks the store how many names there are, and whether all was well when it was last looked after, which happens about once a second. Takes as long as the store does.
    ///
    /// # Errors
    /// `Naming` when the store cannot be read.
    pub fn check_store(&self) -> Result<usize> {
        match self.upkeep.trouble() {
            Some(trouble) => Err(trouble),
            None => self.object.store().count(),
        }
    }

    /// Serves clients until [`NameServerDaemon::shutdown`] is called; then closes the store.
    pub fn run(&self) {
        self.daemon.run();
        self.upkeep.close();
    }

    /// Serves clients in a thread of its own. The name server stops when the result is dropped.
    pub fn start(self) -> RunningNameServer {
        RunningNameServer {
            running: self.daemon.clone().start(),
            nameserver: self,
        }
    }

    /// Stops serving: [`NameServerDaemon::run`] returns.
    pub fn shutdown(&self) {
        self.object.history().end();
        self.daemon.shutdown();
    }
}

/// A name server that serves in the background; it stops, and closes its store, when this is dropped.
#[derive(Debug)]
pub struct RunningNameServer {
    /// Ends first.
    running: RunningDaemon,
    nameserver: NameServerDaemon,
}

impl RunningNameServer {
    /// Stops the name server and waits until it has stopped.
    pub fn stop(self) {
        self.nameserver.object.history().end();
        self.running.stop();
        self.nameserver.upkeep.close();
    }
}

impl std::ops::Deref for RunningNameServer {
    type Target = NameServerDaemon;

    fn deref(&self) -> &NameServerDaemon {
        &self.nameserver
    }
}
