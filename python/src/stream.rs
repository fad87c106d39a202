//! Iterators of the other side.

use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;

use crate::errors::raise;
use crate::reply::Item;

/// An iterator that lives in the server: each item is asked for when it is wanted.
#[pyclass(frozen, module = "ferropyro._ferropyro")]
pub(crate) struct Items(Mutex<Option<ferropyro::Items<Item>>>);

impl Items {
    pub(crate) fn new(items: ferropyro::Items<Item>) -> Items {
        Items(Mutex::new(Some(items)))
    }
}

#[pymethods]
impl Items {
    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        // Taken out, so that nobody waits for this lock with Python's in hand.
        let taken = self.lock().take();
        let Some(mut items) = taken else { return Ok(None) };
        match items.next() {
            Some(Ok(item)) => {
                self.lock().get_or_insert(items);
                Ok(Some(item.0))
            }
            Some(Err(error)) => {
                self.lock().get_or_insert(items);
                Err(raise(py, error))
            }
            None => Ok(None),
        }
    }

    /// Tells the server that no more items are wanted.
    fn close(&self) {
        drop(self.lock().take());
    }
}

impl Items {
    fn lock(&self) -> std::sync::MutexGuard<'_, Option<ferropyro::Items<Item>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
