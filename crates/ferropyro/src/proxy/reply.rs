//! What the answer of a call is read as.

use std::marker::PhantomData;

use ferropyro_formats::{BytesRef, Value};
use serde::de::DeserializeOwned;

use super::items::RemoteStream;
use crate::serializer::Codec;
use crate::session::client::read_exception;
use crate::{Error, ErrorKind, Result, Serializer};

/// What a call can give back: every type that serde can read, and [`Items`](crate::Items) for methods that give back an iterator.
///
/// There is nothing to implement here: derive serde's `Deserialize` for a type of your own.
pub trait FromReply: Sized {
    /// The same from an [`aio::Proxy`](crate::aio::Proxy): values are what they are, and [`Items`](crate::Items) are
    /// [`aio::Items`](crate::aio::Items).
    type Aio: FromReply;

    /// Reads the result.
    #[doc(hidden)]
    fn from_payload(payload: Payload<'_>) -> Result<Self>;

    /// Reads the exception that came in the place of a result.
    #[doc(hidden)]
    fn from_exception(payload: Payload<'_>) -> Result<Self> {
        Err(payload.exception())
    }

    /// The result of a oneway call, which nobody sends.
    #[doc(hidden)]
    fn from_oneway() -> Result<Self>;

    /// The result is an iterator, whose items can be asked for.
    #[doc(hidden)]
    fn from_stream(stream: RemoteStream) -> Result<Self>;
}

/// What a method of a `#[remote]` trait gives, and what the method of the same name of the async client gives in its place.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is nothing that a remote call gives back",
    label = "no result of a remote call",
    note = "a method of a #[remote] trait returns `ferropyro::Result<R>` with an `R` that implements serde's `Deserialize`, or with `Items<...>`"
)]
pub trait RemoteResult {
    /// The same, with a stream that is awaited in the place of one that blocks.
    type Aio;
}

impl<R: FromReply> RemoteResult for Result<R> {
    type Aio = Result<R::Aio>;
}

/// A result as it has arrived.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct Payload<'a> {
    pub(crate) codec: Codec,
    pub(crate) bytes: &'a [u8],
}

impl<'a> Payload<'a> {
    /// The serializer that it is written in.
    pub fn serializer(&self) -> Serializer {
        self.codec.serializer
    }

    /// The bytes as they have arrived.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Whether a pickle is to be read as data (setting PICKLE_SAFE).
    pub fn is_pickle_safe(&self) -> bool {
        self.codec.pickle_safe
    }

    /// The result, or the class dict of the exception.
    pub fn read<T: serde::Deserialize<'a>>(&self) -> Result<T> {
        Ok(self.codec.read(self.bytes)?)
    }

    /// The error that it stands for, if it is an exception.
    pub fn exception(&self) -> Error {
        read_exception(&self.codec, self.bytes)
    }
}

impl<R: DeserializeOwned> FromReply for R {
    type Aio = R;

    fn from_payload(payload: Payload<'_>) -> Result<R> {
        Ok(payload.codec.read(payload.bytes)?)
    }

    fn from_oneway() -> Result<R> {
        Ok(R::deserialize(Value::None)?)
    }

    /// Dropping the stream closes it.
    fn from_stream(_stream: RemoteStream) -> Result<R> {
        Err(iterator_unwanted())
    }
}

fn iterator_unwanted() -> Error {
    let text =
        "the result of the call is an iterator: take it as `Items<...>`, which asks for one item after the other";
    Error::new(ErrorKind::Type, text)
}

/// How the answer of one call is read: into a value of the caller's, or where it has arrived.
pub(crate) trait Reading {
    /// What the caller gets.
    type Result;

    /// Reads the result. No more than once: a call is sent again only if nothing of its answer was read.
    fn payload(&mut self, payload: Payload<'_>) -> Result<Self::Result>;

    /// Reads the exception that came in the place of a result: usually it is the error of the call.
    fn exception(&mut self, payload: Payload<'_>) -> Result<Self::Result> {
        Err(payload.exception())
    }

    /// The result of a oneway call, which nobody sends.
    fn oneway(&mut self) -> Result<Self::Result>;

    /// The result is an iterator.
    fn stream(self, stream: RemoteStream) -> Result<Self::Result>;
}

/// The result is the caller's own.
pub(crate) struct Owned<R>(PhantomData<fn() -> R>);

impl<R> Default for Owned<R> {
    fn default() -> Owned<R> {
        Owned(PhantomData)
    }
}

impl<R: FromReply> Reading for Owned<R> {
    type Result = R;

    fn payload(&mut self, payload: Payload<'_>) -> Result<R> {
        R::from_payload(payload)
    }

    fn exception(&mut self, payload: Payload<'_>) -> Result<R> {
        R::from_exception(payload)
    }

    fn oneway(&mut self) -> Result<R> {
        R::from_oneway()
    }

    fn stream(self, stream: RemoteStream) -> Result<R> {
        R::from_stream(stream)
    }
}

/// The result is bytes, which the caller looks at where they have arrived. `None` once it has.
pub(crate) struct InPlace<F>(Option<F>);

impl<F> InPlace<F> {
    pub(crate) fn new(look: F) -> InPlace<F> {
        InPlace(Some(look))
    }

    fn show<T>(&mut self, bytes: &[u8]) -> Result<T>
    where
        F: FnOnce(&[u8]) -> T,
    {
        match self.0.take() {
            Some(look) => Ok(look(bytes)),
            None => Err(Error::new(ErrorKind::Protocol, "the result of the call came twice")),
        }
    }
}

impl<F: FnOnce(&[u8]) -> T, T> Reading for InPlace<F> {
    type Result = T;

    fn payload(&mut self, payload: Payload<'_>) -> Result<T> {
        let bytes: BytesRef<'_> = payload.codec.read(payload.bytes)?;
        self.show(&bytes)
    }

    fn oneway(&mut self) -> Result<T> {
        Err(Error::new(ErrorKind::Type, "bytes were expected"))
    }

    fn stream(self, _stream: RemoteStream) -> Result<T> {
        Err(iterator_unwanted())
    }
}
