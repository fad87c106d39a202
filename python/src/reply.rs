//! What comes back of a call.

use ferropyro::foreign::{Payload, RemoteStream};
use ferropyro::{FromReply, Items, Result};
use pyo3::prelude::*;

use crate::read::Read;

/// What a call gives back.
pub(crate) enum Reply {
    Value(Read),
    /// An exception of the other side.
    Raised(Read),
    /// An iterator of the other side.
    Items(Box<Items<Item>>),
}

impl FromReply for Reply {
    type Aio = Reply;

    fn from_payload(payload: Payload<'_>) -> Result<Reply> {
        payload.read().map(Reply::Value)
    }

    fn from_exception(payload: Payload<'_>) -> Result<Reply> {
        payload.read().map(Reply::Raised)
    }

    fn from_oneway() -> Result<Reply> {
        Ok(Reply::Value(Read(Python::attach(|py| py.None()))))
    }

    fn from_stream(stream: RemoteStream) -> Result<Reply> {
        Items::from_stream(stream).map(|items| Reply::Items(Box::new(items)))
    }
}

/// An item of an iterator: its end, and an exception in it, are errors of the library's.
pub(crate) type Item = Read;

/// The exception that has arrived, to be raised.
pub(crate) fn arrived(py: Python<'_>, exception: Read) -> PyErr {
    PyErr::from_value(exception.0.into_bound(py))
}
