//! Room on the stack for nesting as deep as Python allows.

/// Runs `f` with enough stack for one more level of nesting: on a piece of fresh stack when the thread's own is nearly used up.
pub(crate) fn with_stack<R>(f: impl FnOnce() -> R) -> R {
    stacker::maybe_grow(64 * 1024, 1024 * 1024, f)
}

/// As [`with_stack`], but looks at the stack in some levels of nesting only: for writers, which pass here with every item, and to which looking
/// costs as much as writing a number.
pub(crate) fn with_stack_at<R>(depth: usize, f: impl FnOnce() -> R) -> R {
    // Two neighbours of eight, since an enum's variant with fields goes down two levels at once.
    if depth % 8 >= 6 { with_stack(f) } else { f() }
}
