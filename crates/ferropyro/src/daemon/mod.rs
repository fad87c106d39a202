//! The server's end: a [`Daemon`] listens on a socket and lets others call the objects that are registered with it.

pub(crate) mod core;
mod daemon_object;
pub(crate) mod failed_call;
pub(crate) mod registered;
pub(crate) mod registry;
pub(crate) mod streams;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::thread;

use ferropyro_formats::Value;
use ferropyro_wire::{FrameSettings, HmacKey};

use crate::config::Config;
use crate::connection::Connection;
use crate::context::{AnnotationList, Context};
use crate::daemon::core::{Core, Hooks};
use crate::daemon::daemon_object::DaemonObject;
use crate::daemon::failed_call::{FailedCall, Statistics};
use crate::daemon::registered::{Leases, Registered};
use crate::daemon::registry::{ClassEntry, DAEMON_ID, Entry, InstanceMode, Registry};
use crate::daemon::streams::Streams;
use crate::error::Raise;
use crate::logging::logger;
use crate::object::{Class, Object};
use crate::serializer::Serializer;
use crate::server::housekeeper::Housekeeper;
use crate::server::thread_pool::ThreadPool;
use crate::transport::Listener;
use crate::{Error, ErrorKind, Location, Result, Uri, uri};

/// Listens on a socket, and lets clients of Pyro4 and Pyro5 call the objects registered here.
///
/// A `Daemon` is a handle: clones stand for the same daemon. It listens from the moment it is made, and serves while [`Daemon::run`] runs.
///
/// ```
/// use ferropyro::{Daemon, Proxy, expose};
///
/// struct Adder;
///
/// #[expose]
/// impl Adder {
///     pub fn add(&self, a: i64, b: i64) -> i64 {
///         a + b
///     }
/// }
///
/// let daemon = Daemon::new()?;
/// let uri = daemon.register("adder", Adder)?;
/// let running = daemon.start();
/// assert_eq!(Proxy::new(uri)?.call::<i64>("add", (1, 2))?, 3);
/// running.stop();
/// # Ok::<(), ferropyro::Error>(())
/// ```
#[derive(Clone)]
pub struct Daemon {
    server: Arc<ThreadPool>,
}

impl Daemon {
    /// A daemon on localhost, on a free port, with the default configuration.
    ///
    /// # Errors
    /// When the socket cannot be made.
    pub fn new() -> Result<Daemon> {
        Daemon::builder().bind()
    }

    /// Settings for a daemon.
    pub fn builder() -> DaemonBuilder {
        DaemonBuilder::default()
    }

    /// Lets clients call this object under an id, and gives its URI. All clients share the object.
    ///
    /// # Errors
    /// `Daemon` when the id is taken; `Pyro` when it cannot be part of a URI.
    pub fn register(&self, id: &str, object: impl Object) -> Result<Uri> {
        self.core().register(id, Entry::Object(Arc::new(object)))
    }

    /// As [`Daemon::register`], for an object that others hold as well.
    ///
    /// # Errors
    /// As for [`Daemon::register`].
    pub fn register_shared(&self, id: &str, object: Arc<dyn Object>) -> Result<Uri> {
        self.core().register(id, Entry::Object(object))
    }

    /// As [`Daemon::register`], under an id that nobody else has: `obj_` and 32 hexadecimal digits.
    ///
    /// # Errors
    /// None that could be expected.
    pub fn register_anonymous(&self, object: impl Object) -> Result<Uri> {
        self.register(&uri::generate_object_id(), object)
    }

    /// As [`Daemon::register_anonymous`], and gives a handle that can travel: in arguments and results of calls it becomes a proxy for the object at the other end.
    ///
    /// # Errors
    /// None that could be expected.
    pub fn share<T: Object>(&self, object: T) -> Result<Registered<T>> {
        self.share_as(&uri::generate_object_id(), object)
    }

    /// As [`Daemon::share`], under an id of your choice.
    ///
    /// # Errors
    /// As for [`Daemon::register`].
    pub fn share_as<T: Object>(&self, id: &str, object: T) -> Result<Registered<T>> {
        Registered::new(self.core(), id, object)
    }

    /// Lets clients call instances of a class, which `create` makes when they are needed.
    ///
    /// # Errors
    /// As for [`Daemon::register`].
    pub fn register_class<C: Class>(
        &self,
        id: &str,
        mode: InstanceMode,
        create: impl Fn() -> Result<C, Raise> + Send + Sync + 'static,
    ) -> Result<Uri> {
        let create = move || create().map(|object| Arc::new(object) as Arc<dyn Object>);
        self.core().register(
            id,
            Entry::Class(Arc::new(ClassEntry::new(C::class_members(), mode, create))),
        )
    }

    /// Takes an object out: clients get `unknown object` from now on.
    ///
    /// # Errors
    /// `Daemon` when there is no object of this id.
    pub fn unregister(&self, id: &str) -> Result<()> {
        if id == DAEMON_ID {
            return Err(Error::new(ErrorKind::Daemon, "the daemon's own object stays"));
        }
        match self.core().registry.remove(id) {
            Some(_) => Ok(()),
            None => Err(Error::new(ErrorKind::Daemon, format!("unknown object: {id}"))),
        }
    }

    /// The URI that clients use for an id, whether registered or not: with the external address behind network address translation.
    ///
    /// # Errors
    /// When the id cannot be part of a URI.
    pub fn uri_for(&self, id: &str) -> Result<Uri> {
        self.core().uri_for(id)
    }

    /// As [`Daemon::uri_for`], with the internal address.
    ///
    /// # Errors
    /// As for [`Daemon::uri_for`].
    pub fn internal_uri_for(&self, id: &str) -> Result<Uri> {
        Ok(Uri::pyro(id, self.core().location.clone())?)
    }

    /// Where the daemon listens: the host as it was given, and the port that was bound.
    pub fn location(&self) -> &Location {
        &self.core().location
    }

    /// The numeric address that the daemon listens on; `None` for a Unix domain socket.
    pub fn address(&self) -> Option<std::net::SocketAddr> {
        self.server.address()
    }

    /// What the daemon has done and is doing.
    pub fn statistics(&self) -> Statistics {
        self.core().statistics()
    }

    /// Serves clients until somebody calls [`Daemon::shutdown`].
    pub fn run(&self) {
        tracing::info!(target: logger::SERVER, "daemon running on {}", self.location());
        let _housekeeper = Housekeeper::start(self.core());
        self.server.run();
        tracing::info!(target: logger::SERVER, "daemon on {} has stopped", self.location());
    }

    /// Serves clients in a thread of its own. The daemon stops when the result is dropped.
    pub fn start(self) -> RunningDaemon {
        let daemon = self.clone();
        RunningDaemon {
            daemon: self,
            thread: Some(thread::spawn(move || daemon.run())),
        }
    }

    /// Stops serving: no more clients are let in, and all connections are closed. [`Daemon::run`] returns.
    pub fn shutdown(&self) {
        self.server.stop();
    }

    pub(crate) fn core(&self) -> &Arc<Core> {
        self.server.core()
    }
}

impl fmt::Debug for Daemon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Daemon({}, {} objects)", self.location(), self.core().registry.len())
    }
}

/// A daemon that serves in the background; it stops when this is dropped.
#[derive(Debug)]
pub struct RunningDaemon {
    daemon: Daemon,
    thread: Option<thread::JoinHandle<()>>,
}

impl RunningDaemon {
    /// Stops the daemon and waits until it has stopped.
    pub fn stop(self) {}
}

impl std::ops::Deref for RunningDaemon {
    type Target = Daemon;

    fn deref(&self) -> &Daemon {
        &self.daemon
    }
}

impl Drop for RunningDaemon {
    fn drop(&mut self) {
        self.daemon.shutdown();
        if let Some(thread) = self.thread.take() {
            // A panic has been reported where it happened.
            let _ = thread.join();
        }
    }
}

/// Settings of a [`Daemon`]; what is not set comes from the configuration.
#[derive(Default)]
pub struct DaemonBuilder {
    config: Option<Config>,
    host: Option<String>,
    port: u16,
    unix_socket: Option<String>,
    nat_host: Option<String>,
    nat_port: Option<u16>,
    hmac_key: Option<HmacKey>,
    hooks: Hooks,
    max_request_size: Option<usize>,
}

impl DaemonBuilder {
    /// The configuration. Default: [`Config::default`], which does not look at the environment.
    #[must_use]
    pub fn config(mut self, config: Config) -> DaemonBuilder {
        self.config = Some(config);
        self
    }

    /// The host name or address to listen on. Default: HOST of the configuration, which is localhost.
    #[must_use]
    pub fn host(mut self, host: impl Into<String>) -> DaemonBuilder {
        self.host = Some(host.into());
        self
    }

    /// The port to listen on. Default: 0, a free one.
    #[must_use]
    pub fn port(mut self, port: u16) -> DaemonBuilder {
        self.port = port;
        self
    }

    /// Listen on a Unix domain socket at this path, not on TCP.
    #[must_use]
    pub fn unix_socket(mut self, path: impl Into<String>) -> DaemonBuilder {
        self.unix_socket = Some(path.into());
        self
    }

    /// The host name that clients use from outside, behind network address translation. Default: NATHOST of the configuration.
    #[must_use]
    pub fn nat_host(mut self, host: impl Into<String>) -> DaemonBuilder {
        self.nat_host = Some(host.into());
        self
    }

    /// The port that clients use from outside; 0: the one that is bound. Default: NATPORT of the configuration.
    #[must_use]
    pub fn nat_port(mut self, port: u16) -> DaemonBuilder {
        self.nat_port = Some(port);
        self
    }

    /// The key that all messages must be signed with; an empty one is none. Only Pyro4 has signatures, so Pyro5 clients are refused then.
    #[must_use]
    pub fn hmac_key(mut self, key: impl AsRef<[u8]>) -> DaemonBuilder {
        self.hmac_key = HmacKey::new(key.as_ref());
        self
    }

    /// Judges the handshake data of every client: the value goes back to it, an exception's text refuses it. Default: all are let in with `hello`.
    ///
    /// The context is that of the handshake: the peer, the annotations that came with it, and [`Context::annotate`] for those of the answer.
    /// (Pyro's `validateHandshake`, manual chapter "Tips & Tricks", connection handshake.)
    #[must_use]
    pub fn validate_handshake(
        mut self,
        validate: impl Fn(&Value, &Context) -> Result<Value, Raise> + Send + Sync + 'static,
    ) -> DaemonBuilder {
        self.hooks.validate_handshake = Some(Box::new(validate));
        self
    }

    /// Gives annotations for every message that the daemon sends: answers to handshakes and refusals, results and exceptions, answers to pings (Pyro's
    /// `Daemon.annotations()`). Those of Pyro itself stay as they are; an annotation of the call ([`Context::annotate`]) with the same key gives way.
    ///
    /// The hook gets the context of the call or handshake that is answered; `None` for what answers neither, such as a ping.
    #[must_use]
    pub fn annotations(
        mut self,
        hook: impl Fn(Option<&Context>) -> AnnotationList + Send + Sync + 'static,
    ) -> DaemonBuilder {
        self.hooks.annotations = Some(Box::new(hook));
        self
    }

    /// Is told of every client whose connection has ended, once, before what belongs to it is freed: its tracked resources, its instances, its leases
    /// (Pyro's `Daemon.clientDisconnect`). Clients that were refused are not told of. With SERVERTYPE multiplex it may run beside a call of another client, as
    /// may the closing of resources: only calls take turns.
    #[must_use]
    pub fn client_disconnect(mut self, hook: impl Fn(&Connection) + Send + Sync + 'static) -> DaemonBuilder {
        self.hooks.client_disconnect = Some(Box::new(hook));
        self
    }

    /// Is told of every call that failed, also of oneway calls, whose callers never learn of it. What Pyro raises on both sides (`callback` methods) comes here.
    /// The log has all of them too.
    #[must_use]
    pub fn on_error(mut self, hook: impl Fn(&FailedCall<'_>) + Send + Sync + 'static) -> DaemonBuilder {
        self.hooks.on_error = Some(Box::new(hook));
        self
    }

    /// Is told what the operator should see on the console. Default: nobody is; the log has it too.
    #[must_use]
    pub fn on_warning(mut self, warn: impl Fn(&str) + Send + Sync + 'static) -> DaemonBuilder {
        self.hooks.warn = Some(Box::new(warn));
        self
    }

    /// The longest request that is taken, in bytes, when that is less than MAX_MESSAGE_SIZE of the configuration. Answers may be longer.
    #[must_use]
    pub fn max_request_size(mut self, bytes: usize) -> DaemonBuilder {
        self.max_request_size = Some(bytes);
        self
    }

    /// The daemon, listening.
    ///
    /// # Errors
    /// `Communication` when the address cannot be bound; `Value` for settings that contradict each other.
    pub fn bind(self) -> Result<Daemon> {
        let mut config = self.config.unwrap_or_default();
        check(&config)?;
        let max_answer_size = config.max_message_size;
        // What the session reads is measured by the configuration.
        config.max_message_size = match (config.max_message_size, self.max_request_size) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        let nat_host = self.nat_host.or_else(|| config.nathost.clone());
        let (listener, location) = match &self.unix_socket {
            Some(path) if nat_host.is_some() => {
                return Err(Error::new(
                    ErrorKind::Value,
                    format!("cannot use nathost together with unixsocket {path}"),
                ));
            }
            Some(path) => listen_unix(path)?,
            None => listen_tcp(self.host.unwrap_or_else(|| config.host.clone()), self.port, &config)?,
        };
        let nat = nat_location(nat_host, self.nat_port, &config, &location)?;
        let serializers: Vec<Serializer> = config
            .serializers_accepted
            .iter()
            .filter_map(|name| Serializer::try_from(*name).ok())
            .collect();
        log_serializers(&serializers);
        let core = Arc::new(Core {
            registry: Registry::default(),
            streams: Streams::new(&config),
            leases: Leases::default(),
            frame_settings: FrameSettings {
                hmac_key: self.hmac_key,
                max_message_size: max_answer_size.map(|size| size as u64),
                compression: config.compression,
            },
            serializers,
            location,
            nat,
            hooks: self.hooks,
            workers: AtomicUsize::new(0),
            connections: AtomicUsize::new(0),
            failed_calls: AtomicU64::new(0),
            failed_oneway_calls: AtomicU64::new(0),
            config,
        });
        let daemon_object = DaemonObject(Arc::downgrade(&core));
        core.registry
            .insert(DAEMON_ID, Entry::Object(Arc::new(daemon_object)))?;
        Ok(Daemon {
            server: ThreadPool::new(core, listener),
        })
    }
}

fn check(config: &Config) -> Result<()> {
    config.check_ssl()?;
    if config.threadpool_size_min > config.threadpool_size {
        let text = "minimum threadpool size must be less than or equal to max size";
        return Err(Error::new(ErrorKind::Value, text));
    }
    for name in &config.serializers_accepted {
        Serializer::try_from(*name).map_err(|error| error.with("in", "SERIALIZERS_ACCEPTED"))?;
    }
    Ok(())
}

fn listen_tcp(host: String, port: u16, config: &Config) -> Result<(Listener, Location)> {
    let listener = Listener::tcp(&host, port, config)?;
    let port = listener.address().map_or(port, |address| address.port());
    Ok((listener, Location::Tcp { host, port }))
}

#[cfg(unix)]
fn listen_unix(path: &str) -> Result<(Listener, Location)> {
    Ok((Listener::unix(path)?, Location::Unix(path.to_owned())))
}

#[cfg(not(unix))]
fn listen_unix(path: &str) -> Result<(Listener, Location)> {
    Err(Error::new(
        ErrorKind::Communication,
        format!("cannot listen on {path}: this system has no Unix domain sockets"),
    ))
}

fn nat_location(host: Option<String>, port: Option<u16>, config: &Config, own: &Location) -> Result<Option<Location>> {
    let Some(host) = host else {
        return match port {
            Some(1..) => Err(Error::new(ErrorKind::Value, "must provide natport with nathost")),
            _ => Ok(None),
        };
    };
    let own_port = match own {
        Location::Tcp { port, .. } => *port,
        Location::Unix(_) => 0,
    };
    let port = match port.unwrap_or(config.natport) {
        0 => own_port,
        port => port,
    };
    Ok(Some(Location::Tcp { host, port }))
}

fn log_serializers(serializers: &[Serializer]) {
    let names: Vec<String> = serializers
        .iter()
        .map(|serializer| format!("'{}'", serializer.name()))
        .collect();
    tracing::debug!(target: logger::SERVER, "accepted serializers: {{{}}}", names.join(", "));
}
