//! Python exceptions on their way through the library and through serde, whose errors are texts.

use std::cell::RefCell;

use ferropyro::{Error, ErrorKind};
use pyo3::PyErr;

thread_local!(static PENDING: RefCell<Option<PyErr>> = const { RefCell::new(None) });

/// Keeps the exception for [`take`], and gives the error that stands for it meanwhile.
pub(crate) fn keep(error: PyErr) -> Error {
    let text = error.to_string();
    PENDING.set(Some(error));
    Error::new(ErrorKind::Communication, text)
}

/// The same while something is written.
pub(crate) fn keep_write<E: serde::ser::Error>(error: PyErr) -> E {
    let text = error.to_string();
    PENDING.set(Some(error));
    E::custom(text)
}

/// The same while something is read.
pub(crate) fn keep_read<E: serde::de::Error>(error: PyErr) -> E {
    let text = error.to_string();
    PENDING.set(Some(error));
    E::custom(text)
}

/// The exception behind the error that has just arrived, if there is one.
pub(crate) fn take() -> Option<PyErr> {
    PENDING.take()
}

/// Lets go of one that nobody asked for.
pub(crate) fn forget() {
    PENDING.set(None);
}
