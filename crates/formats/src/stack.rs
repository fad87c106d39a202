//! Room on the stack for nesting as deep as Python allows.

/// Runs `f` with enough stack for one more level of nesting: on a piece of fresh stack when the thread's own is nearly used up.
pub(crate) fn with_stack<R>(f: impl FnOnce() -> R) -> R {
    stacker::maybe_grow(64 * 1024, 1024 * 1024, f)
}
