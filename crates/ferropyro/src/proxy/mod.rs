//! The client's end: a [`Proxy`] stands for an object in another program.

mod alive;
mod any_reply;
pub(crate) mod batch;
mod builder;
pub(crate) mod closing;
mod connect;
pub(crate) mod connected;
pub(crate) mod conversation;
pub(crate) mod dialects;
pub(crate) mod failure;
pub(crate) mod hooks;
pub(crate) mod items;
mod link;
mod raw_reply;
pub(crate) mod reply;
pub(crate) mod settings;
mod shared;

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, LazyLock};
use std::thread;
use std::time::Duration;

use ferropyro_formats::{Dict, Value};
use ferropyro_wire::{Dialect, Flags};
use serde::Serialize;

pub use any_reply::AnyReply;
pub use batch::{Batch, BatchResults};
pub use builder::ProxyBuilder;
use conversation::{Check, Outgoing, daemon_call, without_description};
pub use items::Items;
pub use raw_reply::{RawReply, RawValue};
pub use reply::{FromReply, RemoteResult};
use reply::{InPlace, Owned};
use settings::{Settings, Target, limit};
use shared::Shared;

use crate::arguments::Arguments;
use crate::classes::proxy::ProxyState;
use crate::context::Luggage;
use crate::description::Description;
use crate::session::metadata::Metadata;
use crate::uri::Protocol;
use crate::{Error, ErrorKind, Result, Uri};

/// Stands for an object in another program: its methods are called through it.
///
/// A proxy connects at its first call and keeps the connection until it is dropped or [released](Proxy::release); then it connects again
/// at its next call. It finds out by itself whether the other side is Pyro4 or Pyro5. Threads may share it: calls wait for each other, since Pyro's protocol has one call at a time on a connection.
///
/// A clone is another proxy for the same object with the same settings, which makes a connection of its own.
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
    shared: Arc<Shared>,
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
    pub fn call<R: FromReply>(&self, method: &str, args: impl Arguments) -> Result<R> {
        self.call_with(method, args, no_kwargs())
    }

    /// As [`Proxy::call`], with keyword arguments.
    ///
    /// # Errors
    /// As for [`Proxy::call`].
    pub fn call_with<R: FromReply>(&self, method: &str, args: impl Arguments, kwargs: &Dict) -> Result<R> {
        let call = Outgoing {
            object: None,
            method,
            args,
            kwargs: Some(kwargs),
            flags: Flags::NONE,
            check: Check::Method,
        };
        self.retrying(&call)
    }

    /// Calls a method whose result is bytes, and shows them to `look` where they have arrived: nobody copies them. For results of many bytes that
    /// are written to a file, hashed, or decoded. Serpent has bytes as text, which is decoded first; in marshal and msgpack they stand as they are.
    ///
    /// The connection is in use until `look` is done, so `look` must not make calls through this proxy: they would wait for ever.
    ///
    /// ```no_run
    /// # use std::{fs, io::Write};
    /// # let proxy = ferropyro::Proxy::new("PYRONAME:camera")?;
    /// let mut file = fs::File::create("image.raw").expect("the folder can be written");
    /// proxy.call_bytes("exposure", (0.5,), |bytes| file.write_all(bytes))?.expect("there is room");
    /// # Ok::<(), ferropyro::Error>(())
    /// ```
    ///
    /// # Errors
    /// As for [`Proxy::call`]; `Serialize` for a result that is not bytes.
    pub fn call_bytes<T>(&self, method: &str, args: impl Arguments, look: impl FnOnce(&[u8]) -> T) -> Result<T> {
        let call = Outgoing {
            object: None,
            method,
            args,
            kwargs: Some(no_kwargs()),
            flags: Flags::NONE,
            check: Check::Method,
        };
        self.shared
            .call(&call, self.shared.settings.max_retries, InPlace::new(look))
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
        let call = Outgoing {
            object: None,
            method,
            args,
            kwargs: Some(kwargs),
            flags: Flags::ONEWAY,
            check: Check::Method,
        };
        self.shared.call(&call, 0, Owned::default())
    }

    /// Reads an attribute of the object.
    ///
    /// # Errors
    /// As for [`Proxy::call`].
    pub fn get<R: FromReply>(&self, attribute: &str) -> Result<R> {
        let call = Outgoing {
            object: None,
            method: "__getattr__",
            args: (attribute,),
            kwargs: None,
            flags: Flags::NONE,
            check: Check::Attribute(attribute),
        };
        self.retrying(&call)
    }

    /// Sets an attribute of the object.
    ///
    /// # Errors
    /// As for [`Proxy::call`].
    pub fn set<T: Serialize>(&self, attribute: &str, value: T) -> Result<()> {
        let call = Outgoing {
            object: None,
            method: "__setattr__",
            args: (attribute, value),
            kwargs: None,
            flags: Flags::NONE,
            check: Check::Attribute(attribute),
        };
        self.retrying::<serde::de::IgnoredAny, _>(&call).map(drop)
    }

    /// As [`Proxy::set`], for bindings to other languages: `args`, the name and the value, are written by the binding itself if it does that, and what comes back is read as it wants.
    ///
    /// # Errors
    /// As for [`Proxy::call`].
    pub fn set_foreign<R: FromReply>(&self, attribute: &str, args: impl Arguments) -> Result<R> {
        let call = Outgoing {
            object: None,
            method: "__setattr__",
            args,
            kwargs: None,
            flags: Flags::NONE,
            check: Check::Attribute(attribute),
        };
        self.retrying(&call)
    }

    /// A [batch](Proxy::batch) for bindings to other languages: `calls`, the list of (method, arguments, keyword arguments), are written by the binding itself, and the list of results is
    /// read as it wants. With `oneway` nobody waits for it.
    ///
    /// # Errors
    /// As for [`Batch::run`].
    pub fn batch_foreign<R: FromReply>(&self, calls: impl Arguments, oneway: bool) -> Result<R> {
        let call = Outgoing {
            object: None,
            method: "<batch>",
            args: calls,
            kwargs: None,
            flags: if oneway {
                Flags::BATCH | Flags::ONEWAY
            } else {
                Flags::BATCH
            },
            check: Check::Nothing,
        };
        self.shared.call(&call, 0, Owned::default())
    }

    /// A proxy for another object of the same daemon, with the settings of this one, its key among them. It makes a connection of its own.
    ///
    /// # Errors
    /// `Pyro` when the URI of this proxy does not say where the daemon is, as a name does before [`Proxy::bind`], and when the id cannot be part of a URI.
    pub fn beside(&self, object: &str) -> Result<Proxy> {
        let Target { uri, timeout, .. } = self.shared.target().clone();
        let location = match uri.location() {
            Some(location) if uri.protocol() == Protocol::Pyro => location.clone(),
            _ => {
                let text = "where the daemon of this name is has to be found out first: bind the proxy";
                return Err(Error::new(ErrorKind::Pyro, text).with("uri", uri));
            }
        };
        let target = Target {
            uri: Uri::pyro(object, location)?,
            timeout,
            metadata: Arc::default(),
        };
        Ok(Proxy::from(Shared::new(self.shared.settings.clone(), target)))
    }

    /// The URI: the one that was given, or after [`Proxy::bind`] the concrete one.
    pub fn uri(&self) -> Uri {
        self.shared.target().uri.clone()
    }

    /// What the object exposes; connects if need be. Empty when the configuration has METADATA off.
    ///
    /// # Errors
    /// Those of connecting.
    pub fn metadata(&self) -> Result<Metadata> {
        self.shared
            .with_link(|link| link.conversation.metadata.as_deref().cloned().unwrap_or_default())
    }

    /// What the daemon tells of the object: what its methods take and give, and what it says about itself; connects if need be. `None` where the daemon is not one that
    /// tells, as those of Python's Pyro.
    ///
    /// ```
    /// use ferropyro::{Daemon, Proxy, expose};
    ///
    /// struct Adder;
    ///
    /// #[expose]
    /// impl Adder {
    ///     /// The sum of two numbers.
    ///     pub fn add(&self, a: i64, #[default(1)] b: i64) -> i64 {
    ///         a + b
    ///     }
    /// }
    ///
    /// let daemon = Daemon::new()?;
    /// let uri = daemon.register("adder", Adder)?;
    /// let _running = daemon.start();
    ///
    /// let told = Proxy::new(uri)?.describe()?.expect("it is no daemon of Python's");
    /// let add = told.method("add").expect("it is exposed");
    /// assert_eq!(add.to_string(), "add(a: int, b: int = 1) -> int");
    /// assert_eq!(add.doc.as_deref(), Some("The sum of two numbers."));
    /// # Ok::<(), ferropyro::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of connecting and of a call; `Daemon` when the object is gone.
    pub fn describe(&self) -> Result<Option<Description>> {
        let object = self.shared.with_link(|link| link.conversation.object.clone())?;
        let call = daemon_call("describe", (object.as_str(),), Flags::NONE);
        without_description(self.retrying(&call))
    }

    /// The protocol that the other side speaks; connects if need be.
    ///
    /// # Errors
    /// Those of connecting.
    pub fn dialect(&self) -> Result<Dialect> {
        self.shared.with_link(|link| link.conversation.session.dialect())
    }

    /// The id of the object at the other end, which for a name is known when it is connected; connects if need be.
    ///
    /// # Errors
    /// Those of connecting.
    pub fn object_id(&self) -> Result<String> {
        self.shared.with_link(|link| link.conversation.object.clone())
    }

    /// What the server's handshake answered; connects if need be.
    ///
    /// # Errors
    /// Those of connecting.
    pub fn handshake_answer(&self) -> Result<Value> {
        self.shared.with_link(|link| link.conversation.answer.clone())
    }

    /// Connects now, and replaces a PYRONAME or PYROMETA URI by the concrete one for good: later connections skip the name server.
    ///
    /// # Errors
    /// Those of connecting.
    pub fn bind(&self) -> Result<()> {
        let target = self.shared.target().clone();
        if target.uri.protocol() != Protocol::Pyro {
            let uri = Luggage::lend(|_| self.shared.settings.resolve(&target))?;
            self.shared.state().disconnect();
            self.shared.target().uri = uri;
        }
        self.shared.with_link(|_| ())
    }

    /// How long the other side may be silent before a call gives up; `None` is for ever.
    pub fn timeout(&self) -> Option<Duration> {
        self.shared.target().timeout
    }

    /// Sets how long the other side may be silent before a call gives up with a `Timeout` error and closes the connection (Pyro's
    /// `_pyroTimeout`); `None` and zero are for ever. As in Pyro it is the silence that counts and not the whole call: a long answer may take longer
    /// as long as it keeps coming in. A call that is on its way is waited for.
    pub fn set_timeout(&self, timeout: Option<Duration>) {
        let timeout = limit(timeout);
        self.shared.target().timeout = timeout;
        if self.shared.is_within() {
            // It holds from the next connection on.
            return;
        }
        let mut state = self.shared.state();
        if state.link().is_some_and(|link| link.set_timeout(timeout).is_err()) {
            state.disconnect();
        }
    }

    /// Collects calls that are sent in one message. It begins empty.
    pub fn batch(&self) -> Batch<'_> {
        Batch::new(self)
    }

    /// Closes the connection, if there is one, and tries to make a new one so many times (Pyro's `_pyroReconnect`), with pauses of two seconds
    /// at the most in between. The name server is asked each time for a URI that it has to resolve.
    ///
    /// # Errors
    /// `ConnectionClosed`: `failed to reconnect`, with the reason. Errors that trying again would not change come at once.
    pub fn reconnect(&self, tries: u32) -> Result<()> {
        self.release();
        let mut last = None;
        let mut pause = FIRST_PAUSE;
        for attempt in 0..tries {
            if attempt > 0 {
                thread::sleep(pause);
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            match self.shared.with_link(|_| ()) {
                Err(error) if failure::is_worth_another_try(&error) => last = Some(error),
                other => return other,
            }
        }
        Err(failure::failed_to_reconnect(last))
    }

    /// Closes the connection, which frees the server's thread. The next call connects again. Harmless when there is none. As everything that
    /// looks at the connection it waits for a call that is on its way.
    pub fn release(&self) {
        // Within a call of its own the connection is in use.
        if !self.shared.is_within() {
            self.shared.state().disconnect();
        }
    }

    /// Whether there is a connection now. While a call is on its way there is one, or it is being made: nobody waits for it here.
    pub fn is_connected(&self) -> bool {
        self.shared.try_state().is_none_or(|state| state.is_connected())
    }

    /// The same proxy, of whose object this is known already.
    pub(crate) fn knowing(self, metadata: Metadata) -> Proxy {
        self.shared.target().metadata = Arc::new(metadata);
        self
    }

    /// The proxy as data. A call that is on its way is not waited for: it may be about this very proxy.
    pub(crate) fn read_state<T>(&self, read: impl FnOnce(ProxyState<'_>) -> T) -> T {
        let Target { uri, metadata, .. } = self.shared.target().clone();
        read(self.shared.settings.as_state(Cow::Owned(uri), &metadata))
    }

    /// What another proxy for the same object is made of.
    pub(crate) fn parts(&self) -> (Settings, Target) {
        (self.shared.settings.clone(), self.shared.target().clone())
    }

    fn retrying<R: FromReply, A: Arguments>(&self, call: &Outgoing<'_, A>) -> Result<R> {
        self.shared
            .call(call, self.shared.settings.max_retries, Owned::default())
    }
}

impl From<Arc<Shared>> for Proxy {
    fn from(shared: Arc<Shared>) -> Proxy {
        Proxy { shared }
    }
}

/// Another proxy for the same object with the same settings; it makes a connection of its own. Does not wait for a call that is on its way.
impl Clone for Proxy {
    fn clone(&self) -> Proxy {
        Proxy::from(self.shared.another())
    }
}

/// Pauses of [`Proxy::reconnect`]: short at first, since a server is often back at once; Pyro's own in the end.
pub(crate) const FIRST_PAUSE: Duration = Duration::from_millis(100);
pub(crate) const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// An empty dict that no call has to make for itself.
pub(crate) fn no_kwargs() -> &'static Dict {
    static NONE: LazyLock<Dict> = LazyLock::new(Dict::new);
    &NONE
}

/// Shows the URI and whether it is connected; does not wait for a call that is on its way.
impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let connected = match self.shared.try_state() {
            Some(state) if state.is_connected() => "connected",
            Some(_) => "not connected",
            None => "in a call",
        };
        write!(f, "Proxy({}, {connected})", self.uri())
    }
}
