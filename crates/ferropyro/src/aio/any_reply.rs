//! Answers of methods that the program does not know beforehand.

use ferropyro_formats::Value;

use super::Items;
use crate::proxy::items::RemoteStream;
use crate::proxy::reply::Payload;
use crate::{FromReply, Result};

/// Whatever a call gives back: for tools that call methods which they do not know. See [`ferropyro::AnyReply`](crate::AnyReply).
///
/// Results and items are a [`Value`], unless they are to be something else, such as a [`RawValue`](crate::RawValue).
#[derive(Debug)]
pub enum AnyReply<T = Value> {
    /// The result.
    Value(T),
    /// The result is an iterator, and these are its items.
    Items(Items<T>),
}

impl<T: FromReply> FromReply for AnyReply<T> {
    type Aio = AnyReply<T>;

    fn from_payload(payload: Payload<'_>) -> Result<AnyReply<T>> {
        T::from_payload(payload).map(AnyReply::Value)
    }

    fn from_exception(payload: Payload<'_>) -> Result<AnyReply<T>> {
        T::from_exception(payload).map(AnyReply::Value)
    }

    fn from_oneway() -> Result<AnyReply<T>> {
        T::from_oneway().map(AnyReply::Value)
    }

    fn from_stream(stream: RemoteStream) -> Result<AnyReply<T>> {
        Items::from_stream(stream).map(AnyReply::Items)
    }
}
