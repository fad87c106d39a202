//! What comes back of a call.

use ferropyro::foreign::{Payload, RemoteStream};
use ferropyro::{Error, FromReply, Items, Result};
use pyo3::prelude::*;

use crate::pickles::Pickle;
use crate::read::Read;

/// What a call gives back.
pub(crate) enum Reply {
    Value(Arrived),
    /// An exception of the other side.
    Raised(Arrived),
    /// An iterator of the other side.
    Items(Box<Items<Item>>),
}

/// What has arrived: pickles are read later, when code that they run may use the proxy again.
pub(crate) enum Arrived {
    Read(Read),
    Pickle(Pickle),
}

impl Arrived {
    fn of(payload: Payload<'_>) -> Result<Arrived> {
        match payload.serializer().is_pickle() {
            true => Ok(Arrived::Pickle(Pickle::of(payload))),
            false => payload.read().map(Arrived::Read),
        }
    }

    /// The object.
    pub(crate) fn open(self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        match self {
            Arrived::Read(read) => Ok(read.0),
            Arrived::Pickle(pickle) => pickle.open(py).map(Bound::unbind),
        }
    }

    /// The exception, to be raised.
    pub(crate) fn exception(self, py: Python<'_>) -> PyErr {
        match self.open(py) {
            Ok(exception) => PyErr::from_value(exception.into_bound(py)),
            Err(failure) => failure,
        }
    }
}

impl FromReply for Reply {
    type Aio = Reply;

    fn from_payload(payload: Payload<'_>) -> Result<Reply> {
        Arrived::of(payload).map(Reply::Value)
    }

    fn from_exception(payload: Payload<'_>) -> Result<Reply> {
        Arrived::of(payload).map(Reply::Raised)
    }

    fn from_oneway() -> Result<Reply> {
        Ok(Reply::Value(none()))
    }

    fn from_stream(stream: RemoteStream) -> Result<Reply> {
        Items::from_stream(stream).map(|items| Reply::Items(Box::new(items)))
    }
}

/// An item of an iterator. Its end is an error of the library's, and so is an exception that is no pickle.
pub(crate) enum Item {
    Value(Arrived),
    Raised(Arrived),
}

impl FromReply for Item {
    type Aio = Item;

    fn from_payload(payload: Payload<'_>) -> Result<Item> {
        Arrived::of(payload).map(Item::Value)
    }

    fn from_exception(payload: Payload<'_>) -> Result<Item> {
        let error = payload.exception();
        match payload.serializer().is_pickle() && !is_for_the_library(&error) {
            true => Arrived::of(payload).map(Item::Raised),
            false => Err(error),
        }
    }

    fn from_oneway() -> Result<Item> {
        Ok(Item::Value(none()))
    }

    fn from_stream(_stream: RemoteStream) -> Result<Item> {
        Err(Error::new(ferropyro::ErrorKind::Protocol, "an item is no iterator"))
    }
}

/// Whether it tells of the iteration itself: its end, or that it is asked by two at a time.
fn is_for_the_library(error: &Error) -> bool {
    let class = error.as_remote().map(ferropyro::RemoteError::class);
    matches!(class, Some("builtins.StopIteration" | "builtins.ValueError"))
}

fn none() -> Arrived {
    Arrived::Read(Read(Python::attach(|py| py.None())))
}
