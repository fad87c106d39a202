//! What comes back of a call.

use ferropyro::foreign::{Payload, RemoteStream};
use ferropyro::{FromReply, Items, Result};
use pyo3::prelude::*;

use crate::package;
use crate::pending::keep;
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
        read(payload).map(Reply::Value)
    }

    fn from_exception(payload: Payload<'_>) -> Result<Reply> {
        read(payload).map(Reply::Raised)
    }

    fn from_oneway() -> Result<Reply> {
        Ok(Reply::Value(Read(Python::attach(|py| py.None()))))
    }

    fn from_stream(stream: RemoteStream) -> Result<Reply> {
        Items::from_stream(stream).map(|items| Reply::Items(Box::new(items)))
    }
}

/// Pickles are read by Python, when the program wants to have any.
fn read(payload: Payload<'_>) -> Result<Read> {
    if !payload.serializer().is_pickle() {
        return payload.read();
    }
    Python::attach(|py| {
        let serializer = package::get_serializer(py).and_then(|get| get.call1((payload.serializer().name(),)));
        let read = serializer.and_then(|serializer| serializer.call_method1("loads", (payload.bytes(),)));
        read.map(|object| Read(object.unbind())).map_err(keep)
    })
}

/// An item of an iterator: its end, and an exception in it, are errors of the library's.
pub(crate) type Item = Read;

/// The exception that has arrived, to be raised.
pub(crate) fn arrived(py: Python<'_>, exception: Read) -> PyErr {
    PyErr::from_value(exception.0.into_bound(py))
}
