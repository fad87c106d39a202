//! Streams of items that are awaited.

use std::fmt;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use ferropyro_formats::Value;
use ferropyro_wire::{Flags, OwnedAnnotations};
use futures_core::Stream;
use tokio::task::JoinHandle;

use super::shared::{Shared, require_runtime};
use crate::arguments::ListOf;
use crate::context::{self, Luggage};
use crate::proxy::conversation::daemon_call;
use crate::proxy::items::{End, RemoteStream, Source, no_items, no_iterator, show};
use crate::proxy::reply::{Owned, Payload};
use crate::{Error, ErrorKind, FromReply, Result};

/// The items of an iterator that lives in the server: what a method gives back that is a generator or iterator in Python, or gives back an
/// iterator in Rust. As [`ferropyro::Items`](crate::Items), which tells more, but awaited: with [`next`](Items::next), or as a [`Stream`].
///
/// ```
/// use ferropyro::{Daemon, ItemStream, aio, expose};
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
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
/// # runtime.block_on(async {
/// let daemon = Daemon::new()?;
/// let uri = daemon.register("counter", Counter)?;
/// let running = daemon.start();
///
/// let counter = aio::Proxy::new(uri)?;
/// let mut sum = 0;
/// let mut numbers: aio::Items<i64> = counter.call("count", ()).await?;
/// while let Some(number) = numbers.next().await {
///     sum += number?;
/// }
/// assert_eq!(sum, 6);
/// # Ok::<(), ferropyro::Error>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// An item that has been asked for is on its way whether somebody waits for it or not. So an item is not lost when the future of `next` is dropped, as
/// `select!` does: the next one gives it. Other calls of the proxy wait until it has arrived. Dropping `Items` while an item is on its way closes the
/// connection; else the server is told, over the connection, that nobody wants the iterator any more.
pub struct Items<T> {
    remote: RemoteItems,
    return_value: Value,
    /// The item that is on its way, with the annotations that came along.
    coming: Option<JoinHandle<(Result<T>, OwnedAnnotations)>>,
    items: PhantomData<fn() -> T>,
}

/// The items are not part of it, so it can be moved while one is on its way.
impl<T> Unpin for Items<T> {}

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
        self.remote.is_over = true;
        error
    }
}

impl<T: FromReply + Send + 'static> Items<T> {
    /// The next item; `None` at the end. May be given up and called again: no item is lost by that.
    pub async fn next(&mut self) -> Option<Result<T>> {
        poll_fn(|cx| self.poll_item(cx)).await
    }

    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        if self.remote.is_over {
            return Poll::Ready(None);
        }
        if self.coming.is_none()
            && let Err(error) = require_runtime()
        {
            return Poll::Ready(Some(Err(error)));
        }
        let coming = self.coming.get_or_insert_with(|| self.remote.ask());
        let joined = ready!(Pin::new(coming).poll(cx));
        self.coming = None;
        context::forget_response();
        let item = match joined {
            Ok((item, annotations)) => {
                context::remember_response(&annotations.borrow());
                item
            }
            Err(failure) if failure.is_panic() => std::panic::resume_unwind(failure.into_panic()),
            Err(_) => Err(Error::new(ErrorKind::ConnectionClosed, "the runtime has ended")),
        };
        Poll::Ready(match item {
            Ok(item) => Some(Ok(item)),
            Err(error) => self.end(End::of(error)),
        })
    }
}

impl<T: FromReply + Send + 'static> Stream for Items<T> {
    type Item = Result<T>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        self.get_mut().poll_item(cx)
    }
}

impl<T> Drop for Items<T> {
    fn drop(&mut self) {
        if let Some(coming) = &self.coming {
            coming.abort();
        }
    }
}

impl<T> FromReply for Items<T> {
    type Aio = Items<T>;

    fn from_payload(_payload: Payload<'_>) -> Result<Items<T>> {
        Err(no_iterator())
    }

    fn from_oneway() -> Result<Items<T>> {
        Err(no_items())
    }

    fn from_stream(stream: RemoteStream) -> Result<Items<T>> {
        match stream.0 {
            Source::Aio(remote) => Ok(Items {
                remote,
                return_value: Value::None,
                coming: None,
                items: PhantomData,
            }),
            Source::Proxy(_) => Err(Error::new(
                ErrorKind::Type,
                "a Proxy gives items that block: take them as `Items<...>`, not as `aio::Items<...>`",
            )),
        }
    }
}

impl<T> fmt::Debug for Items<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.remote.fmt(f)
    }
}

/// An iterator in the server. Dropping this closes it there, unless it is over.
pub(crate) struct RemoteItems {
    shared: Arc<Shared>,
    id: Arc<str>,
    is_over: bool,
}

impl RemoteItems {
    pub(super) fn new(shared: Arc<Shared>, id: String) -> RemoteItems {
        RemoteItems {
            shared,
            id: id.into(),
            is_over: false,
        }
    }

    /// Asks for the next item, in a task of its own: it holds the connection, so it must go on when nobody polls. Never repeated: the server might have
    /// gone on to the next item already.
    fn ask<T: FromReply + Send + 'static>(&self) -> JoinHandle<(Result<T>, OwnedAnnotations)> {
        let (shared, id) = (Arc::clone(&self.shared), Arc::clone(&self.id));
        let luggage = Luggage::take();
        tokio::spawn(async move {
            let mut call = daemon_call("get_next_stream_item", ListOf([&*id]), Flags::NONE);
            let item = shared.call(&mut call, &luggage, 0, Owned::default()).await;
            (item, context::response_annotations())
        })
    }
}

impl Drop for RemoteItems {
    fn drop(&mut self) {
        if !self.is_over {
            self.shared.close_stream(self.id.to_string());
        }
    }
}

impl fmt::Debug for RemoteItems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(f, &self.id, self.is_over)
    }
}
