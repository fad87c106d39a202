//! Data that stay serialized on their way.

use ferropyro::Serializer;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::errors::raise;
use crate::proxy::{from_value, to_value};
use crate::read::Read;

/// Data that stay serialized at the receiver until they are asked for, with a bit of information that can be read at once. The only argument of a call.
#[pyclass(frozen, module = "ferropyro.core")]
pub(crate) struct SerializedBlob {
    #[pyo3(get)]
    info: Py<PyAny>,
    data: Data,
}

enum Data {
    /// Made here.
    Local(Py<PyAny>),
    Received(ferropyro::SerializedBlob),
}

#[pymethods]
impl SerializedBlob {
    #[new]
    #[pyo3(signature = (info, data))]
    fn new(info: Py<PyAny>, data: Py<PyAny>) -> SerializedBlob {
        SerializedBlob {
            info,
            data: Data::Local(data),
        }
    }

    /// The data. Those of a blob that was received are decoded now, and not before.
    fn deserialized(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        match &self.data {
            Data::Local(data) => Ok(data.clone_ref(py)),
            Data::Received(blob) => blob
                .deserialized::<Read>()
                .map(|read| read.0)
                .map_err(|error| raise(py, error)),
        }
    }
}

impl SerializedBlob {
    /// One that a method has got.
    pub(crate) fn received(py: Python<'_>, blob: ferropyro::SerializedBlob) -> PyResult<SerializedBlob> {
        Ok(SerializedBlob {
            info: from_value(py, blob.info())?,
            data: Data::Received(blob),
        })
    }

    /// The blob of a call that has one, and then has nothing else.
    pub(crate) fn only(
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Option<ferropyro::SerializedBlob>> {
        let py = args.py();
        let Ok(first) = args.get_borrowed_item(0) else {
            return Ok(None);
        };
        let Ok(blob) = first.cast::<SerializedBlob>() else {
            return Ok(None);
        };
        if args.len() > 1 || kwargs.is_some_and(|kwargs| !kwargs.is_empty()) {
            let text = "if SerializedBlob is used, it must be the only argument";
            return Err(raise(py, ferropyro::Error::new(ferropyro::ErrorKind::Serialize, text)));
        }
        match &blob.get().data {
            Data::Received(received) => Ok(Some(received.clone())),
            Data::Local(data) => {
                let info = to_value(blob.get().info.bind(py), Serializer::Serpent)?;
                let data = to_value(data.bind(py), Serializer::Serpent)?;
                let made = ferropyro::SerializedBlob::new(info, &data);
                made.map(Some).map_err(|error| raise(py, error))
            }
        }
    }
}
