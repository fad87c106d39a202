/// How much a decoder accepts, so that hostile input ends in an error and not in exhausted memory or stack.
///
/// Every format module has a `LIMITS` constant with the depth at which the same data would end in an error in Python.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Containers within containers. One list is depth 1. (Much beyond 2000, dropping a [`Value`](crate::Value) takes more than the usual stack.)
    pub depth: usize,
    /// Values in the whole input, containers and keys included.
    pub items: usize,
    /// Bytes of one text, byte string or number.
    pub bytes: usize,
    /// Decimal digits of an integer that is written as text (CPython's `sys.get_int_max_str_digits`).
    pub int_digits: usize,
}

impl Limits {
    /// The usual limits with the given depth: 64 Mi items, 1 GiB for one text, 4300 digits.
    pub const fn with_depth(depth: usize) -> Limits {
        Limits {
            depth,
            items: 64 << 20,
            bytes: 1 << 30,
            int_digits: 4300,
        }
    }
}
