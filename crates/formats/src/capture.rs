//! Takes the text or bytes out of the content of a tagged newtype struct (see [`crate::tag`]).

use serde::ser::{Impossible, Serialize, Serializer};

use crate::ser::refuse_other_forms;
use crate::tag::Tag;
use crate::{Error, Surrogates};

/// The text or bytes that `content` serialises as.
pub(crate) fn capture<T: Serialize + ?Sized>(content: &T) -> Result<Vec<u8>, Error> {
    content.serialize(Capture)
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

struct Capture;

type Never = Impossible<Vec<u8>, Error>;

impl Serializer for Capture {
    type Ok = Vec<u8>;
    type Error = Error;
    type SerializeSeq = Never;
    type SerializeTuple = Never;
    type SerializeTupleStruct = Never;
    type SerializeTupleVariant = Never;
    type SerializeMap = Never;
    type SerializeStruct = Never;
    type SerializeStructVariant = Never;

    fn serialize_str(self, text: &str) -> Result<Vec<u8>, Error> {
        Ok(text.as_bytes().to_vec())
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(bytes.to_vec())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, text: &T) -> Result<Vec<u8>, Error> {
        match Tag::from_name(name) {
            Some(Tag::ClassName) => text.serialize(self),
            _ => Err(not_ours()),
        }
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Never, Error> {
        Err(not_ours())
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Never, Error> {
        Err(not_ours())
    }

    refuse_other_forms! { Vec<u8>, Never, not_ours() }
}
