//! Data that stay serialized on their way.

use ferropyro::Serializer;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::errors::raise;
use crate::pickles;
use crate::proxy::{from_value, to_value};
use crate::read::{PickledData, Read};

/// Data that stay serialized at the receiver until they are asked for, with a bit of information that can be read at once. The only argument of a call.
#[pyclass(frozen, module = "ferropyro.core")]
pub(crate) struct SerializedBlob {
    #[pyo3(get)]
    info: Py<PyAny>,
    data: Data,
}

/// A blob on its way, and data that Python writes itself.
pub(crate) type Sent<'py> = (ferropyro::SerializedBlob, Option<Bound<'py, PyAny>>);

enum Data {
    /// Made here.
    Local(Py<PyAny>),
    /// And whether Python's own module reads a pickle.
    Received(ferropyro::SerializedBlob, bool),
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
            Data::Received(blob, unpickles) => received_data(py, blob, *unpickles),
        }
    }
}

fn received_data(py: Python<'_>, blob: &ferropyro::SerializedBlob, unpickles: bool) -> PyResult<Py<PyAny>> {
    let data = match blob.written() {
        Some((serializer, payload)) if serializer.is_pickle() && unpickles => {
            return pickles::loads_call(py, serializer, payload).map(|(data, _)| data.unbind());
        }
        Some((serializer, _)) if serializer.is_pickle() => blob.deserialized::<PickledData>().map(|read| read.0),
        _ => blob.deserialized::<Read>().map(|read| read.0),
    };
    data.map_err(|error| raise(py, error))
}

impl SerializedBlob {
    /// One that a method has got. `unpickles` says who is to read a pickle, Python's own module or nobody.
    pub(crate) fn received(
        py: Python<'_>,
        blob: ferropyro::SerializedBlob,
        unpickles: bool,
    ) -> PyResult<SerializedBlob> {
        Ok(SerializedBlob {
            info: from_value(py, blob.info(), Serializer::Marshal, false)?,
            data: Data::Received(blob, unpickles),
        })
    }

    /// The blob of a call that has one, and then has nothing else; with the data of one that was made here, if they are to be sent with pickle or its kin.
    pub(crate) fn only<'py>(
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
        format: Serializer,
    ) -> PyResult<Option<Sent<'py>>> {
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
            Data::Received(received, _) => Ok(Some((received.clone(), None))),
            Data::Local(data) => {
                let info = to_value(blob.get().info.bind(py), Serializer::Serpent)?;
                if format.is_pickle() {
                    let made = ferropyro::SerializedBlob::new(info, &());
                    let made = made.map_err(|error| raise(py, error))?;
                    return Ok(Some((made, Some(data.bind(py).clone()))));
                }
                let data = to_value(data.bind(py), Serializer::Serpent)?;
                let made = ferropyro::SerializedBlob::new(info, &data);
                made.map(|made| Some((made, None))).map_err(|error| raise(py, error))
            }
        }
    }
}
