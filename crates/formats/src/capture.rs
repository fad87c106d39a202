//! Takes the text or bytes out of the content of a tagged newtype struct (see [`crate::tag`]).

use serde::ser::{Impossible, Serialize, Serializer};

use crate::ser::refuse_other_forms;
use crate::tag::Tag;
use crate::{Error, Surrogates};

/// The text or bytes that `content` serialises as.
pub(crate) fn capture<T: Serialize + ?Sized>(content: &T) -> Result<Vec<u8>, Error> {
    content.serialize(Capture(|bytes: &[u8]| Ok(bytes.to_vec())))
}

/// Hands on the text that `content` serialises as, without a copy of it.
pub(crate) fn with_text<T: Serialize + ?Sized, R>(
    content: &T,
    take: impl FnOnce(&str) -> Result<R, Error>,
) -> Result<R, Error> {
    content.serialize(Capture(|bytes: &[u8]| match std::str::from_utf8(bytes) {
        Ok(text) => take(text),
        Err(_) => Err(not_ours()),
    }))
}

/// As [`capture`], for contents that are text.
pub(crate) fn capture_text<T: Serialize + ?Sized>(content: &T) -> Result<String, Error> {
    String::from_utf8(capture(content)?).map_err(|_| not_ours())
}

/// As [`capture`], for contents in WTF-8, which are a text after all when there are no lone surrogates.
pub(crate) fn capture_surrogates<T: Serialize + ?Sized>(content: &T) -> Result<Result<String, Surrogates>, Error> {
    Surrogates::from_wtf8(capture(content)?).map_err(|at| Error::unsupported(format!("invalid text at its byte {at}")))
}

/// As [`capture`], for contents of a fixed number of bytes.
pub(crate) fn capture_array<const N: usize, T: Serialize + ?Sized>(content: &T) -> Result<[u8; N], Error> {
    capture(content)?.try_into().map_err(|_| not_ours())
}

fn not_ours() -> Error {
    Error::unsupported("a newtype struct with a private name of ferropyro has foreign content")
}

/// With what is to be done with it.
struct Capture<F>(F);

type Never<R> = Impossible<R, Error>;

impl<R, F: FnOnce(&[u8]) -> Result<R, Error>> Serializer for Capture<F> {
    type Ok = R;
    type Error = Error;
    type SerializeSeq = Never<R>;
    type SerializeTuple = Never<R>;
    type SerializeTupleStruct = Never<R>;
    type SerializeTupleVariant = Never<R>;
    type SerializeMap = Never<R>;
    type SerializeStruct = Never<R>;
    type SerializeStructVariant = Never<R>;

    fn serialize_str(self, text: &str) -> Result<R, Error> {
        (self.0)(text.as_bytes())
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<R, Error> {
        (self.0)(bytes)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, text: &T) -> Result<R, Error> {
        match Tag::from_name(name) {
            Some(Tag::ClassName) => text.serialize(self),
            _ => Err(not_ours()),
        }
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Never<R>, Error> {
        Err(not_ours())
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Never<R>, Error> {
        Err(not_ours())
    }

    refuse_other_forms! { R, Never<R>, not_ours() }
}
