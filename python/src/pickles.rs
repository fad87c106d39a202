//! Pickle and its kin. Who reads a pickle with Python's own module executes what it says; so that module is called from here and from nowhere else, for whole payloads at a time.

use std::sync::atomic::{AtomicBool, Ordering};

use ferropyro::foreign::{ForeignCall, Payload};
use ferropyro::formats::pickle;
use ferropyro::{Serializer, Value};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};
use serde::Deserialize;

use crate::errors::raise;
use crate::package;
use crate::pickle_file::PickleFile;
use crate::pickle_parts::take_apart;
use crate::read::PickledData;

/// How a daemon treats what comes in pickles.
pub(crate) struct Manner {
    safe: AtomicBool,
    pub(crate) max_batch_calls: Option<usize>,
}

impl Manner {
    pub(crate) fn new(safe: bool, max_batch_calls: Option<usize>) -> Manner {
        Manner {
            safe: AtomicBool::new(safe),
            max_batch_calls,
        }
    }

    pub(crate) fn is_safe(&self) -> bool {
        self.safe.load(Ordering::SeqCst)
    }

    pub(crate) fn set_safe(&self, safe: bool) {
        self.safe.store(safe, Ordering::SeqCst);
    }

    /// Whether Python's own module is to read this.
    pub(crate) fn unpickles(&self, serializer: Serializer) -> bool {
        serializer.is_pickle() && !self.is_safe()
    }
}

/// A pickle that has arrived, and that nobody has read yet.
pub(crate) struct Pickle {
    serializer: Serializer,
    content: Content,
}

enum Content {
    /// To be read as data.
    Data(Py<PyBytes>),
    /// To be read by Python's own module: a pickle, and the long objects that were taken out of it.
    Parts(Py<PyBytes>, Option<Py<PyList>>),
}

impl Pickle {
    pub(crate) fn of(payload: Payload<'_>) -> Pickle {
        let content = Python::attach(|py| match payload.is_pickle_safe() {
            true => Content::Data(PyBytes::new(py, payload.bytes()).unbind()),
            false => {
                let (pickle, buffers) = take_apart(py, payload.bytes());
                Content::Parts(pickle.unbind(), buffers.map(Bound::unbind))
            }
        });
        Pickle {
            serializer: payload.serializer(),
            content,
        }
    }

    /// What is in it.
    pub(crate) fn open<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match &self.content {
            Content::Data(bytes) => as_data(py, bytes.as_bytes(py)),
            Content::Parts(pickle, buffers) => module(py, self.serializer)?.call_method1("_load", (pickle, buffers)),
        }
    }
}

/// Reads what Python's own module has written.
pub(crate) fn loads<'py>(py: Python<'py>, serializer: Serializer, bytes: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    module(py, serializer)?.call_method1("_load", take_apart(py, bytes))
}

/// Reads a call: its arguments and keyword arguments.
pub(crate) fn loads_call<'py>(
    py: Python<'py>,
    serializer: Serializer,
    bytes: &[u8],
) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
    type Parts<'py> = (
        Bound<'py, PyAny>,
        Bound<'py, PyAny>,
        Bound<'py, PyAny>,
        Bound<'py, PyAny>,
    );
    let (_, _, args, kwargs): Parts<'_> = loads(py, serializer, bytes)?.extract()?;
    Ok((args, kwargs))
}

/// Adds an object to a message.
pub(crate) fn write(object: &Bound<'_, PyAny>, serializer: Serializer, message: &mut Vec<u8>) -> PyResult<()> {
    let module = module(object.py(), serializer)?;
    PickleFile::lend(object.py(), message, |file| {
        module.call_method1("_dump", (object, file)).map(drop)
    })
}

fn module(py: Python<'_>, serializer: Serializer) -> PyResult<Bound<'_, PyAny>> {
    package::get_serializer(py)?.call1((serializer.name(),))
}

/// Adds a call to a message: of which object, which method, with which arguments.
pub(crate) fn write_call(
    call: &ForeignCall<'_>,
    args: &Bound<'_, PyAny>,
    kwargs: &Bound<'_, PyAny>,
    message: &mut Vec<u8>,
) -> PyResult<()> {
    let parts = (call.object, call.method, args, kwargs).into_pyobject(args.py())?;
    write(parts.as_any(), call.serializer, message)
}

/// Reads a pickle and executes nothing.
pub(crate) fn as_data<'py>(py: Python<'py>, bytes: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    let read: Result<PickledData, _> = pickle::from_slice(bytes);
    read.map(|read| read.0.into_bound(py))
        .map_err(|error| raise(py, error.into()))
}

/// A Python object as the library's own value, for a part of a message that the library writes. What only Python can make of its pickle is in there as it is.
pub(crate) fn to_value(object: &Bound<'_, PyAny>, serializer: Serializer) -> PyResult<Value> {
    let mut bytes = Vec::new();
    write(object, serializer, &mut bytes)?;
    pickle::from_slice(&bytes).map_err(|error| raise(object.py(), error.into()))
}

/// The Python object that a value of a pickle's is: by Python's own module, or as data.
pub(crate) fn from_value(
    py: Python<'_>,
    value: &Value,
    serializer: Serializer,
    unpickles: bool,
) -> PyResult<Py<PyAny>> {
    if unpickles {
        let bytes = pickle::to_vec(value).map_err(|error| raise(py, error.into()))?;
        return loads(py, serializer, &bytes).map(Bound::unbind);
    }
    let read = PickledData::deserialize(value);
    read.map(|read| read.0).map_err(|error| raise(py, error.into()))
}
