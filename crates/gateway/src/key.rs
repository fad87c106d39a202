//! The key that callers must know, and the token of the page.

use std::fmt;

use subtle::ConstantTimeEq;
use uuid::Uuid;

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

/// What a page of ours sends along, so that it is known as one: pages of other sites cannot read it. A new one for each gateway.
pub(crate) struct Token(String);

impl Token {
    pub(crate) fn new() -> Token {
        Token(Uuid::new_v4().simple().to_string())
    }

    /// For the page.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn is(&self, offered: &[u8]) -> bool {
        self.0.as_bytes().ct_eq(offered).into()
    }
}
