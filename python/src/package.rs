//! What the Rust half uses of the Python half, and of Python itself: looked up once.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

macro_rules! looked_up {
    ($($(#[$doc:meta])* $name:ident: $type:ty = $module:literal, $attribute:literal;)*) => {
        $($(#[$doc])*
        pub(crate) fn $name(py: Python<'_>) -> PyResult<&Bound<'_, $type>> {
            static FOUND: PyOnceLock<Py<$type>> = PyOnceLock::new();
            FOUND.import(py, $module, $attribute)
        })*
    };
}

looked_up! {
    /// Gives what is written in the place of an object of a class.
    object_to_wire: PyAny = "ferropyro.wire", "object_to_wire";
    /// Gives the object that a class dict stands for.
    wire_to_object: PyAny = "ferropyro.wire", "wire_to_object";
    /// Gives the class dict of an exception, traceback and all.
    exception_to_wire: PyAny = "ferropyro.wire", "exception_to_wire";
    /// Writes an exception that a method has raised with pickle or its kin, traceback and all.
    exception_to_pickle: PyAny = "ferropyro.wire", "exception_to_pickle";
    /// Notes the traceback of an exception that a method has raised.
    keep_traceback: PyAny = "ferropyro.wire", "keep_traceback";
    /// What stands for an exception among the results of a batch.
    exception_wrapper: PyAny = "ferropyro.futures", "_ExceptionWrapper";
    /// Logs the exception of a callback, which is to be seen here too.
    log_callback: PyAny = "ferropyro.wire", "log_callback";
    /// Gives the serializer of a name.
    get_serializer: PyAny = "ferropyro.util", "get_serializer";
    /// The exception of the ends of connections that do not have the same key.
    authentication_error: PyAny = "multiprocessing", "AuthenticationError";
    current_thread: PyAny = "threading", "current_thread";
    main_thread: PyAny = "threading", "main_thread";
    decimal: PyType = "decimal", "Decimal";
    uuid: PyType = "uuid", "UUID";
    date: PyType = "datetime", "date";
    datetime: PyType = "datetime", "datetime";
    time: PyType = "datetime", "time";
    timedelta: PyType = "datetime", "timedelta";
}

/// An exception class of `ferropyro.errors`.
pub(crate) fn error_class<'py>(py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyType>> {
    Ok(py.import("ferropyro.errors")?.getattr(name)?.cast_into()?)
}

/// Whether this is the thread in which Python runs the handlers of signals.
pub(crate) fn is_main_thread(py: Python<'_>) -> PyResult<bool> {
    Ok(current_thread(py)?.call0()?.is(&main_thread(py)?.call0()?))
}
