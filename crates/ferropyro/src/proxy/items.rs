//! The client's end of a stream of items, which a method that gives back an iterator makes.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use ferropyro_formats::Value;
use ferropyro_wire::Flags;

use super::conversation::daemon_call;
use super::reply::{FromReply, Owned, Payload};
use super::shared::Shared;
use crate::aio;
use crate::arguments::ListOf;
use crate::error::RemoteError;
use crate::{Error, ErrorKind, Result};

/// The items of an iterator that lives in the server: what a method gives back that is a generator or iterator in Python, or gives back an
/// iterator in Rust.
///
/// Each item is asked for when it is wanted, so neither end ever holds more than one: one round trip an item, over the connection of the proxy
/// that made the call. Other calls of the proxy may be made in between.
///
/// ```
/// use ferropyro::{Daemon, ItemStream, Items, Proxy, expose};
///
/// struct Counter;
///
/// #[expose]
/// impl Counter {
///     pub fn count(&self) -> ItemStream {
///         ItemStream::new(1..=3)
///     }
/// }
///
/// let daemon = Daemon::new()?;
/// let uri = daemon.register("counter", Counter)?;
/// let _running = daemon.start();
///
/// let counter = Proxy::new(uri)?;
/// let mut sum = 0;
/// for number in counter.call::<Items<i64>>("count", ())? {
///     sum += number?;
/// }
/// assert_eq!(sum, 6);
/// # Ok::<(), ferropyro::Error>(())
/// ```
///
/// An exception that the iterator raises is an `Err` and the end. An error of the connection, a time-out among them, is an `Err` as well, but `next` may be
/// called again: the proxy connects anew, and the server keeps the stream of a lost connection for a while (ITER_STREAM_LINGER, 30 seconds).
/// So a loop that passes over errors must have an end of its own. The item that was on its way is lost. As long as the server is still at
/// work on it, it answers `ValueError: generator already executing`, which is not the end either: `next` may be called again. (A server in Python
/// drops the iterator when it has to answer that, and the next error says so.)
///
/// The server is told to drop the iterator when `Items` is dropped before its end.
pub struct Items<T> {
    stream: RemoteItems,
    return_value: Value,
    items: PhantomData<fn() -> T>,
}

impl<T> Items<T> {
    /// Tells the server to drop the iterator; so does dropping this. Nobody waits for an answer, nor for a call of the proxy that is on its way: the
    /// server is told after that. Nothing is sent when the proxy is not connected, since the server drops the streams of a connection by itself
    /// when that has been gone for a while.
    pub fn close(self) {}

    /// What a generator of Python gave back when it was at its end; None before.
    pub fn return_value(&self) -> &Value {
        &self.return_value
    }

    /// The end, or an error, in place of an item.
    fn end(&mut self, end: End) -> Option<Result<T>> {
        let error = match end {
            End::Lost(error) => return Some(Err(error)),
            End::Raised(error) => Some(Err(error)),
            End::Regular(value) => {
                self.return_value = value;
                None
            }
        };
        self.stream.is_over = true;
        error
    }
}

impl<T: FromReply> Iterator for Items<T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Result<T>> {
        if self.stream.is_over {
            return None;
        }
        match self.stream.next_item() {
            Ok(item) => Some(Ok(item)),
            Err(error) => self.end(End::of(error)),
        }
    }
}

impl<T> FromReply for Items<T> {
    type Aio = aio::Items<T>;

    fn from_payload(_payload: Payload<'_>) -> Result<Items<T>> {
        Err(no_iterator())
    }

    fn from_oneway() -> Result<Items<T>> {
        Err(no_items())
    }

    fn from_stream(stream: RemoteStream) -> Result<Items<T>> {
        match stream.0 {
            Source::Proxy(stream) => Ok(Items {
                stream,
                return_value: Value::None,
                items: PhantomData,
            }),
            Source::Aio(_) => Err(Error::new(
                ErrorKind::Type,
                "an aio::Proxy gives items that are awaited: take them as `aio::Items<...>`",
            )),
        }
    }
}

/// The result of a call that items were asked of is something else.
pub(crate) fn no_iterator() -> Error {
    let text = "the result of the call is no iterator: take it as the type that it is, not as `Items<...>`";
    Error::new(ErrorKind::Type, text)
}

pub(crate) fn no_items() -> Error {
    Error::new(ErrorKind::Type, "a oneway call gives no items")
}

impl<T> fmt::Debug for Items<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(f, &self.stream.id, self.stream.is_over)
    }
}

pub(crate) fn show(f: &mut fmt::Formatter<'_>, id: &str, is_over: bool) -> fmt::Result {
    let over = if is_over { ", over" } else { "" };
    write!(f, "Items({id}{over})")
}

/// What there is in place of an item.
pub(crate) enum End {
    /// The iterator has ended, and a generator gave this back.
    Regular(Value),
    /// An exception of the iterator, after which nothing comes any more.
    Raised(Error),
    /// The item is lost, but the next one can be asked for.
    Lost(Error),
}

impl End {
    /// What an error in place of an item means.
    pub(crate) fn of(error: Error) -> End {
        match error.as_remote() {
            Some(remote) if remote.class() == "builtins.StopIteration" => {
                End::Regular(remote.args().first().cloned().unwrap_or_default())
            }
            Some(remote) if !is_busy(remote) => End::Raised(error),
            _ => End::Lost(error),
        }
    }
}

/// Whether the server still makes the item that was asked for before the connection was lost.
fn is_busy(exception: &RemoteError) -> bool {
    let text = exception.args().first().and_then(Value::as_str);
    exception.class_name() == "ValueError" && text == Some("generator already executing")
}

/// An iterator in the server, and the way to it.
#[doc(hidden)]
#[derive(Debug)]
pub struct RemoteStream(pub(crate) Source);

/// What sort of proxy it came from.
#[derive(Debug)]
pub(crate) enum Source {
    Proxy(RemoteItems),
    Aio(aio::RemoteItems),
}

/// An iterator in the server, for a blocking proxy. Dropping this closes it there, unless it is over.
pub(crate) struct RemoteItems {
    shared: Arc<Shared>,
    id: String,
    is_over: bool,
}

impl RemoteItems {
    pub(super) fn new(shared: Arc<Shared>, id: String) -> RemoteItems {
        RemoteItems {
            shared,
            id,
            is_over: false,
        }
    }

    /// Never repeated: the server might have gone on to the next item already.
    fn next_item<T: FromReply>(&self) -> Result<T> {
        let args = ListOf([self.id.as_str()]);
        self.shared.call(
            &daemon_call("get_next_stream_item", args, Flags::NONE),
            0,
            Owned::default(),
        )
    }
}

impl Drop for RemoteItems {
    fn drop(&mut self) {
        if !self.is_over {
            self.shared.close_stream(std::mem::take(&mut self.id));
        }
    }
}

impl fmt::Debug for RemoteItems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(f, &self.id, self.is_over)
    }
}
