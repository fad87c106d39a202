//! The client's end: a [`Proxy`] stands for an object in another program.

mod builder;
mod connect;
mod link;

use std::fmt;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError, TryLockError};

use ferropyro_formats::{Dict, Value};
use ferropyro_wire::Dialect;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use builder::ProxyBuilder;
use connect::Settings;
use link::{Check, Link, Outgoing};

use crate::arguments::Arguments;
use crate::session::metadata::Metadata;
use crate::uri::Protocol;
use crate::{Error, ErrorKind, Result, Uri, naming};

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

struct State {
    uri: Uri,
    link: Option<Link>,
    /// The last sequence number; a new connection goes on counting.
    seq: u16,
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
        self.call_with(method, args, no_kwargs())
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
        self.call_oneway_with(method, args, no_kwargs())
    }

    /// As [`Proxy::call_oneway`], with keyword arguments.
    ///
    /// # Errors
    /// As for [`Proxy::call_oneway`].
    pub fn call_oneway_with(&self, method: &str, args: impl Arguments, kwargs: &Dict) -> Result<()> {
        let request = Outgoing {
            method,
            args: &args,
            kwargs: Some(kwargs),
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

    /// Closes the connection, which frees the server's thread. The next call connects again. Harmless when there is none. As everything that
    /// looks at the connection it waits for a call that is on its way.
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
        if result.as_ref().is_err_and(ends_connection) {
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

/// An empty dict that no call has to make for itself.
fn no_kwargs() -> &'static Dict {
    static NONE: LazyLock<Dict> = LazyLock::new(Dict::new);
    &NONE
}

/// Whether nobody can know any more where the connection stands. Also when the other side raised the error: it has closed the connection then.
fn ends_connection(error: &Error) -> bool {
    (error.is_a(ErrorKind::Communication) || error.is_a(ErrorKind::Security)) && !is_about_data(error)
}

/// Arguments that were not sent, because they cannot be, and results that have arrived but are of another type: the connection is as it was, and so
/// is the instance that the server keeps for it.
fn is_about_data(error: &Error) -> bool {
    let source = std::error::Error::source(error);
    source.is_some_and(|source| source.is::<ferropyro_formats::Error>() || source.is::<ferropyro_wire::EncodeError>())
}

fn is_transient(error: &Error) -> bool {
    error.as_remote().is_none() && matches!(error.kind(), ErrorKind::ConnectionClosed | ErrorKind::Timeout)
}

/// Shows the URI and whether it is connected; does not wait for a call that is on its way.
impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state.try_lock() {
            Ok(state) => state,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return f.write_str("Proxy(in a call)"),
        };
        let connected = if state.link.is_some() {
            "connected"
        } else {
            "not connected"
        };
        write!(f, "Proxy({}, {connected})", state.uri)
    }
}
