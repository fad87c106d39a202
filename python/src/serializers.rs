//! The serializers by themselves, for programs that ask for one.

use ferropyro::Serializer;
use ferropyro::formats::{Error, json, marshal, msgpack, pickle, serpent};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyTuple};
use serde::Deserialize;

use crate::errors::raise;
use crate::pickles;
use crate::read::Read;
use crate::write::Wire;

fn format(py: Python<'_>, name: &str) -> PyResult<Serializer> {
    name.parse()
        .map_err(|error: ferropyro::wire::UnknownSerializer| raise(py, error.into()))
}

fn write(wire: &Wire<'_, '_>) -> Result<Vec<u8>, Error> {
    match wire.format {
        Serializer::Serpent => serpent::to_vec(wire),
        Serializer::Json => json::to_vec(wire),
        Serializer::Marshal => marshal::to_vec(wire),
        Serializer::Msgpack => msgpack::to_vec(wire),
        _ => pickle::to_vec(wire),
    }
}

fn read<'de, T: Deserialize<'de>>(format: Serializer, data: &'de [u8]) -> Result<T, Error> {
    match format {
        Serializer::Serpent => serpent::from_slice(data),
        Serializer::Json => json::from_slice(data),
        Serializer::Marshal => marshal::from_slice(data),
        Serializer::Msgpack => msgpack::from_slice(data),
        _ => pickle::from_slice(data),
    }
}

/// Writes an object with the serializer of this name.
#[pyfunction]
pub(crate) fn dumps<'py>(py: Python<'py>, data: &Bound<'py, PyAny>, serializer: &str) -> PyResult<Bound<'py, PyBytes>> {
    let wire = Wire::new(data, format(py, serializer)?);
    let written = write(&wire).map_err(|error| raise(py, error.into()))?;
    Ok(PyBytes::new(py, &written))
}

/// Reads what the serializer of this name has written. Nothing in it is imported or executed.
#[pyfunction]
pub(crate) fn loads<'py>(py: Python<'py>, data: &[u8], serializer: &str) -> PyResult<Bound<'py, PyAny>> {
    let format = format(py, serializer)?;
    if format.is_pickle() {
        return pickles::as_data(py, data);
    }
    let read: Result<Read, Error> = read(format, data);
    read.map(|read| read.0.into_bound(py))
        .map_err(|error| raise(py, error.into()))
}

/// Writes a call: of which object, which method, with which arguments.
#[pyfunction]
pub(crate) fn dumps_call<'py>(
    py: Python<'py>,
    object: &Bound<'py, PyAny>,
    method: &Bound<'py, PyAny>,
    args: &Bound<'py, PyAny>,
    kwargs: &Bound<'py, PyAny>,
    serializer: &str,
) -> PyResult<Bound<'py, PyBytes>> {
    let call = match format(py, serializer)? {
        Serializer::Json => {
            let call = PyDict::new(py);
            for (name, part) in [
                ("object", object),
                ("method", method),
                ("params", args),
                ("kwargs", kwargs),
            ] {
                call.set_item(name, part)?;
            }
            call.into_any()
        }
        _ => PyTuple::new(py, [object, method, args, kwargs])?.into_any(),
    };
    dumps(py, &call, serializer)
}

/// Reads a call: gives its four parts.
#[pyfunction]
pub(crate) fn loads_call<'py>(py: Python<'py>, data: &[u8], serializer: &str) -> PyResult<Bound<'py, PyTuple>> {
    let call = loads(py, data, serializer)?;
    match call.cast::<PyDict>() {
        Ok(call) => {
            let parts: Vec<_> = ["object", "method", "params", "kwargs"]
                .into_iter()
                .map(|name| call.as_any().get_item(name))
                .collect::<PyResult<_>>()?;
            PyTuple::new(py, parts)
        }
        Err(_) => match call.cast::<PyList>() {
            Ok(call) => Ok(call.to_tuple()),
            Err(_) => Ok(call.cast_into()?),
        },
    }
}

/// The bytes that serpent has written as this text; None for a text that is no plain base64, of which Python's own module makes what it can.
#[pyfunction]
pub(crate) fn from_base64<'py>(py: Python<'py>, text: &str) -> Option<Bound<'py, PyBytes>> {
    let bytes = serpent::bytes_of(text).ok()?;
    Some(PyBytes::new(py, &bytes))
}

/// Whether a text is in data that may be long. Python's own search takes several times as long.
#[pyfunction]
pub(crate) fn contains(data: &[u8], text: &[u8]) -> bool {
    memchr::memmem::find(data, text).is_some()
}
