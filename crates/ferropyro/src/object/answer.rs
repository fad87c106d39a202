//! What a method may give back: a value that serde can write, or an iterator that the caller pulls item by item.

use ferropyro_formats as formats;
use serde::Serialize;

use crate::daemon::streams::Source;
use crate::error::Raise;
use crate::object::{Call, Reply};

/// What a method may give back. Everything that serde can write is one value; an [`ItemStream`] is handed out item by item.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sent to a caller",
    label = "no result of a remote call",
    note = "a result is anything that implements serde's `Serialize`, an `ItemStream`, or a `Result` of one of these"
)]
pub trait Answer {
    /// Answers the call.
    ///
    /// # Errors
    /// The exception that the caller sees in place of a result that cannot be sent.
    fn answer(self, call: Call<'_>) -> Result<Reply, Raise>;
}

impl<T: Serialize> Answer for T {
    #[inline]
    fn answer(self, call: Call<'_>) -> Result<Reply, Raise> {
        call.reply(&self)
    }
}

/// An iterator as the result of a method: the caller gets one item a round trip, when it asks for it (Pyro's item streaming, manual chapter "Servers";
/// settings ITER_STREAMING, ITER_STREAM_LIFETIME, ITER_STREAM_LINGER, MAX_STREAMS).
///
/// The iterator runs when items are asked for, never ahead. It is dropped when it is exhausted, when the caller closes it, when an
/// item is an error, when its lifetime is over, and some time after the caller's connection has ended.
///
/// ```
/// use ferropyro::{ItemStream, expose};
///
/// struct Library;
///
/// #[expose]
/// impl Library {
///     pub fn pages(&self, count: u32) -> ItemStream {
///         ItemStream::new((1..=count).map(|number| format!("page {number}")))
///     }
/// }
/// ```
pub struct ItemStream(Source);

impl ItemStream {
    /// A stream of these items. Items that may fail are for [`ItemStream::fallible`]: here a `Result` would travel as the dict that serde makes of it.
    pub fn new<I>(items: I) -> ItemStream
    where
        I: IntoIterator<IntoIter: Send + 'static, Item: Answer>,
    {
        let mut items = items.into_iter();
        ItemStream(Box::new(move |call| match items.next() {
            Some(item) => item.answer(call),
            None => Err(end()),
        }))
    }

    /// A stream of items that may fail. The first error is raised at the caller, and ends the stream.
    pub fn fallible<I, T, E>(items: I) -> ItemStream
    where
        I: IntoIterator<IntoIter: Send + 'static, Item = Result<T, E>>,
        T: Answer,
        E: Into<Raise>,
    {
        let mut items = items.into_iter();
        ItemStream(Box::new(move |call| match items.next() {
            Some(item) => item.map_err(Into::into)?.answer(call),
            None => Err(end()),
        }))
    }

    pub(crate) fn into_source(self) -> Source {
        self.0
    }
}

impl Answer for ItemStream {
    fn answer(self, call: Call<'_>) -> Result<Reply, Raise> {
        call.stream(self)
    }
}

impl std::fmt::Debug for ItemStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ItemStream")
    }
}

/// What tells a caller that there is nothing more.
fn end() -> Raise {
    Raise::from(formats::Exception {
        class: STOP.to_owned(),
        ..formats::Exception::default()
    })
}

/// The class of the exception that ends an iteration.
pub(crate) const STOP: &str = "builtins.StopIteration";
