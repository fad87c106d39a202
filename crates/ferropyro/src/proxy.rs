//! The client's end: a [`Proxy`] stands for an object in another program.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use ferropyro_formats::{Dict, Value};
use ferropyro_wire::{Dialect, Flags, FrameErrorKind, FrameSettings, HmacKey, Message};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::arguments::Arguments;
use crate::config::Config;
use crate::logging::logger;
use crate::registry::DAEMON_ID;
use crate::serializer::{Codec, Serializer};
use crate::session::client::{ClientSession, Request};
use crate::session::metadata::Metadata;
use crate::transport::{Inbox, Stream, is_timeout};
use crate::uri::Protocol;
use crate::{Error, ErrorKind, Location, Result, Uri, naming};

/// Stands for an object in another program: its methods are called through it.
///
/// A proxy connects at its first call and keeps the connection until it is dropped or [released](Proxy::release); then it connects again
/// at its next call. It finds out by itself whether the other side is Pyro4 or Pyro5. Threads may share it: calls wait for each other, since Pyro's protocol has one call at a time on a connection.
///
/// ```no_run
/// use ferropyro::Proxy;
///
/// let echo = Proxy::new("PYRONAME:test.echoserver")?;
/// let answer: String = echo.call("echo", ("hello",))?;
/// assert_eq!(answer, "hello");
/// # Ok::<(), ferropyro::Error>(())
/// ```
pub struct Proxy {
    settings: Settings,
    state: Mutex<State>,
}

#[derive(Clone)]
struct Settings {
    config: Arc<Config>,
    serializer: Serializer,
    dialect: Option<Dialect>,
    hmac_key: Option<HmacKey>,
    handshake: Value,
    timeout: Option<Duration>,
}

struct State {
    uri: Uri,
    link: Option<Link>,
    /// The last sequence number; a new connection goes on counting.
    seq: u16,
}

/// A connection that has passed the handshake.
struct Link {
    stream: Stream,
    session: ClientSession,
    inbox: Inbox,
    out: Vec<u8>,
    uri: Uri,
    /// The object id in the URI.
    object: String,
    /// What the object exposes, names sorted; `None` when METADATA is off.
    metadata: Option<Metadata>,
    answer: Value,
}

impl Proxy {
    /// A proxy for the object of this URI, a text or a [`Uri`], with the default configuration. It connects when it is used.
    ///
    /// # Errors
    /// When the text is no URI.
    pub fn new<U>(uri: U) -> Result<Proxy>
    where
        U: TryInto<Uri>,
        Error: From<U::Error>,
    {
        Proxy::builder().build(uri)
    }

    /// Settings for a proxy.
    pub fn builder() -> ProxyBuilder {
        ProxyBuilder::default()
    }

    /// Calls a method with positional arguments: a tuple, such as `(1, "two")` or `()`.
    ///
    /// A method that the object has declared oneway does not answer; the result must then be `()` or something else that None can be read as.
    ///
    /// # Errors
    /// The exception that the method raised ([`Error::as_remote`]); `Attribute` for a name that is not exposed; `Serialize` for a result
    /// that is no `R`; errors of the connection. After an error of the connection the next call connects again.
    pub fn call<R: DeserializeOwned>(&self, method: &str, args: impl Arguments) -> Result<R> {
        self.call_with(method, args, &Dict::new())
    }

    /// As [`Proxy::call`], with keyword arguments.
    ///
    /// # Errors
    /// As for [`Proxy::call`].
    pub fn call_with<R: DeserializeOwned>(&self, method: &str, args: impl Arguments, kwargs: &Dict) -> Result<R> {
        let request = Outgoing {
            method,
            args: &args,
            kwargs: Some(kwargs),
            oneway: false,
            check: Check::Method,
        };
        self.retrying(&request)
    }

    /// Calls a method without waiting for an answer, whether it was declared oneway or not. Nobody hears of its errors but the server.
    ///
    /// # Errors
    /// When the call cannot be sent.
    pub fn call_oneway(&self, method: &str, args: impl Arguments) -> Result<()> {
        let kwargs = Dict::new();
        let request = Outgoing {
            method,
            args: &args,
            kwargs: Some(&kwargs),
            oneway: true,
            check: Check::Method,
        };
        self.once(&mut self.lock(), &request)
    }

    /// Reads an attribute of the object.
    ///
    /// # Errors
    /// As for [`Proxy::call`].
    pub fn get<R: DeserializeOwned>(&self, attribute: &str) -> Result<R> {
        let args = (attribute,);
        let request = Outgoing {
            method: "__getattr__",
            args: &args,
            kwargs: None,
            oneway: false,
            check: Check::Attribute(attribute),
        };
        self.retrying(&request)
    }

    /// Sets an attribute of the object.
    ///
    /// # Errors
    /// As for [`Proxy::call`].
    pub fn set<T: Serialize>(&self, attribute: &str, value: T) -> Result<()> {
        let args = (attribute, value);
        let request = Outgoing {
            method: "__setattr__",
            args: &args,
            kwargs: None,
            oneway: false,
            check: Check::Attribute(attribute),
        };
        self.retrying::<serde::de::IgnoredAny, _>(&request).map(drop)
    }

    /// The URI: the one that was given, or after [`Proxy::bind`] the concrete one.
    pub fn uri(&self) -> Uri {
        self.lock().uri.clone()
    }

    /// What the object exposes; connects if need be. Empty when the configuration has METADATA off.
    ///
    /// # Errors
    /// Those of connecting.
    pub fn metadata(&self) -> Result<Metadata> {
        let mut state = self.lock();
        let link = self.link(&mut state)?;
        Ok(link.metadata.clone().unwrap_or_default())
    }

    /// The protocol that the other side speaks; connects if need be.
    ///
    /// # Errors
    /// Those of connecting.
    pub fn dialect(&self) -> Result<Dialect> {
        let mut state = self.lock();
        Ok(self.link(&mut state)?.session.dialect())
    }

    /// What the server's handshake answered; connects if need be.
    ///
    /// # Errors
    /// Those of connecting.
    pub fn handshake_answer(&self) -> Result<Value> {
        let mut state = self.lock();
        Ok(self.link(&mut state)?.answer.clone())
    }

    /// Connects now, and replaces a PYRONAME or PYROMETA URI by the concrete one for good: later connections skip the name server.
    ///
    /// # Errors
    /// Those of connecting.
    pub fn bind(&self) -> Result<()> {
        let mut state = self.lock();
        if state.uri.protocol() != Protocol::Pyro {
            state.link = None;
            state.uri = naming::resolve_with(&state.uri, &self.settings.ns_settings())?;
        }
        self.link(&mut state).map(drop)
    }

    /// Closes the connection, which frees the server's thread. The next call connects again. Harmless when there is none.
    pub fn release(&self) {
        self.lock().disconnect();
    }

    /// Whether there is a connection now.
    pub fn is_connected(&self) -> bool {
        self.lock().link.is_some()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends the request again on a new connection as often as MAX_RETRIES allows.
    fn retrying<R: DeserializeOwned, A: Arguments>(&self, request: &Outgoing<'_, A>) -> Result<R> {
        let mut state = self.lock();
        let mut tries_left = self.settings.config.max_retries;
        loop {
            match self.once(&mut state, request) {
                Err(error) if tries_left > 0 && is_transient(&error) => tries_left -= 1,
                other => return other,
            }
        }
    }

    fn once<R: DeserializeOwned, A: Arguments>(&self, state: &mut State, request: &Outgoing<'_, A>) -> Result<R> {
        let result = self.link(state).and_then(|link| link.perform(request));
        if let Some(link) = &state.link {
            state.seq = link.session.seq();
        }
        // As in Python, also when the other side raised it: it has closed the connection then.
        if result.as_ref().is_err_and(|error| error.is_a(ErrorKind::Communication)) {
            state.disconnect();
        }
        result
    }

    /// The connection, made now if there is none.
    fn link<'s>(&self, state: &'s mut State) -> Result<&'s mut Link> {
        if state.link.is_none() {
            state.link = Some(self.settings.connect(&state.uri, state.seq)?);
        }
        state
            .link
            .as_mut()
            .ok_or_else(|| Error::new(ErrorKind::Communication, "not connected"))
    }
}

impl State {
    fn disconnect(&mut self) {
        if let Some(link) = self.link.take() {
            self.seq = link.session.seq();
        }
    }
}

fn is_transient(error: &Error) -> bool {
    error.as_remote().is_none() && matches!(error.kind(), ErrorKind::ConnectionClosed | ErrorKind::Timeout)
}

/// Shows the URI and whether it is connected.
impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        let connected = if state.link.is_some() {
            "connected"
        } else {
            "not connected"
        };
        write!(f, "Proxy({}, {connected})", state.uri)
    }
}

/// Settings of a [`Proxy`]; what is not set comes from the configuration.
#[derive(Default)]
pub struct ProxyBuilder {
    config: Option<Config>,
    serializer: Option<Serializer>,
    dialect: Option<Dialect>,
    hmac_key: Option<HmacKey>,
    handshake: Option<Value>,
    timeout: Option<Duration>,
}

impl ProxyBuilder {
    /// The configuration. Default: [`Config::default`], which does not look at the environment.
    #[must_use]
    pub fn config(mut self, config: Config) -> ProxyBuilder {
        self.config = Some(config);
        self
    }

    /// The serializer for arguments and results. Default: that of the configuration.
    #[must_use]
    pub fn serializer(mut self, serializer: Serializer) -> ProxyBuilder {
        self.serializer = Some(serializer);
        self
    }

    /// The protocol to speak. Default: what the other side speaks, found out when connecting.
    #[must_use]
    pub fn dialect(mut self, dialect: Dialect) -> ProxyBuilder {
        self.dialect = Some(dialect);
        self
    }

    /// The key that all messages are signed with; both sides need the same. Only Pyro4 has this; an empty key is none.
    #[must_use]
    pub fn hmac_key(mut self, key: impl AsRef<[u8]>) -> ProxyBuilder {
        self.hmac_key = HmacKey::new(key.as_ref());
        self
    }

    pub(crate) fn hmac(mut self, key: Option<HmacKey>) -> ProxyBuilder {
        self.hmac_key = key;
        self
    }

    /// What is sent to the server in the handshake. Default: the text `hello`.
    #[must_use]
    pub fn handshake(mut self, data: impl Into<Value>) -> ProxyBuilder {
        self.handshake = Some(data.into());
        self
    }

    /// How long to wait for the other side before giving up with a `Timeout` error. Default: COMMTIMEOUT of the configuration.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> ProxyBuilder {
        self.timeout = Some(timeout);
        self
    }

    /// The proxy. It connects when it is used.
    ///
    /// # Errors
    /// When the text is no URI, or the configured serializer is not available.
    pub fn build<U>(self, uri: U) -> Result<Proxy>
    where
        U: TryInto<Uri>,
        Error: From<U::Error>,
    {
        let uri = uri.try_into()?;
        let config = self.config.unwrap_or_default();
        let settings = Settings {
            serializer: match self.serializer {
                Some(serializer) => serializer,
                None => Serializer::try_from(config.serializer)?,
            },
            dialect: self.dialect,
            hmac_key: self.hmac_key,
            handshake: self.handshake.unwrap_or_else(|| Value::from("hello")),
            timeout: self.timeout.or(config.commtimeout),
            config: Arc::new(config),
        };
        Ok(Proxy {
            settings,
            state: Mutex::new(State {
                uri,
                link: None,
                seq: 0,
            }),
        })
    }
}

/// A call on its way: what is in it, and which names the object must have.
struct Outgoing<'a, A> {
    method: &'a str,
    args: &'a A,
    kwargs: Option<&'a Dict>,
    oneway: bool,
    check: Check<'a>,
}

enum Check<'a> {
    Method,
    Attribute(&'a str),
}

impl Link {
    fn perform<R: DeserializeOwned, A: Arguments>(&mut self, request: &Outgoing<'_, A>) -> Result<R> {
        self.check(request)?;
        let oneway = request.oneway || self.is_oneway(request.method);
        let flags = if oneway { Flags::ONEWAY } else { Flags::NONE };
        let message = Request {
            object: &self.object,
            method: request.method,
            args: request.args,
            kwargs: request.kwargs,
            flags,
        };
        self.out.clear();
        self.session.invoke(&message, &mut self.out)?;
        self.send()?;
        if oneway {
            return R::deserialize(Value::None).map_err(|error| {
                Error::from(error).with(
                    "reason",
                    format_args!("{} is oneway and gives no result", request.method),
                )
            });
        }
        self.receive(|session, message| session.result(message))
    }

    /// Waits for the next message and hands it on.
    fn receive<T>(&mut self, read: impl FnOnce(&mut ClientSession, &Message<'_>) -> Result<T>) -> Result<T> {
        loop {
            if let Some((length, message)) = self.session.deframer().next(self.inbox.bytes())? {
                let result = read(&mut self.session, &message);
                self.inbox.consume(length);
                return result;
            }
            let wanted = self.session.deframer().wanted();
            match self.inbox.fill(&self.stream, wanted) {
                Ok(0) => return Err(Error::new(ErrorKind::ConnectionClosed, "receiving: not enough data")),
                Ok(_) => {}
                Err(error) if is_timeout(&error) => return Err(Error::new(ErrorKind::Timeout, "receiving: timeout")),
                Err(error) => {
                    let text = format!("receiving: connection lost: {error}");
                    return Err(Error::new(ErrorKind::ConnectionClosed, text).caused_by(error));
                }
            }
        }
    }

    fn check<A>(&self, request: &Outgoing<'_, A>) -> Result<()> {
        let Some(metadata) = &self.metadata else { return Ok(()) };
        let (known, name) = match request.check {
            Check::Method => (contains(&metadata.methods, request.method), request.method),
            Check::Attribute(name) => (contains(&metadata.attributes, name), name),
        };
        if known {
            return Ok(());
        }
        let text = format!(
            "remote object '{}' has no exposed attribute or method '{name}'",
            self.uri
        );
        Err(Error::new(ErrorKind::Attribute, text))
    }

    fn is_oneway(&self, method: &str) -> bool {
        self.metadata
            .as_ref()
            .is_some_and(|metadata| contains(&metadata.oneway, method))
    }

    fn send(&mut self) -> Result<()> {
        self.stream.write_all(&self.out).map_err(|error| {
            if is_timeout(&error) {
                return Error::new(ErrorKind::Timeout, "sending: timeout");
            }
            Error::new(
                ErrorKind::ConnectionClosed,
                format!("sending: connection lost: {error}"),
            )
            .caused_by(error)
        })
    }
}

/// The names are sorted when they arrive.
fn contains(names: &[String], name: &str) -> bool {
    names.binary_search_by(|known| known.as_str().cmp(name)).is_ok()
}

impl Settings {
    /// Connects to the object: resolves its URI, finds out the dialect, passes the handshake.
    fn connect(&self, uri: &Uri, seq: u16) -> Result<Link> {
        let uri = match uri.protocol() {
            Protocol::Pyro => uri.clone(),
            _ => naming::resolve_with(uri, &self.ns_settings())?,
        };
        let Some(location) = uri.location() else {
            return Err(Error::new(ErrorKind::Pyro, "invalid uri"));
        };
        let mut link = self.connect_in_any_dialect(&uri, location, seq)?;
        if link.metadata.is_none() && self.config.metadata {
            link.metadata = Some(link.fetch_metadata()?);
        }
        link.sort_metadata();
        if link.metadata.as_ref().is_some_and(Metadata::is_empty) {
            let text = format!(
                "remote object '{uri}' doesn't expose any methods or attributes. Did you forget setting @expose on them?"
            );
            return Err(Error::new(ErrorKind::Pyro, text));
        }
        tracing::debug!(target: logger::CLIENT, "connected to {uri}, {}", link.session.dialect());
        Ok(link)
    }

    /// Tries one dialect after the other until the server agrees, and remembers which one that was.
    fn connect_in_any_dialect(&self, uri: &Uri, location: &Location, seq: u16) -> Result<Link> {
        let mut candidates = self.candidates(location);
        let mut first_error = None;
        while let Some(dialect) = candidates.pop() {
            let error = match self.connect_in(dialect, uri, location, seq) {
                Ok(link) => {
                    known_dialects()
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .insert(location.clone(), dialect);
                    return Ok(link);
                }
                Err(Attempt::Final(error)) => return Err(error),
                Err(Attempt::Stranger(error)) => error,
            };
            first_error.get_or_insert(error);
        }
        Err(first_error.unwrap_or_else(|| Error::new(ErrorKind::Protocol, "no dialect to speak")))
    }

    /// The dialects to try, the first one last. A key is only known to Pyro4.
    fn candidates(&self, location: &Location) -> Vec<Dialect> {
        let known = known_dialects()
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(location)
            .copied();
        match (self.dialect, &self.hmac_key, known) {
            (Some(dialect), _, _) => vec![dialect],
            (None, Some(_), _) => vec![Dialect::V48],
            (None, None, Some(Dialect::V48)) => vec![Dialect::V502, Dialect::V48],
            (None, None, _) => vec![Dialect::V48, Dialect::V502],
        }
    }

    fn connect_in(
        &self,
        dialect: Dialect,
        uri: &Uri,
        location: &Location,
        seq: u16,
    ) -> std::result::Result<Link, Attempt> {
        let stream = Stream::connect(location, &self.config, self.timeout).map_err(Attempt::Final)?;
        stream
            .set_read_timeout(self.timeout)
            .map_err(|error| cannot_connect(location, &error.to_string()))?;
        stream
            .set_write_timeout(self.timeout)
            .map_err(|error| cannot_connect(location, &error.to_string()))?;
        let codec = Codec {
            serializer: self.serializer,
            dialect,
            bytes_repr: self.config.serpent_bytes_repr,
        };
        let frames = FrameSettings {
            hmac_key: self.hmac_key.clone().filter(|_| !dialect.is_pyro5()),
            max_message_size: self.config.max_message_size.map(|size| size as u64),
            compression: self.config.compression,
        };
        let mut link = Link {
            stream,
            session: ClientSession::new(codec, frames, seq),
            inbox: Inbox::default(),
            out: Vec::new(),
            uri: uri.clone(),
            object: uri.object().into_owned(),
            metadata: None,
            answer: Value::None,
        };
        link.shake_hands(&self.handshake, self.config.metadata)
            .map_err(|error| attempt(error, location))?;
        Ok(link)
    }

    /// How the name server is reached when the URI needs one.
    fn ns_settings(&self) -> naming::Settings {
        naming::Settings {
            config: Config::clone(&self.config),
            hmac_key: self.hmac_key.clone(),
        }
    }
}

/// Why a connection did not come about.
enum Attempt {
    /// Another dialect would not help.
    Final(Error),
    /// The other side may speak another dialect.
    Stranger(Error),
}

impl From<Error> for Attempt {
    fn from(error: Error) -> Attempt {
        Attempt::Final(error)
    }
}

/// Judges an error of the handshake, and words it as Pyro does.
fn attempt(error: Error, location: &Location) -> Attempt {
    if let Some(version) = foreign_version(&error) {
        return match Dialect::from_version(version) {
            Some(Dialect::V48 | Dialect::V502) => Attempt::Stranger(error),
            _ => Attempt::Final(error.with("the server speaks protocol version", version)),
        };
    }
    match error.kind() {
        // A server that does not understand the first bytes may close before its answer has got through.
        ErrorKind::ConnectionClosed => Attempt::Stranger(cannot_connect(location, &error.to_string())),
        // From the session: the text of a refusal.
        ErrorKind::Communication => {
            let place = place(location);
            Attempt::Final(Error::new(
                ErrorKind::Communication,
                format!("connection to {place} rejected: {error}"),
            ))
        }
        ErrorKind::Security => Attempt::Final(cannot_connect(location, &error.to_string())),
        _ => Attempt::Final(error),
    }
}

fn foreign_version(error: &Error) -> Option<u16> {
    let frame = std::error::Error::source(error)?.downcast_ref::<ferropyro_wire::FrameError>()?;
    match frame.kind() {
        FrameErrorKind::BadVersion(version) => Some(*version),
        _ => None,
    }
}

fn cannot_connect(location: &Location, reason: &str) -> Error {
    Error::new(
        ErrorKind::Communication,
        format!("cannot connect to {}: {reason}", place(location)),
    )
}

/// A location as Python's error texts have it.
fn place(location: &Location) -> String {
    match location {
        Location::Tcp { host, port } => format!("('{host}', {port})"),
        Location::Unix(path) => path.clone(),
    }
}

/// Which dialect was spoken where, so that the next connection begins with the right one.
fn known_dialects() -> &'static Mutex<HashMap<Location, Dialect>> {
    static KNOWN: OnceLock<Mutex<HashMap<Location, Dialect>>> = OnceLock::new();
    KNOWN.get_or_init(Mutex::default)
}

impl Link {
    fn shake_hands(&mut self, handshake: &Value, metadata: bool) -> Result<()> {
        self.session.connect(&self.object, handshake, metadata, &mut self.out)?;
        self.send()?;
        (self.answer, self.metadata) = self.receive(|session, message| session.connected(message))?;
        Ok(())
    }

    /// Asks the daemon for what the handshake did not bring.
    fn fetch_metadata(&mut self) -> Result<Metadata> {
        // Pyro sends a list of arguments here.
        let object = self.object.clone();
        let args = [object.as_str()];
        let request = Request {
            object: DAEMON_ID,
            method: "get_metadata",
            args: &args,
            kwargs: Some(&Dict::new()),
            flags: Flags::NONE,
        };
        self.out.clear();
        self.session.invoke(&request, &mut self.out)?;
        self.send()?;
        self.receive(|session, message| session.result(message))
    }

    fn sort_metadata(&mut self) {
        if let Some(metadata) = &mut self.metadata {
            metadata.methods.sort_unstable();
            metadata.oneway.sort_unstable();
            metadata.attributes.sort_unstable();
        }
    }
}
