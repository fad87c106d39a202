//! The library's errors as Python's exceptions.

use ferropyro::formats::{Exception, Value};
use ferropyro::{Error, ErrorKind, Raise, Serializer, context as ambient};
use pyo3::exceptions::{PyAttributeError, PyRuntimeError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use serde::Deserialize;

use crate::read::Read;
use crate::write::Wire;
use crate::{package, pending};

/// The exception that a program of Python sees. One that Python itself has raised on the way goes on as it is.
pub(crate) fn raise(py: Python<'_>, error: Error) -> PyErr {
    if let Some(pending) = pending::take() {
        return pending;
    }
    if let Some(remote) = error.as_remote() {
        return remote_exception(py, remote.exception()).unwrap_or_else(|failure| failure);
    }
    local(py, error.kind(), error.to_string())
}

/// One that arose here.
fn local(py: Python<'_>, kind: ErrorKind, text: String) -> PyErr {
    match kind {
        ErrorKind::Attribute => PyAttributeError::new_err(text),
        ErrorKind::Type => PyTypeError::new_err(text),
        ErrorKind::Value => PyValueError::new_err(text),
        ErrorKind::Runtime => PyRuntimeError::new_err(text),
        kind => {
            let name = kind.class().rsplit('.').next().unwrap_or("PyroError");
            match package::error_class(py, name).and_then(|class| class.call1((text,))) {
                Ok(exception) => PyErr::from_value(exception),
                Err(failure) => failure,
            }
        }
    }
}

/// One of the other side, of which the library knows what it is.
fn remote_exception(py: Python<'_>, exception: &Exception) -> PyResult<PyErr> {
    let value = Value::from(exception.clone());
    let read = Read::deserialize(&value).map_err(|error| local(py, ErrorKind::Serialize, error.to_string()))?;
    Ok(PyErr::from_value(read.0.into_bound(py)))
}

/// What a caller sees of an exception that Python code has raised.
pub(crate) fn raised(py: Python<'_>, error: PyErr) -> Raise {
    let serializer = ambient::current().map(|context| context.serializer());
    if let Some(serializer) = serializer.filter(|serializer| serializer.is_pickle()) {
        return pickled_exception(py, error, serializer);
    }
    let text = error.to_string();
    wire_exception(py, error).unwrap_or_else(|failure| {
        Raise::new(
            "Pyro5.errors.PyroError",
            format!("{text} (and it cannot be sent as it is: {failure})"),
        )
    })
}

/// For a client that gets exceptions as they are.
fn pickled_exception(py: Python<'_>, error: PyErr, serializer: Serializer) -> Raise {
    let shown = Raise::new(&class_name(py, &error), error.value(py).to_string());
    let written = package::exception_to_pickle(py)
        .and_then(|write| write.call1((error.into_value(py), serializer.name())))
        .and_then(|payload| payload.extract());
    match written {
        Ok(payload) => shown.written(serializer, payload),
        Err(failure) => {
            let text = format!("{shown} (and it cannot be sent as it is: {failure})");
            Raise::new("Pyro5.errors.PyroError", text)
        }
    }
}

fn class_name(py: Python<'_>, error: &PyErr) -> String {
    let class = error.get_type(py);
    let name = class.fully_qualified_name();
    name.map_or_else(|_| "Exception".to_owned(), |name| name.to_string())
}

fn wire_exception(py: Python<'_>, error: PyErr) -> PyResult<Raise> {
    let dict = package::exception_to_wire(py)?.call1((error.into_value(py),))?;
    let wire = Wire::new(&dict, ferropyro::Serializer::Serpent);
    let value = ferropyro::formats::to_value(&wire).map_err(|error| raise(py, error.into()))?;
    let object = match value {
        Value::Dict(dict) => dict.into_object(),
        other => other,
    };
    match object {
        Value::Exception(exception) => Ok((*exception).into()),
        other => Ok(Raise::new("Pyro5.errors.PyroError", other.to_string())),
    }
}
