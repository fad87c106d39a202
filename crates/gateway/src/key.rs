//! The key that callers must know.

use std::fmt;

use subtle::ConstantTimeEq;

/// A key, which is never shown.
pub(crate) struct Key(Vec<u8>);

impl Key {
    /// An empty one is none.
    pub(crate) fn new(key: &[u8]) -> Option<Key> {
        (!key.is_empty()).then(|| Key(key.to_vec()))
    }

    /// Whether this is it. The time it takes tells the length of the key, and nothing else.
    pub(crate) fn is(&self, offered: &[u8]) -> bool {
        self.0.ct_eq(offered).into()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}
