//! Making a daemon: its settings, and the socket that it listens on.

use std::collections::BTreeSet;
use std::sync::Arc;
#[cfg(unix)]
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize};

use ferropyro_formats::Value;
use ferropyro_wire::{FrameSettings, HmacKey, Serializer};

use super::Daemon;
use super::core::{Core, Hooks, REFUSALS_LOGGED};
use super::daemon_object::DaemonObject;
use super::failed_call::FailedCall;
use super::registered::Leases;
use super::registry::{DAEMON_ID, Entry, Registry};
use super::socket;
use super::streams::Streams;
use crate::config::{Config, ServerType, check_protocols};
use crate::connection::Connection;
use crate::context::{AnnotationList, Context};
use crate::error::Raise;
use crate::logging::logger;
use crate::ration::Ration;
use crate::server::Server;
#[cfg(unix)]
use crate::transport::ConnectedSocket;
use crate::transport::ListeningSocket;
use crate::{Error, ErrorKind, Result, tls};

/// Settings of a [`Daemon`]; what is not set comes from the configuration.
#[derive(Default)]
pub struct DaemonBuilder {
    config: Option<Config>,
    socket: socket::Choice,
    hmac_key: Option<HmacKey>,
    hooks: Hooks,
    max_request_size: Option<usize>,
    servertype: Option<ServerType>,
    workers: Option<usize>,
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
        self.socket.host = Some(host.into());
        self
    }

    /// The port to listen on. Default: 0, a free one.
    #[must_use]
    pub fn port(mut self, port: u16) -> DaemonBuilder {
        self.socket.port = port;
        self
    }

    /// Listen on a Unix domain socket at this path, not on TCP. On Linux a path that begins with NUL is a name in the abstract name space.
    #[must_use]
    pub fn unix_socket(mut self, path: impl Into<String>) -> DaemonBuilder {
        self.socket.unix_socket = Some(path.into());
        self
    }

    /// Listen on this socket, which the program has made or inherited. URIs contain the [host](DaemonBuilder::host) if one was given, or else the address that is bound.
    ///
    /// The daemon closes it when it is dropped, but does not shut it down: other holders of the same socket, such as the program that has started this one, can
    /// go on to use it; it is nonblocking for all of them. The file of a Unix domain socket stays.
    #[must_use]
    pub fn listener(mut self, socket: impl Into<ListeningSocket>) -> DaemonBuilder {
        self.socket.listener = Some(socket.into());
        self
    }

    /// Serve exactly this connected socket, and make none (Pyro's `Daemon(connected_socket=s)`): one end of a pair, whose other end a thread or a child process
    /// has, or any other stream socket. Host, port, and what belongs to address translation are ignored.
    ///
    /// There is no handshake on such a connection, and its hooks are not called. [`Daemon::run`] returns when the other side closes the connection.
    /// The other side is a proxy made with [`ProxyBuilder::connected_socket`](crate::ProxyBuilder::connected_socket), or with `connected_socket` in Python.
    ///
    /// While it is served the socket is nonblocking for all who hold it.
    #[cfg(unix)]
    #[must_use]
    pub fn connected_socket<S>(mut self, socket: S) -> DaemonBuilder
    where
        S: TryInto<ConnectedSocket>,
        Error: From<S::Error>,
    {
        self.socket.connected = Some(socket.try_into().map_err(Error::from));
        self
    }

    /// The host name that clients use from outside, behind network address translation. Default: NATHOST of the configuration.
    #[must_use]
    pub fn nat_host(mut self, host: impl Into<String>) -> DaemonBuilder {
        self.socket.nat_host = Some(host.into());
        self
    }

    /// The port that clients use from outside; 0: the one that is bound. Default: NATPORT of the configuration.
    #[must_use]
    pub fn nat_port(mut self, port: u16) -> DaemonBuilder {
        self.socket.nat_port = Some(port);
        self
    }

    /// The key that all messages must be signed with; an empty one is none. Only Pyro4 has signatures, so Pyro5 clients are refused then.
    #[must_use]
    pub fn hmac_key(mut self, key: impl AsRef<[u8]>) -> DaemonBuilder {
        self.hmac_key = HmacKey::new(key.as_ref());
        self
    }

    /// Serve all connections in one event loop, with no thread for each: SERVERTYPE multiplex. Calls run one at a time, unless there are more
    /// [workers](DaemonBuilder::workers). Default: SERVERTYPE of the configuration, which is `thread`.
    #[must_use]
    pub fn multiplex(mut self) -> DaemonBuilder {
        self.servertype = Some(ServerType::Multiplex);
        self
    }

    /// How many calls an event loop runs at the same time: with more than one, plain methods run in threads beside the loop, and never block it. Default: WORKERS of the
    /// configuration, which is 1 as in Pyro. On a thread server it is an error.
    #[must_use]
    pub fn workers(mut self, workers: usize) -> DaemonBuilder {
        self.workers = Some(workers);
        self
    }

    /// Judges the handshake data of every client: the value goes back to it, an exception's text refuses it. Default: all are let in with `hello`.
    ///
    /// The context is that of the handshake: the peer, the annotations that came with it, and [`Context::annotate`] for those of the answer.
    /// Clients of the protocols 46 and 47 can send no data: for these the hook gets None.
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

    /// This program has pickles read by Python, which runs what is in them: for bindings. The warning that a daemon gives of SERIALIZERS_ACCEPTED says so then.
    #[must_use]
    pub fn unpickles(mut self) -> DaemonBuilder {
        self.hooks.unpickles = true;
        self
    }

    /// Is called now and then, by a thread that has nothing else to do: every POLLTIMEOUT seconds of the configuration (Pyro's `Daemon.housekeeping`).
    #[must_use]
    pub fn housekeeping(mut self, hook: impl Fn() + Send + Sync + 'static) -> DaemonBuilder {
        self.hooks.housekeeping = Some(Box::new(hook));
        self
    }

    /// Runs the threads that serve the clients of a thread server: the hook is handed all that a thread does, and has to run it once, in this thread. For programs that prepare a
    /// thread for the code that runs in it, such as an interpreter does.
    #[must_use]
    pub fn around_threads(mut self, hook: impl Fn(&mut dyn FnMut()) + Send + Sync + 'static) -> DaemonBuilder {
        self.hooks.around_threads = Some(Box::new(hook));
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
        config.servertype = self.servertype.unwrap_or(config.servertype);
        if self.workers.is_some() && config.servertype == ServerType::Thread {
            let text = "workers are those of the multiplex server, and this daemon has threads: add multiplex(), or set the threads with THREADPOOL_SIZE";
            return Err(Error::new(ErrorKind::Value, text));
        }
        config.workers = self.workers.unwrap_or(config.workers);
        check(&config)?;
        check_key(&config, self.hmac_key.as_ref())?;
        let tls = tls::Acceptor::new(&config)?;
        let max_answer_size = config.max_message_size;
        // What the session reads is measured by the configuration.
        config.max_message_size = match (config.max_message_size, self.max_request_size) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        let place = self.socket.open(&config)?;
        let mut warnings = place.warnings(self.hmac_key.is_some() || tls.is_some());
        warnings.extend(warning_of_pickle(&config.serializers_accepted, self.hooks.unpickles));
        log_serializers(&config.serializers_accepted);
        let core = Arc::new(Core {
            registry: Registry::default(),
            streams: Streams::new(&config),
            leases: Leases::default(),
            frame_settings: FrameSettings {
                hmac_key: self.hmac_key,
                max_message_size: max_answer_size.map(|size| size as u64),
                compression: config.compression,
            },
            location: place.location,
            nat: place.nat,
            hooks: self.hooks,
            tls,
            workers: AtomicUsize::new(0),
            connections: AtomicUsize::new(0),
            refusals: Ration::new(REFUSALS_LOGGED),
            failed_calls: AtomicU64::new(0),
            failed_oneway_calls: AtomicU64::new(0),
            #[cfg(unix)]
            watch: OnceLock::new(),
            config,
        });
        let daemon_object = DaemonObject(Arc::downgrade(&core));
        core.registry
            .insert(DAEMON_ID, Entry::Object(Arc::new(daemon_object)))?;
        for text in &warnings {
            warn(&core, text);
        }
        Ok(Daemon {
            server: Server::new(core, place.door),
        })
    }
}

fn warn(core: &Core, text: &str) {
    match core.config.servertype {
        ServerType::Thread => tracing::warn!(target: logger::THREADPOOLSERVER, "{text}"),
        ServerType::Multiplex => tracing::warn!(target: logger::MULTIPLEXSERVER, "{text}"),
    }
    core.warn(text);
}

fn check(config: &Config) -> Result<()> {
    if config.threadpool_size_min > config.threadpool_size {
        let text = "minimum threadpool size must be less than or equal to max size";
        return Err(Error::new(ErrorKind::Value, text));
    }
    check_protocols(&config.protocols).map_err(|text| Error::new(ErrorKind::Value, text).with("in", "PROTOCOLS"))
}

fn check_key(config: &Config, key: Option<&HmacKey>) -> Result<()> {
    if key.is_some() && config.protocols.iter().all(|protocol| protocol.is_pyro5()) {
        let text = "a key (HMAC) is of no use to a daemon that serves nothing but Pyro5, which has no signatures";
        return Err(Error::new(ErrorKind::Value, text).with("in", "PROTOCOLS"));
    }
    Ok(())
}

fn log_serializers(serializers: &BTreeSet<Serializer>) {
    let names: Vec<String> = serializers.iter().map(|serializer| format!("'{serializer}'")).collect();
    tracing::debug!(target: logger::SERVER, "accepted serializers: {{{}}}", names.join(", "));
}

/// Pickles are data here, and code for the Python programs that may get them next.
fn warning_of_pickle(serializers: &BTreeSet<Serializer>, unpickles: bool) -> Option<String> {
    let pickles = serializers.iter().filter(|serializer| serializer.is_pickle());
    let names: Vec<&str> = pickles.map(|serializer| serializer.name()).collect();
    (!names.is_empty()).then(|| {
        if unpickles {
            return format!(
                "SERIALIZERS_ACCEPTED has {}: whoever can connect can run any code in this program",
                names.join(", ")
            );
        }
        format!(
            "SERIALIZERS_ACCEPTED has {}: pickles are data here and run nothing, but they may run code in Python programs that get such data from this one",
            names.join(", ")
        )
    })
}
