//! Answers of methods that the program does not know beforehand.

use ferropyro_formats::Value;

use super::Items;
use crate::proxy::items::RemoteStream;
use crate::proxy::reply::Payload;
use crate::{FromReply, RawValue, Result};

/// Whatever a call gives back: for tools that call methods which they do not know. See [`ferropyro::AnyReply`](crate::AnyReply).
#[derive(Debug)]
pub enum AnyReply {
    /// The result.
    Value(Value),
    /// The result is an iterator, and these are its items.
    Items(Items<Value>),
}

impl FromReply for AnyReply {
    type Aio = AnyReply;

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

/// Whatever a call gives back, as the other side has serialized it: for programs that pass it on without reading it.
#[derive(Debug)]
pub enum AnyRawReply {
    /// The result.
    Value(RawValue),
    /// The result is an iterator, and these are its items.
    Items(Items<RawValue>),
}

impl FromReply for AnyRawReply {
    type Aio = AnyRawReply;

    fn from_payload(payload: Payload<'_>) -> Result<AnyRawReply> {
        RawValue::from_payload(payload).map(AnyRawReply::Value)
    }

    fn from_oneway() -> Result<AnyRawReply> {
        RawValue::from_oneway().map(AnyRawReply::Value)
    }

    fn from_stream(stream: RemoteStream) -> Result<AnyRawReply> {
        Items::from_stream(stream).map(AnyRawReply::Items)
    }
}
