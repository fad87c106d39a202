//! Takes the text or bytes out of the content of a tagged newtype struct (see [`crate::tag`]).

use serde::ser::{Impossible, Serialize, Serializer};

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

macro_rules! refuse {
    ($($method:ident($($arg:ty),*) -> $ok:ty;)*) => {
        $(fn $method(self, $(_: $arg),*) -> Result<$ok, Error> { Err(not_ours()) })*
    };
}

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

    refuse! {
        serialize_bool(bool) -> Vec<u8>;
        serialize_i8(i8) -> Vec<u8>;
        serialize_i16(i16) -> Vec<u8>;
        serialize_i32(i32) -> Vec<u8>;
        serialize_i64(i64) -> Vec<u8>;
        serialize_u8(u8) -> Vec<u8>;
        serialize_u16(u16) -> Vec<u8>;
        serialize_u32(u32) -> Vec<u8>;
        serialize_u64(u64) -> Vec<u8>;
        serialize_f32(f32) -> Vec<u8>;
        serialize_f64(f64) -> Vec<u8>;
        serialize_char(char) -> Vec<u8>;
        serialize_none() -> Vec<u8>;
        serialize_unit() -> Vec<u8>;
        serialize_unit_struct(&'static str) -> Vec<u8>;
        serialize_unit_variant(&'static str, u32, &'static str) -> Vec<u8>;
        serialize_seq(Option<usize>) -> Never;
        serialize_tuple(usize) -> Never;
        serialize_tuple_struct(&'static str, usize) -> Never;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Never;
        serialize_map(Option<usize>) -> Never;
        serialize_struct(&'static str, usize) -> Never;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Never;
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<Vec<u8>, Error> {
        Err(not_ours())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, _: &T) -> Result<Vec<u8>, Error> {
        Err(not_ours())
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<Vec<u8>, Error> {
        Err(not_ours())
    }
}
