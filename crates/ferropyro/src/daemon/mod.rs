//! The server's end: a [`Daemon`] listens on a socket and lets others call the objects that are registered with it.

mod builder;
pub(crate) mod core;
mod daemon_object;
pub(crate) mod event_loop;
pub(crate) mod failed_call;
pub(crate) mod registered;
pub(crate) mod registry;
pub(crate) mod socket;
pub(crate) mod streams;
#[cfg(unix)]
pub(crate) mod watch;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::thread;

use tokio::runtime::Builder;

pub use builder::DaemonBuilder;

use crate::daemon::core::Core;
use crate::daemon::failed_call::Statistics;
use crate::daemon::registered::Registered;
use crate::daemon::registry::{ClassEntry, DAEMON_ID, Entry, InstanceMode};
use crate::error::Raise;
use crate::logging::logger;
use crate::object::members::Members;
use crate::object::{Class, Object};
use crate::server::Server;
use crate::{Config, Error, ErrorKind, Location, Result, Uri, uri};

/// Threads for blocking code beside those that run calls.
const SPARE_THREADS: usize = 64;
/// The steps that connections make before the loop looks again at what has arrived. A call takes two.
const STEPS_A_TURN: u32 = 512;
/// However many workers there are to be.
const MOST_THREADS: usize = 16 << 10;

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
    pub(crate) server: Arc<Server>,
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
        let class = ClassEntry::new(Cow::Borrowed(C::class_members()), mode, create);
        self.core().register(id, Entry::Class(Arc::new(class)))
    }

    /// As [`Daemon::register_class`], for a class that the program learns of while it runs, such as one of another language. The instances expose these members.
    ///
    /// # Errors
    /// As for [`Daemon::register`].
    pub fn register_foreign_class(
        &self,
        id: &str,
        members: Members,
        mode: InstanceMode,
        create: impl Fn() -> Result<Arc<dyn Object>, Raise> + Send + Sync + 'static,
    ) -> Result<Uri> {
        let class = ClassEntry::new(Cow::Owned(members), mode, create);
        self.core().register(id, Entry::Class(Arc::new(class)))
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

    /// The configuration that it was made with, as it holds.
    pub fn config(&self) -> &Config {
        &self.core().config
    }

    /// Whether messages are protected: signed with an HMAC key, or encrypted with TLS. What a program sends past the daemon is not.
    pub fn is_protected(&self) -> bool {
        let core = self.core();
        core.frame_settings.hmac_key.is_some() || core.config.ssl
    }

    /// What the daemon has done and is doing.
    pub fn statistics(&self) -> Statistics {
        self.core().statistics()
    }

    /// Reads the certificate, its key and the authorities (the items `SSL_...` of the configuration) anew, for connections that begin from now on. Those that there are go on
    /// with what they have. Does nothing if connections are not encrypted.
    ///
    /// # Errors
    /// `Value` when the files cannot be used. The daemon goes on with what it had then.
    pub fn reload_certificates(&self) -> Result<()> {
        self.core().reload_certificates()
    }

    /// Serves clients until somebody calls [`Daemon::shutdown`].
    pub fn run(&self) {
        // A runtime cannot run inside of another one, so a method or task that runs a daemon lends it a thread.
        if tokio::runtime::Handle::try_current().is_ok() {
            return thread::scope(|scope| drop(scope.spawn(|| self.run()).join()));
        }
        let mut builder = Builder::new_current_thread();
        // Beside the workers there are greetings, messages to inflate, and ends of connections.
        let threads = self
            .core()
            .config
            .workers
            .saturating_mul(2)
            .saturating_add(SPARE_THREADS);
        builder.max_blocking_threads(threads.min(MOST_THREADS));
        if self.core().config.workers > 1 {
            // No method holds up the loop then, and the answers of a turn leave together: the longer it is, the better.
            builder.event_interval(STEPS_A_TURN);
        }
        let runtime = builder.thread_name("pyro-worker").enable_all().build();
        match runtime {
            Ok(runtime) => {
                runtime.block_on(self.serve());
                // Threads whose calls did not end in time are not waited for once more.
                runtime.shutdown_background();
            }
            Err(error) => {
                tracing::error!(target: logger::SERVER, "the daemon on {} cannot run: {error}", self.location());
            }
        }
    }

    /// Serves clients until somebody calls [`Daemon::shutdown`], as part of the program's own tokio runtime, which must have IO and time enabled. The daemon stops when the
    /// future is dropped, without waiting for the calls that run.
    ///
    /// With SERVERTYPE multiplex and one worker plain methods run in the runtime's own threads, and hold them up for so long; with more
    /// [workers](DaemonBuilder::workers) they run in its pool for blocking code: build a runtime with `max_blocking_threads` above 512, tokio's default, if there are to be
    /// more workers than that. With SERVERTYPE thread they run in the threads of the daemon.
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
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    /// # runtime.block_on(async {
    /// let daemon = Daemon::builder().multiplex().bind()?;
    /// let uri = daemon.register("adder", Adder)?;
    /// let serving = tokio::spawn({
    ///     let daemon = daemon.clone();
    ///     async move { daemon.serve().await }
    /// });
    /// let call = tokio::task::spawn_blocking(|| Proxy::new(uri)?.call::<i64>("add", (1, 2)));
    /// assert_eq!(call.await??, 3);
    /// daemon.shutdown();
    /// serving.await?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn serve(&self) {
        tracing::info!(target: logger::SERVER, "daemon running on {}", self.location());
        if let Err(error) = self.server.serve().await {
            tracing::error!(target: logger::SERVER, "the daemon on {} cannot run: {error}", self.location());
        }
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

    /// Runs a task in the event loop of the daemon, whoever drives it, beside its clients: a socket of another protocol, or work that is to be done now and then. It begins
    /// when the daemon begins to serve, so this is called before, and it is dropped when the daemon is shut down. It must not block: everybody else would wait.
    ///
    /// ```
    /// use std::sync::mpsc;
    /// use ferropyro::Daemon;
    ///
    /// let daemon = Daemon::new()?;
    /// let (sender, receiver) = mpsc::channel();
    /// daemon.accompany(async move {
    ///     let _ = sender.send("it serves");
    /// });
    /// let running = daemon.start();
    /// assert_eq!(receiver.recv(), Ok("it serves"));
    /// running.stop();
    /// # Ok::<(), ferropyro::Error>(())
    /// ```
    pub fn accompany(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.server.accompany(Box::pin(task));
    }

    /// The number of a descriptor that is readable when there is something to do for [`EventLoop::step`](crate::EventLoop::step), for programs that wait for other things as
    /// well, with poll or an event loop of their own (Pyro's `Daemon.sockets`). It is the same as long as there is the daemon, and to be waited for, not read. Ask for it before
    /// the daemon serves: connections that are there already are not watched.
    ///
    /// Times after which a silent client is sent away do not make it readable: they are looked at by the next step.
    ///
    /// # Errors
    /// `Communication` when the system lacks descriptors.
    #[cfg(unix)]
    pub fn descriptor(&self) -> Result<std::os::fd::RawFd> {
        let watch = self.server.watch().map_err(|error| {
            let text = format!("the daemon cannot be watched: {error}");
            Error::new(ErrorKind::Communication, text).caused_by(error)
        })?;
        Ok(watch.descriptor())
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
