//! The async client: the same calls as those of [`ferropyro::Proxy`](crate::Proxy), awaited in a tokio runtime.
//!
//! ```
//! use ferropyro::{Daemon, aio, expose};
//!
//! struct Adder;
//!
//! #[expose]
//! impl Adder {
//!     pub fn add(&self, a: i64, b: i64) -> i64 {
//!         a + b
//!     }
//! }
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
//! # runtime.block_on(async {
//! let daemon = Daemon::new()?;
//! let uri = daemon.register("adder", Adder)?;
//! let running = daemon.start();
//!
//! let adder = aio::Proxy::new(uri)?;
//! let sum: i64 = adder.call("add", (1, 2)).await?;
//! assert_eq!(sum, 3);
//! # Ok::<(), ferropyro::Error>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The runtime must have its IO and its time enabled, as those of `#[tokio::main]` and `enable_all` have.

mod any_reply;
mod batch;
mod connect;
#[cfg(unix)]
mod connected;
mod items;
mod link;
mod naming;
mod shared;
mod travel;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ferropyro_formats::{Dict, Value};
use ferropyro_wire::{Dialect, Flags};
use serde::Serialize;

pub use any_reply::{AnyRawReply, AnyReply};
pub use batch::Batch;
pub use items::Items;
pub(crate) use items::RemoteItems;
pub use naming::{locate_ns_with, resolve};
use shared::Shared;

use crate::arguments::Arguments;
use crate::context::Luggage;
use crate::description::Description;
use crate::proxy::conversation::{Check, Outgoing, daemon_call, without_description};
use crate::proxy::reply::{InPlace, Owned};
use crate::proxy::settings::{Settings, Target, limit};
use crate::proxy::{FIRST_PAUSE, LONGEST_PAUSE, failure, no_kwargs};
use crate::session::metadata::Metadata;
use crate::uri::Protocol;
use crate::{Error, FromReply, ProxyBuilder, Result, Uri};

/// Stands for an object in another program: its methods are called through it, and their results awaited.
///
/// A proxy connects at its first call and keeps the connection until it is dropped or [released](Proxy::release); then it connects again
/// at its next call. It finds out by itself whether the other side is Pyro4 or Pyro5. Tasks may share it: calls queue for the connection in the order in
/// which they come, since Pyro's protocol has one call at a time on a connection. A clone is another proxy for the same object with the same settings,
/// which makes a connection of its own: calls of clones run at the same time.
///
/// # Giving calls up
/// Any future of a proxy can be dropped at any time, as `select!` and time limits do. A call that waits in the queue leaves it. One that is being made
/// takes its connection along, since nobody could tell any more what the next bytes on it belong to: the next call makes a new one. Whether the server
/// has executed a call that was given up, nobody knows.
///
/// # What goes along
/// The correlation id and the annotations that were set in the [context](crate::context) go along as with a blocking proxy. They belong to the thread
/// and are taken when the future is polled for the first time, so set them right before the call is awaited, without another `await` in
/// between. [`response_annotations`](crate::context::response_annotations) has those of the answer right after the `await`.
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
        Proxy::builder().build_async(uri)
    }

    /// Settings for a proxy, which [`ProxyBuilder::build_async`] makes.
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
    pub async fn call<R: FromReply>(&self, method: &str, args: impl Arguments) -> Result<R> {
        self.call_with(method, args, no_kwargs()).await
    }

    /// As [`Proxy::call`], with keyword arguments.
    ///
    /// # Errors
    /// As for [`Proxy::call`].
    pub async fn call_with<R: FromReply>(&self, method: &str, args: impl Arguments, kwargs: &Dict) -> Result<R> {
        let call = Outgoing {
            object: None,
            method,
            args,
            kwargs: Some(kwargs),
            flags: Flags::NONE,
            check: Check::Method,
        };
        self.retrying(call).await
    }

    /// Calls a method whose result is bytes, and shows them to `look` where they have arrived: nobody copies them. As
    /// [`Proxy::call_bytes`](crate::Proxy::call_bytes); `look` holds up other futures, as all code between two awaits does.
    ///
    /// # Errors
    /// As for [`Proxy::call`]; `Serialize` for a result that is not bytes.
    pub async fn call_bytes<T>(&self, method: &str, args: impl Arguments, look: impl FnOnce(&[u8]) -> T) -> Result<T> {
        let mut call = Outgoing {
            object: None,
            method,
            args,
            kwargs: Some(no_kwargs()),
            flags: Flags::NONE,
            check: Check::Method,
        };
        let retries = self.shared.settings.max_retries;
        let reading = InPlace::new(look);
        self.shared.call(&mut call, &Luggage::take(), retries, reading).await
    }

    /// Calls a method without waiting for an answer, whether it was declared oneway or not. Nobody hears of its errors but the server.
    ///
    /// # Errors
    /// When the call cannot be sent.
    pub async fn call_oneway(&self, method: &str, args: impl Arguments) -> Result<()> {
        self.call_oneway_with(method, args, no_kwargs()).await
    }

    /// As [`Proxy::call_oneway`], with keyword arguments.
    ///
    /// # Errors
    /// As for [`Proxy::call_oneway`].
    pub async fn call_oneway_with(&self, method: &str, args: impl Arguments, kwargs: &Dict) -> Result<()> {
        let mut call = Outgoing {
            object: None,
            method,
            args,
            kwargs: Some(kwargs),
            flags: Flags::ONEWAY,
            check: Check::Method,
        };
        self.shared.call(&mut call, &Luggage::take(), 0, Owned::default()).await
    }

    /// Reads an attribute of the object.
    ///
    /// # Errors
    /// As for [`Proxy::call`].
    pub async fn get<R: FromReply>(&self, attribute: &str) -> Result<R> {
        let call = Outgoing {
            object: None,
            method: "__getattr__",
            args: (attribute,),
            kwargs: None,
            flags: Flags::NONE,
            check: Check::Attribute(attribute),
        };
        self.retrying(call).await
    }

    /// Sets an attribute of the object.
    ///
    /// # Errors
    /// As for [`Proxy::call`].
    pub async fn set<T: Serialize>(&self, attribute: &str, value: T) -> Result<()> {
        let call = Outgoing {
            object: None,
            method: "__setattr__",
            args: (attribute, value),
            kwargs: None,
            flags: Flags::NONE,
            check: Check::Attribute(attribute),
        };
        self.retrying::<serde::de::IgnoredAny, _>(call).await.map(drop)
    }

    /// The URI: the one that was given, or after [`Proxy::bind`] the concrete one.
    pub fn uri(&self) -> Uri {
        self.shared.target().uri.clone()
    }

    /// What the object exposes; connects if need be. Empty when the configuration has METADATA off.
    ///
    /// # Errors
    /// Those of connecting.
    pub async fn metadata(&self) -> Result<Metadata> {
        self.shared
            .with_link(|link| link.conversation.metadata.as_deref().cloned().unwrap_or_default())
            .await
    }

    /// What the daemon tells of the object, as [`Proxy::describe`](crate::Proxy::describe): `None` where the daemon is not one that tells.
    ///
    /// # Errors
    /// Those of connecting and of a call; `Daemon` when the object is gone.
    pub async fn describe(&self) -> Result<Option<Description>> {
        let object = self.shared.with_link(|link| link.conversation.object.clone()).await?;
        let call = daemon_call("describe", (object.as_str(),), Flags::NONE);
        without_description(self.retrying(call).await)
    }

    /// The protocol that the other side speaks; connects if need be.
    ///
    /// # Errors
    /// Those of connecting.
    pub async fn dialect(&self) -> Result<Dialect> {
        self.shared.with_link(|link| link.conversation.session.dialect()).await
    }

    /// The id of the object at the other end, which for a name is known when it is connected; connects if need be.
    ///
    /// # Errors
    /// Those of connecting.
    pub async fn object_id(&self) -> Result<String> {
        self.shared.with_link(|link| link.conversation.object.clone()).await
    }

    /// What the server's handshake answered; connects if need be.
    ///
    /// # Errors
    /// Those of connecting.
    pub async fn handshake_answer(&self) -> Result<Value> {
        self.shared.with_link(|link| link.conversation.answer.clone()).await
    }

    /// Connects now, and replaces a PYRONAME or PYROMETA URI by the concrete one for good: later connections skip the name server.
    ///
    /// # Errors
    /// Those of connecting.
    pub async fn bind(&self) -> Result<()> {
        let target = self.shared.target().clone();
        if target.uri.protocol() != Protocol::Pyro {
            let uri = Box::pin(connect::resolve(&self.shared.settings, &target)).await?;
            self.shared.state().await.disconnect();
            self.shared.target().uri = uri;
        }
        self.shared.with_link(|_| ()).await
    }

    /// How long the other side may be silent before a call gives up; `None` is for ever.
    pub fn timeout(&self) -> Option<Duration> {
        self.shared.target().timeout
    }

    /// Sets how long the other side may be silent before a call gives up with a `Timeout` error and closes the connection (Pyro's
    /// `_pyroTimeout`); `None` and zero are for ever. As in Pyro it is the silence that counts and not the whole call, nor the time in the queue: a long
    /// answer may take longer as long as it keeps coming in. Calls that are on their way keep the limit that they began with.
    pub fn set_timeout(&self, timeout: Option<Duration>) {
        self.shared.target().timeout = limit(timeout);
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
    pub async fn reconnect(&self, tries: u32) -> Result<()> {
        self.release().await;
        let mut last = None;
        let mut pause = FIRST_PAUSE;
        for attempt in 0..tries {
            if attempt > 0 {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            match self.shared.with_link(|_| ()).await {
                Err(error) if failure::is_worth_another_try(&error) => last = Some(error),
                other => return other,
            }
        }
        Err(failure::failed_to_reconnect(last))
    }

    /// Closes the connection, which frees the server's thread. The next call connects again. Harmless when there is none. As everything that
    /// looks at the connection it waits for the calls that came before.
    pub async fn release(&self) {
        self.shared.state().await.disconnect();
    }

    /// Whether there is a connection, once the calls that came before are done.
    pub async fn is_connected(&self) -> bool {
        self.shared.state().await.is_connected()
    }

    /// Whether there is a connection on which a call could begin at once, as far as this end knows: the other end may have closed it a moment ago. Not one that
    /// is in a call, nor one over which somebody may yet ask for the items of an iterator. Waits for nothing; for pools, in a tokio runtime.
    pub fn is_free(&self) -> bool {
        self.shared.is_free()
    }

    async fn retrying<R: FromReply, A: Arguments>(&self, mut call: Outgoing<'_, A>) -> Result<R> {
        let retries = self.shared.settings.max_retries;
        self.shared
            .call(&mut call, &Luggage::take(), retries, Owned::default())
            .await
    }

    pub(crate) fn from_parts(settings: Settings, target: Target) -> Proxy {
        Proxy::from(Shared::new(settings, target))
    }
}

impl From<Arc<Shared>> for Proxy {
    fn from(shared: Arc<Shared>) -> Proxy {
        Proxy { shared }
    }
}

/// Another proxy for the same object with the same settings; it makes a connection of its own.
impl Clone for Proxy {
    fn clone(&self) -> Proxy {
        Proxy::from(self.shared.another())
    }
}

/// Shows the URI and whether it is connected.
impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let connected = match self.shared.is_connected_now() {
            Some(true) => "connected",
            Some(false) => "not connected",
            None => "in a call",
        };
        write!(f, "aio::Proxy({}, {connected})", self.uri())
    }
}
