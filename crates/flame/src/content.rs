//! The bytes of a file, as pickles of all Pythons bring them.

use ferropyro::Value;
use serde::de::{self, Deserialize, Deserializer};

/// Python 3 has bytes. What Python 2 has for bytes arrives as text when it is UTF-8, and the bytes of that text are what was sent.
pub(crate) struct Content(pub(crate) Vec<u8>);

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Content, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Bytes(bytes) | Value::ByteArray(bytes) => Ok(Content(bytes)),
            Value::Str(text) => Ok(Content(text.into_string().into_bytes())),
            _ => Err(de::Error::custom("the content of a file is bytes")),
        }
    }
}
