use serde::{Serialize, Serializer};

use super::text::RawBytes;
use crate::tag::Tag;

/// An object that only Python can make, for example a function that cloudpickle pickled: kept as it came in a pickle, to be passed on in one.
///
/// Nothing of it is ever carried out here. Formats other than [`pickle`](crate::pickle) refuse it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pickled {
    callee: String,
    pickle: Vec<u8>,
}

impl Pickled {
    pub(crate) fn new(callee: String, pickle: Vec<u8>) -> Pickled {
        Pickled { callee, pickle }
    }

    /// The dotted name of the class or function that Python would call to make the object.
    pub fn callee(&self) -> &str {
        &self.callee
    }

    /// The object as a pickle of its own, in the highest protocol.
    pub fn pickle(&self) -> &[u8] {
        &self.pickle
    }

    /// What travels through serde: the name, an end of line, the pickle.
    pub(crate) fn into_content(self) -> Vec<u8> {
        let mut content = self.callee.into_bytes();
        content.push(b'\n');
        content.extend_from_slice(&self.pickle);
        content
    }

    /// The other direction of [`Self::into_content`].
    pub(crate) fn from_content(content: &[u8]) -> Option<Pickled> {
        let end = memchr::memchr(b'\n', content)?;
        Some(Pickled {
            callee: String::from_utf8(content[..end].to_vec()).ok()?,
            pickle: content[end + 1..].to_vec(),
        })
    }
}

impl Serialize for Pickled {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(Tag::Pickled.name(), &RawBytes(&self.clone().into_content()))
    }
}
