//! Answers that stay serialized.

use ferropyro_wire::Serializer;

use super::items::RemoteStream;
use super::reply::{FromReply, Payload};
use crate::{Error, ErrorKind, Result};

/// The answer of a call as the other side has serialized it, for programs that pass it on without reading it (Pyro's `_pyroRawWireResponse`). Of either client.
///
/// An exception of the method is no error of the call then. An iterator is: `Protocol`, and it is closed.
///
/// ```
/// use ferropyro::{Daemon, Proxy, RawReply, Serializer, expose};
///
/// struct Adder;
///
/// #[expose]
/// impl Adder {
///     pub fn add(&self, a: i64, b: i64) -> i64 {
///         a + b
///     }
/// }
///
/// let daemon = Daemon::new()?;
/// let uri = daemon.register("adder", Adder)?;
/// let running = daemon.start();
///
/// let adder = Proxy::builder().serializer(Serializer::Json).build(uri)?;
/// let RawReply::Result { bytes, .. } = adder.call("add", (1, 2))? else { panic!("no result") };
/// assert_eq!(bytes, b"3");
/// # Ok::<(), ferropyro::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RawReply {
    /// The result.
    Result {
        /// How it is serialized: as the arguments were.
        serializer: Serializer,
        /// The result, serialized.
        bytes: Vec<u8>,
    },
    /// The exception that the method raised.
    Exception {
        /// How it is serialized: as the arguments were.
        serializer: Serializer,
        /// The exception, serialized.
        bytes: Vec<u8>,
    },
    /// A oneway method has none.
    Nothing,
}

impl FromReply for RawReply {
    type Aio = RawReply;

    fn from_payload(payload: Payload<'_>) -> Result<RawReply> {
        Ok(RawReply::Result {
            serializer: payload.codec.serializer,
            bytes: payload.bytes.to_vec(),
        })
    }

    fn from_exception(payload: Payload<'_>) -> Result<RawReply> {
        Ok(RawReply::Exception {
            serializer: payload.codec.serializer,
            bytes: payload.bytes.to_vec(),
        })
    }

    fn from_oneway() -> Result<RawReply> {
        Ok(RawReply::Nothing)
    }

    fn from_stream(_stream: RemoteStream) -> Result<RawReply> {
        Err(is_an_iterator())
    }
}

/// In the words of a server that does not send items.
fn is_an_iterator() -> Error {
    Error::new(ErrorKind::Protocol, "result of call is an iterator")
}

/// A result, or an item of an iterator, as the other side has serialized it: as [`RawReply`], but an exception is an error, and an iterator can be had as
/// [`aio::AnyRawReply`](crate::aio::AnyRawReply) or `Items<RawValue>`.
///
/// ```
/// use ferropyro::{Daemon, ItemStream, Items, Proxy, RawValue, Serializer, expose};
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
/// let running = daemon.start();
///
/// let counter = Proxy::builder().serializer(Serializer::Json).build(uri)?;
/// let items: Items<RawValue> = counter.call("count", ())?;
/// let texts: Vec<Vec<u8>> = items.map(|item| Ok(item?.bytes)).collect::<ferropyro::Result<_>>()?;
/// assert_eq!(texts, [b"1", b"2", b"3"]);
/// # Ok::<(), ferropyro::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RawValue {
    /// How it is serialized: as the arguments were.
    pub serializer: Serializer,
    /// The value, serialized; empty for a oneway method, which gives none.
    pub bytes: Vec<u8>,
}

impl FromReply for RawValue {
    type Aio = RawValue;

    fn from_payload(payload: Payload<'_>) -> Result<RawValue> {
        Ok(RawValue {
            serializer: payload.codec.serializer,
            bytes: payload.bytes.to_vec(),
        })
    }

    fn from_oneway() -> Result<RawValue> {
        Ok(RawValue {
            serializer: Serializer::Serpent,
            bytes: Vec::new(),
        })
    }

    fn from_stream(_stream: RemoteStream) -> Result<RawValue> {
        Err(is_an_iterator())
    }
}
