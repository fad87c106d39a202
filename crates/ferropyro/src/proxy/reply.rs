//! What the answer of a call is read as.

use ferropyro_formats::Value;
use serde::de::DeserializeOwned;

use super::items::RemoteStream;
use crate::serializer::Codec;
use crate::{Error, ErrorKind, Result};

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
        let text =
            "the result of the call is an iterator: take it as `Items<...>`, which asks for one item after the other";
        Err(Error::new(ErrorKind::Type, text))
    }
}
