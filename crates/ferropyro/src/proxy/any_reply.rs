//! Answers of methods that the program does not know beforehand.

use ferropyro_formats::Value;

use super::items::{Items, RemoteStream};
use super::reply::{FromReply, Payload};
use crate::{Result, aio};

/// Whatever a call gives back: for tools that call methods which they do not know.
///
/// ```no_run
/// use ferropyro::{AnyReply, Proxy};
///
/// let proxy = Proxy::new("PYRONAME:test.echoserver")?;
/// match proxy.call("generator", ())? {
///     AnyReply::Value(value) => println!("{value}"),
///     AnyReply::Items(items) => {
///         for item in items {
///             println!("{}", item?);
///         }
///     }
/// }
/// # Ok::<(), ferropyro::Error>(())
/// ```
#[derive(Debug)]
pub enum AnyReply {
    /// The result.
    Value(Value),
    /// The result is an iterator, and these are its items.
    Items(Items<Value>),
}

impl FromReply for AnyReply {
    type Aio = aio::AnyReply;

    fn from_payload(payload: Payload<'_>) -> Result<AnyReply> {
        Value::from_payload(payload).map(AnyReply::Value)
    }

    fn from_oneway() -> Result<AnyReply> {
        Ok(AnyReply::Value(Value::None))
    }

    fn from_stream(stream: RemoteStream) -> Result<AnyReply> {
        Items::from_stream(stream).map(AnyReply::Items)
    }
}
