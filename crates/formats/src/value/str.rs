use std::borrow::{Borrow, Cow};
use std::fmt;
use std::ops::Deref;

use compact_str::CompactString;
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The text of a [`Value`](super::Value): a `str` that takes no memory of its own up to 24 bytes (on systems of 64 bits), as most texts of a message and nearly all keys have.
///
/// ```
/// use ferropyro_formats::{Str, Value};
///
/// let Value::Str(text) = Value::from("spam") else { panic!() };
/// assert_eq!(text, "spam");
/// assert_eq!(text.to_uppercase(), "SPAM"); // what a str can do
/// assert_eq!(Str::from("eggs").into_string(), String::from("eggs"));
/// ```
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Str(CompactString);

impl Str {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text as a `String`. A long one is not copied.
    pub fn into_string(self) -> String {
        self.0.into_string()
    }
}

impl Deref for Str {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Str {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// It hashes and compares as the `str`.
impl Borrow<str> for Str {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Str {
    #[inline]
    fn from(text: &str) -> Str {
        Str(CompactString::new(text))
    }
}

/// A long text is not copied.
impl From<String> for Str {
    #[inline]
    fn from(text: String) -> Str {
        Str(CompactString::from(text))
    }
}

impl From<Cow<'_, str>> for Str {
    fn from(text: Cow<'_, str>) -> Str {
        match text {
            Cow::Borrowed(text) => text.into(),
            Cow::Owned(text) => text.into(),
        }
    }
}

impl From<Str> for String {
    fn from(text: Str) -> String {
        text.into_string()
    }
}

impl PartialEq<str> for Str {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Str {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl PartialEq<String> for Str {
    fn eq(&self, other: &String) -> bool {
        self.as_str() == other
    }
}

impl fmt::Display for Str {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.as_str(), f)
    }
}

impl fmt::Debug for Str {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl Serialize for Str {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

impl<'de> Deserialize<'de> for Str {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Str, D::Error> {
        deserializer.deserialize_str(StrVisitor)
    }
}

struct StrVisitor;

impl Visitor<'_> for StrVisitor {
    type Value = Str;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Str, E> {
        Ok(text.into())
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Str, E> {
        Ok(text.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Value;

    #[test]
    fn a_long_text_is_taken_over_as_it_is_both_ways() {
        let text = "x".repeat(1000);
        let place = text.as_ptr();
        let text = Str::from(text);
        assert_eq!(text.as_ptr(), place);
        let text = text.into_string();
        assert_eq!(text.as_ptr(), place);
    }

    #[test]
    fn a_value_is_no_larger_than_a_text_and_its_kind() {
        assert_eq!(size_of::<Str>(), size_of::<String>());
        assert!(size_of::<Value>() <= 32, "{}", size_of::<Value>());
    }
}
