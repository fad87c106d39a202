//! Pickle and its kin. Who reads a pickle with Python's own module executes what it says; so that module is called from here and from nowhere else, for whole payloads at a time.

use std::sync::atomic::{AtomicBool, Ordering};

use ferropyro::foreign::Payload;
use ferropyro::formats::pickle;
use ferropyro::{Serializer, Value};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use serde::Deserialize;

use crate::errors::raise;
use crate::package;
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
    bytes: Py<PyBytes>,
}

impl Pickle {
    pub(crate) fn of(payload: Payload<'_>) -> Pickle {
        Pickle {
            serializer: payload.serializer(),
            bytes: Python::attach(|py| PyBytes::new(py, payload.bytes()).unbind()),
        }
    }

    /// What is in it: by Python's own module, or as data.
    pub(crate) fn open<'py>(&self, py: Python<'py>, unpickles: bool) -> PyResult<Bound<'py, PyAny>> {
        let bytes = self.bytes.bind(py);
        match unpickles {
            true => module(py, self.serializer)?.call_method1("loads", (bytes,)),
            false => as_data(py, bytes.as_bytes()),
        }
    }
}

/// Reads what Python's own module has written.
pub(crate) fn loads<'py>(py: Python<'py>, serializer: Serializer, bytes: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    module(py, serializer)?.call_method1("loads", (PyBytes::new(py, bytes),))
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
    let call = module(py, serializer)?.call_method1("loadsCall", (PyBytes::new(py, bytes),))?;
    let (_, _, args, kwargs): Parts<'_> = call.extract()?;
    Ok((args, kwargs))
}

/// Writes an object.
pub(crate) fn dumps<'py>(object: &Bound<'py, PyAny>, serializer: Serializer) -> PyResult<Bound<'py, PyBytes>> {
    let written = module(object.py(), serializer)?.call_method1("dumps", (object,))?;
    Ok(written.cast_into()?)
}

/// Writes a call: of which object, which method, with which arguments.
pub(crate) fn dumps_call<'py>(
    call: &ferropyro::foreign::ForeignCall<'_>,
    args: &Bound<'py, PyAny>,
    kwargs: &Bound<'py, PyAny>,
) -> PyResult<Vec<u8>> {
    module(args.py(), call.serializer)?
        .call_method1("dumpsCall", (call.object, call.method, args, kwargs))?
        .extract()
}

fn module(py: Python<'_>, serializer: Serializer) -> PyResult<Bound<'_, PyAny>> {
    package::get_serializer(py)?.call1((serializer.name(),))
}

/// Reads a pickle and executes nothing.
pub(crate) fn as_data<'py>(py: Python<'py>, bytes: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    let read: Result<PickledData, _> = pickle::from_slice(bytes);
    read.map(|read| read.0.into_bound(py))
        .map_err(|error| raise(py, error.into()))
}

/// A Python object as the library's own value, for a part of a message that the library writes. What only Python can make of its pickle is in there as it is.
pub(crate) fn to_value(object: &Bound<'_, PyAny>, serializer: Serializer) -> PyResult<Value> {
    let bytes = dumps(object, serializer)?;
    pickle::from_slice(bytes.as_bytes()).map_err(|error| raise(object.py(), error.into()))
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
