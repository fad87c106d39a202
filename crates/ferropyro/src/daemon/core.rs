//! What all connections of a daemon share.

use std::fmt;
use std::sync::Arc;
#[cfg(unix)]
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
#[cfg(unix)]
use std::thread;
use std::time::Duration;

use ferropyro_formats::Value;
use ferropyro_wire::{AnnotationKey, Dialect, FrameBuilder, FrameSettings, Header, Serializer};

use crate::config::{Config, ServerType};
use crate::connection::{Connection, Estate};
use crate::context::{AnnotationList, Context};
use crate::daemon::failed_call::{FailedCall, Statistics};
use crate::daemon::registered::Leases;
use crate::daemon::registry::{Entry, Registry};
use crate::daemon::streams::Streams;
#[cfg(unix)]
use crate::daemon::watch::Watch;
use crate::description::Description;
use crate::error::Raise;
use crate::logging::logger;
use crate::panics::{contain, drop_contained};
use crate::ration::Ration;
use crate::serializer::Codec;
use crate::session::metadata::Metadata;
use crate::tls::Acceptor;
use crate::transport::AsyncStream;
use crate::{ErrorKind, Location, Result, Uri};

type ValidateHandshake = Box<dyn Fn(&Value, &Context) -> Result<Value, Raise> + Send + Sync>;
type Annotate = Box<dyn Fn(Option<&Context>) -> AnnotationList + Send + Sync>;
type Warn = Box<dyn Fn(&str) + Send + Sync>;
type Tell<T> = Box<dyn Fn(&T) + Send + Sync>;
type AroundThreads = Box<dyn Fn(&mut dyn FnMut()) + Send + Sync>;
type TellOfFailure = Box<dyn for<'a> Fn(&FailedCall<'a>) + Send + Sync>;

/// What the program wants to be asked and told; without a hook things go their usual way.
#[derive(Default)]
pub(crate) struct Hooks {
    /// Judges a client's handshake data: gives the answer for it, or refuses with an exception's text.
    pub(crate) validate_handshake: Option<ValidateHandshake>,
    /// Gives annotations for a message that goes out.
    pub(crate) annotations: Option<Annotate>,
    /// Is told that a client's connection has ended.
    pub(crate) client_disconnect: Option<Tell<Connection>>,
    /// Is told of calls that failed.
    pub(crate) on_error: Option<TellOfFailure>,
    /// Is told what the operator should see.
    pub(crate) warn: Option<Warn>,
    /// Runs the threads that serve clients.
    pub(crate) around_threads: Option<AroundThreads>,
    /// Whether pickles are read by Python.
    pub(crate) unpickles: bool,
    /// Is called now and then.
    pub(crate) housekeeping: Option<Box<dyn Fn() + Send + Sync>>,
}

/// The lines a second about clients that were refused.
pub(crate) const REFUSALS_LOGGED: usize = 10;

pub(crate) struct Core {
    pub(crate) registry: Registry,
    pub(crate) streams: Streams,
    pub(crate) leases: Leases,
    pub(crate) config: Config,
    pub(crate) frame_settings: FrameSettings,
    pub(crate) location: Location,
    pub(crate) nat: Option<Location>,
    pub(crate) hooks: Hooks,
    /// `None` when connections are not encrypted.
    pub(crate) tls: Option<Acceptor>,
    /// Threads of the pool, for `Pyro.Daemon.info()`.
    pub(crate) workers: AtomicUsize,
    /// Connections that are served, for the same.
    pub(crate) connections: AtomicUsize,
    /// For the lines of the log about clients that were refused: there may be thousands of them a second.
    pub(crate) refusals: Ration,
    pub(crate) failed_calls: AtomicU64,
    pub(crate) failed_oneway_calls: AtomicU64,
    /// There when the program drives the loop itself.
    #[cfg(unix)]
    pub(crate) watch: OnceLock<Watch>,
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Core({})", self.location)
    }
}

impl Core {
    /// The dialects that clients may speak, the one for refusing strangers first. A key is worth nothing if Pyro5, which has no
    /// signatures, goes around it.
    pub(crate) fn dialects(&self) -> &'static [Dialect] {
        let serves = |dialect| self.config.protocols.contains(&dialect);
        let serves_pyro5 = serves(Dialect::V502) && self.frame_settings.hmac_key.is_none();
        match (serves_pyro5, serves(Dialect::V48), serves(Dialect::V46)) {
            (true, true, _) => &[Dialect::V502, Dialect::V48],
            (true, false, _) => &[Dialect::V502],
            (false, true, _) => &[Dialect::V48],
            (false, false, false) => &[Dialect::V47],
            (false, false, true) => &[Dialect::V46],
        }
    }

    /// The dialect whose clients say nothing until they are greeted, if it is served.
    pub(crate) fn silent_dialect(&self) -> Option<Dialect> {
        let mut protocols = self.config.protocols.iter().copied();
        protocols.find(|dialect| dialect.server_speaks_first())
    }

    pub(crate) fn codec(&self, serializer: Serializer, dialect: Dialect) -> Codec {
        Codec::new(&self.config, serializer, dialect)
    }

    /// The codec of a message, if its serializer is accepted here.
    pub(crate) fn known_codec(&self, header: &Header) -> Option<Codec> {
        let serializer = Serializer::from_id(header.dialect, header.serializer)?;
        let is_accepted = self.config.serializers_accepted.contains(&serializer);
        is_accepted.then(|| self.codec(serializer, header.dialect))
    }

    /// The codec of a message, or the text of the refusal.
    pub(crate) fn accepted_codec(&self, header: &Header) -> Result<Codec, String> {
        match self.known_codec(header) {
            Some(codec) => Ok(codec),
            None => {
                let text = format!("message used serializer that is not accepted: {}", header.serializer);
                self.refusals.log(|| {
                    tracing::error!(target: logger::SERVER, "{text}");
                    self.warn(&format!("Pyro protocol error occurred: {text}"));
                });
                Err(text)
            }
        }
    }

    /// Tells the operator.
    pub(crate) fn warn(&self, text: &str) {
        if let Some(warn) = &self.hooks.warn {
            warn(text);
        }
    }

    /// The answer to a client's handshake data; without a hook everybody is welcome.
    pub(crate) fn validate_handshake(&self, data: &Value, context: &Context) -> Result<Value, Raise> {
        match &self.hooks.validate_handshake {
            Some(validate) => validate(data, context),
            None => Ok(Value::from("hello")),
        }
    }

    /// Does all that a thread does which serves clients.
    pub(crate) fn run_thread(&self, work: impl FnOnce()) {
        let mut work = Some(work);
        let mut run = || work.take().map_or((), |work| work());
        if let Some(hook) = &self.hooks.around_threads {
            hook(&mut run);
        }
        // Whatever the hook has done.
        run();
    }

    /// What is to be done now and then.
    pub(crate) fn keep_house(&self) {
        if let Some(hook) = &self.hooks.housekeeping {
            contain("the housekeeping hook", hook);
        }
        self.streams.expire();
        self.refusals.settle();
        self.end_leases(&self.leases.take_ended());
    }

    /// The annotations of the answer of a call.
    pub(crate) fn answer_annotations(&self, context: &Context) -> AnnotationList {
        let mut annotations = context.take_response();
        if self.hooks.annotations.is_some() && !context.dialect().is_pyro5() {
            // Before those of the hook, as in Pyro4, whose programs see the order.
            annotations.push((AnnotationKey::CORR, context.correlation_id().as_bytes().to_vec()));
        }
        self.annotations(annotations, Some(context))
    }

    /// The annotations of a message that goes out: those of the call, and those that the program adds to every message. Where a key comes
    /// twice the later one holds, that of the hook, as in Pyro.
    pub(crate) fn annotations(&self, mut annotations: AnnotationList, context: Option<&Context>) -> AnnotationList {
        if let Some(hook) = &self.hooks.annotations {
            let added = contain("the annotations hook", || hook(context)).unwrap_or_default();
            annotations.extend(added.into_iter().filter(|(key, _)| !key.is_reserved()));
        }
        annotations
    }

    /// The annotations of a message that tells of a failure: none, where no message can carry those that the program adds. They may be that very failure.
    pub(crate) fn bearable_annotations(&self, header: &Header, context: Option<&Context>) -> AnnotationList {
        let annotations = self.annotations(Vec::new(), context);
        let borrowed = annotations.iter().map(|(key, value)| (*key, value));
        match FrameBuilder::begin(&mut Vec::new(), header, borrowed, &self.frame_settings) {
            Ok(_) => annotations,
            Err(error) => {
                tracing::error!(target: logger::SERVER, "the annotations hook gives too much: {error}");
                Vec::new()
            }
        }
    }

    /// A client is gone: tells the program, unless the client was never let in, and frees what only this client had.
    pub(crate) fn connection_ended(&self, connection: &Connection, was_let_in: bool) {
        connection.set_closed();
        if was_let_in {
            self.log_connection(format_args!("{} disconnected", connection.peer()));
        }
        if let Some(hook) = self.hooks.client_disconnect.as_ref().filter(|_| was_let_in) {
            contain("the client_disconnect hook", || hook(connection));
        }
        let Estate { leases, streams } = connection.close();
        self.leases.forget(leases.iter().map(String::as_str));
        self.end_leases(&leases);
        self.streams.abandon(&streams);
    }

    /// Logs that a client has come or gone, under the name of the server that it comes to.
    pub(crate) fn log_connection(&self, text: fmt::Arguments<'_>) {
        match self.config.servertype {
            ServerType::Thread => tracing::debug!(target: logger::THREADPOOLSERVER, "{text}"),
            ServerType::Multiplex => tracing::debug!(target: logger::MULTIPLEXSERVER, "{text}"),
        }
    }

    fn end_leases(&self, ids: &[String]) {
        for entry in self.registry.remove_all(ids) {
            drop_contained("dropping a leased object", entry);
        }
    }

    /// The loop has something to do that none of its sockets tells of, and the program may be the one that drives it.
    pub(crate) fn wake(&self) {
        #[cfg(unix)]
        if let Some(watch) = self.watch.get() {
            watch.wake();
        }
    }

    /// The same, but later: no time that the loop waits for wakes a program that drives it.
    pub(crate) fn wake_after(self: &Arc<Core>, pause: Duration) {
        #[cfg(unix)]
        if self.watch.get().is_some() {
            let core = Arc::clone(self);
            thread::spawn(move || {
                thread::sleep(pause);
                core.wake();
            });
        }
        #[cfg(not(unix))]
        let _ = pause;
    }

    /// A connection of this daemon, which its loop waits for.
    pub(crate) fn watch_stream(&self, stream: &AsyncStream) {
        #[cfg(unix)]
        if let Some(watch) = self.watch.get() {
            watch.add(stream);
        }
        #[cfg(not(unix))]
        let _ = stream;
    }

    /// A connection that a thread waits for from now on.
    pub(crate) fn unwatch_stream(&self, stream: &AsyncStream) {
        #[cfg(unix)]
        if let Some(watch) = self.watch.get() {
            watch.remove(stream);
        }
        #[cfg(not(unix))]
        let _ = stream;
    }

    /// A call has raised an exception.
    pub(crate) fn failed(&self, call: &FailedCall<'_>) {
        self.failed_calls.fetch_add(1, Ordering::Relaxed);
        if call.is_oneway() {
            self.failed_oneway_calls.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(hook) = &self.hooks.on_error {
            contain("the on_error hook", || hook(call));
        }
    }

    /// Reads the certificate and the authorities anew, if connections are encrypted.
    pub(crate) fn reload_certificates(&self) -> Result<()> {
        match &self.tls {
            Some(tls) => tls.renew(&self.config),
            None => Ok(()),
        }
    }

    pub(crate) fn statistics(&self) -> Statistics {
        Statistics {
            objects: self.registry.len(),
            connections: self.connections.load(Ordering::Relaxed),
            streams: self.streams.count(),
            failed_calls: self.failed_calls.load(Ordering::Relaxed),
            failed_oneway_calls: self.failed_oneway_calls.load(Ordering::Relaxed),
        }
    }

    /// Lets clients use an object or class under an id.
    pub(crate) fn register(&self, id: &str, entry: Entry) -> Result<Uri> {
        let uri = self.uri_for(id)?;
        if entry.with_members(|members| members.methods.is_empty() && members.attributes.is_empty()) {
            self.warn(&format!(
                "object '{id}' exposes nothing; clients will not be able to use it"
            ));
        }
        self.registry.insert(id, entry)?;
        tracing::debug!(target: logger::SERVER, "registered {uri}");
        Ok(uri)
    }

    /// The URI that clients use for an id: with the external address behind network address translation.
    pub(crate) fn uri_for(&self, id: &str) -> Result<Uri> {
        Ok(Uri::pyro(id, self.nat.as_ref().unwrap_or(&self.location).clone())?)
    }

    /// What is exposed under an id.
    pub(crate) fn metadata(&self, id: &str) -> Result<Metadata, Raise> {
        match self.registry.get(id) {
            Some(entry) => Ok(entry.with_members(Metadata::of)),
            None => Err(unknown_object()),
        }
    }

    /// What is told of what is exposed under an id.
    pub(crate) fn describe(&self, id: &str) -> Result<Description, Raise> {
        match self.registry.get(id) {
            Some(entry) => Ok(entry.with_members(|members| Description::of(members, entry.instance_mode()))),
            None => Err(unknown_object()),
        }
    }
}

fn unknown_object() -> Raise {
    Raise::new(ErrorKind::Daemon.class(), "unknown object")
}
