//! Iterators of the other side.

use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use crate::context;
use crate::errors::raise;
use crate::reply::Item;

/// An iterator that lives in the server: each item is asked for when it is wanted.
#[pyclass(frozen, module = "ferropyro._ferropyro")]
pub(crate) struct Items {
    state: Mutex<State>,
}

enum State {
    Idle(Box<ferropyro::Items<Item>>),
    /// Somebody waits for an item; whether no more are wanted after that.
    Busy {
        is_closed: bool,
    },
    Over,
}

impl Items {
    pub(crate) fn new(items: ferropyro::Items<Item>) -> Items {
        Items {
            state: Mutex::new(State::Idle(Box::new(items))),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The items, which the caller gives back. Nobody waits for this lock with Python's in hand.
    fn take(&self) -> PyResult<Option<Box<ferropyro::Items<Item>>>> {
        let mut state = self.lock();
        match std::mem::replace(&mut *state, State::Busy { is_closed: false }) {
            State::Idle(items) => Ok(Some(items)),
            State::Over => {
                *state = State::Over;
                Ok(None)
            }
            busy @ State::Busy { .. } => {
                *state = busy;
                Err(PyRuntimeError::new_err(
                    "another thread waits for an item of this iterator",
                ))
            }
        }
    }

    fn put_back(&self, items: Box<ferropyro::Items<Item>>) {
        let mut state = self.lock();
        let is_closed = matches!(*state, State::Busy { is_closed: true });
        *state = if is_closed { State::Over } else { State::Idle(items) };
    }
}

#[pymethods]
impl Items {
    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        context::before_call(py)?;
        let Some(mut items) = self.take()? else { return Ok(None) };
        let item = items.next();
        match item {
            Some(Ok(Item::Raised(_))) | None => *self.lock() = State::Over,
            Some(_) => self.put_back(items),
        }
        match item {
            Some(Ok(Item::Value(item))) => item.open(py).map(Some),
            Some(Ok(Item::Raised(exception))) => Err(exception.exception(py)),
            Some(Err(error)) => Err(raise(py, error)),
            None => Ok(None),
        }
    }

    /// Tells the server that no more items are wanted.
    fn close(&self) {
        let mut state = self.lock();
        let before = match *state {
            State::Busy { .. } => std::mem::replace(&mut *state, State::Busy { is_closed: true }),
            _ => std::mem::replace(&mut *state, State::Over),
        };
        drop(state);
        drop(before);
    }
}
