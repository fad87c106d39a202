//! The file that Python's picklers write to: the message itself.

use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyMemoryView, PySlice};

use crate::pickle_parts::names_contain;

/// A message, for as long as a pickler adds a pickle to it. Picklers hand over what is long as it is, so that it is copied once, into its place.
#[pyclass(frozen, module = "ferropyro._ferropyro")]
pub(crate) struct PickleFile {
    /// `None` as soon as nobody is to write any more.
    message: Mutex<Option<Vec<u8>>>,
    /// Where the pickle begins.
    start: usize,
}

/// What is read at once of an object that is not bytes: so little that the memory for it is there already.
const PIECE: usize = 64 << 10;

impl PickleFile {
    /// Lends the message to somebody who writes a pickle at its end.
    pub(crate) fn lend<'py>(
        py: Python<'py>,
        message: &mut Vec<u8>,
        write: impl FnOnce(&Bound<'py, PickleFile>) -> PyResult<()>,
    ) -> PyResult<()> {
        let file = PickleFile {
            start: message.len(),
            message: Mutex::new(Some(std::mem::take(message))),
        };
        let file = Bound::new(py, file)?;
        let written = write(&file);
        *message = file.get().lock().take().unwrap_or_default();
        written
    }

    /// Never held while code of Python's runs.
    fn lock(&self) -> MutexGuard<'_, Option<Vec<u8>>> {
        self.message.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, act: impl FnOnce(&mut Vec<u8>) -> T) -> PyResult<T> {
        let closed = || PyValueError::new_err("the pickle has been written");
        self.lock().as_mut().map(act).ok_or_else(closed)
    }

    /// Adds what is in a buffer: that of a bytearray, or of an array. Before Python 3.11 there is no other way for a module that runs with every Python.
    fn write_buffer(&self, buffer: &Bound<'_, PyAny>) -> PyResult<usize> {
        let py = buffer.py();
        let view = match buffer.hasattr("raw")? {
            // A PickleBuffer, in whatever order its items are.
            true => buffer.call_method0("raw")?,
            false => PyMemoryView::from(buffer)?.call_method1("cast", ("B",))?,
        };
        let length = view.len()?;
        self.with(|message| message.reserve(length))?;
        for start in (0..length).step_by(PIECE) {
            let stop = length.min(start + PIECE);
            let piece = view.get_item(PySlice::new(py, start as isize, stop as isize, 1))?;
            let piece = piece.call_method0("tobytes")?;
            let piece = piece.cast::<PyBytes>()?;
            self.with(|message| message.extend_from_slice(piece.as_bytes()))?;
        }
        Ok(length)
    }
}

#[pymethods]
impl PickleFile {
    /// Adds bytes, or what is in a buffer. Gives how many bytes that were.
    fn write(&self, data: &Bound<'_, PyAny>) -> PyResult<usize> {
        let Ok(bytes) = data.cast::<PyBytes>() else {
            return self.write_buffer(data);
        };
        let bytes = bytes.as_bytes();
        self.with(|message| message.extend_from_slice(bytes))?;
        Ok(bytes.len())
    }

    /// Whether the name of a class or function in the pickle may contain this.
    fn names_contain(&self, text: &[u8]) -> PyResult<bool> {
        self.with(|message| names_contain(message.get(self.start..).unwrap_or_default(), text))
    }

    /// Takes back what was written.
    fn clear(&self) -> PyResult<()> {
        self.with(|message| message.truncate(self.start))
    }
}
