//! What ends a request loop from within: Ctrl-C, or `sys.exit()`, in Python code that the loop runs in its own thread.

use std::cell::{Cell, RefCell};

use pyo3::exceptions::PyException;
use pyo3::prelude::*;

use crate::log;

thread_local! {
    static IS_RUNNING: Cell<bool> = const { Cell::new(false) };
    static END: RefCell<Option<PyErr>> = const { RefCell::new(None) };
}

/// Runs a step of the loop in this thread. What ends the loop is raised after it.
pub(crate) fn step<T: Send>(py: Python<'_>, step: impl FnOnce() -> T + Send) -> PyResult<T> {
    log::note_thread(py);
    let before = IS_RUNNING.replace(true);
    let result = py.detach(step);
    IS_RUNNING.set(before);
    match END.take() {
        Some(end) => Err(end),
        None => Ok(result),
    }
}

/// Whether this thread is in a step of a loop.
pub(crate) fn is_running() -> bool {
    IS_RUNNING.get()
}

/// Notes an exception for the loop, if this is the thread of one and the exception is meant to end more than a call.
pub(crate) fn note(py: Python<'_>, error: &PyErr) {
    if IS_RUNNING.get() && !error.is_instance_of::<PyException>(py) {
        END.set(Some(error.clone_ref(py)));
    }
}

/// An exception in a hook, which nobody else can be told of.
pub(crate) fn report(py: Python<'_>, error: PyErr, hook: &Py<PyAny>) {
    note(py, &error);
    if error.is_instance_of::<PyException>(py) || !IS_RUNNING.get() {
        error.write_unraisable(py, Some(hook.bind(py)));
    }
}
