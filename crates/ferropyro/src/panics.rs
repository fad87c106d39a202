//! Panics in code of the program's own, which shall do no harm beyond the call, or the object, that they happen in.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::logging::logger;

/// What somebody said who panicked.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or(panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("no message")
}

/// Runs code of the program's own in a place where nobody can be told of a panic. `None` when there was one.
pub(crate) fn contain<T>(what: &str, code: impl FnOnce() -> T) -> Option<T> {
    match catch_unwind(AssertUnwindSafe(code)) {
        Ok(result) => Some(result),
        Err(panic) => {
            tracing::error!(target: logger::SERVER, "{what} panicked: {}", panic_text(&*panic));
            None
        }
    }
}

/// Drops something of the program's, whose `Drop` may panic.
pub(crate) fn drop_contained<T>(what: &str, value: T) {
    contain(what, || drop(value));
}
