use std::borrow::Cow;
use std::fmt;
use std::ops::{Deref, DerefMut};

use serde::de::{self, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::base64::decode_base64;
use crate::tag::{Tag, read_tag};

/// Python's bytes, as one piece.
///
/// (A `Vec<u8>` is a list of ints to serde.) Reading takes what a Pyro peer may have made of bytes: bytes, a bytearray, a list of small ints, and the dictionary
/// `{'data': ..., 'encoding': 'base64'}` that serpent makes: the rule of Python's `serpent.tobytes`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Bytes(pub Vec<u8>);

/// Python's bytearray. Reading takes the same as [`Bytes`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ByteArray(pub Vec<u8>);

macro_rules! bytes_type {
    ($name:ident) => {
        impl Deref for $name {
            type Target = Vec<u8>;

            fn deref(&self) -> &Vec<u8> {
                &self.0
            }
        }

        impl DerefMut for $name {
            fn deref_mut(&mut self) -> &mut Vec<u8> {
                &mut self.0
            }
        }

        impl From<Vec<u8>> for $name {
            fn from(bytes: Vec<u8>) -> $name {
                $name(bytes)
            }
        }

        impl From<&[u8]> for $name {
            fn from(bytes: &[u8]) -> $name {
                $name(bytes.to_vec())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<$name, D::Error> {
                BytesRef::deserialize(deserializer).map(|bytes| $name(bytes.0.into_owned()))
            }
        }
    };
}

bytes_type!(Bytes);
bytes_type!(ByteArray);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl Serialize for ByteArray {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(Tag::ByteArray.name(), &RawBytes(&self.0))
    }
}

/// Bytes as they stand in a message, where they stand there as they are (marshal, msgpack, and serpent's literals); a copy otherwise.
///
/// Reading takes the same as [`Bytes`]. For who looks at many bytes and does not keep them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BytesRef<'a>(pub Cow<'a, [u8]>);

impl Deref for BytesRef<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl<'de> Deserialize<'de> for BytesRef<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<BytesRef<'de>, D::Error> {
        deserializer
            .deserialize_newtype_struct(Tag::ByteArray.name(), BytesVisitor)
            .map(BytesRef)
    }
}

/// Bytes that serialise as bytes: the content of tagged newtype structs.
pub(crate) struct RawBytes<'a>(pub(crate) &'a [u8]);

impl Serialize for RawBytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

/// The other direction of [`RawBytes`].
pub(crate) struct OwnedBytes(pub(crate) Vec<u8>);

impl<'de> Deserialize<'de> for OwnedBytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<OwnedBytes, D::Error> {
        deserializer
            .deserialize_byte_buf(BytesVisitor)
            .map(|bytes| OwnedBytes(bytes.into_owned()))
    }
}

struct BytesVisitor;

impl<'de> Visitor<'de> for BytesVisitor {
    type Value = Cow<'de, [u8]>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Cow<'de, [u8]>, D::Error> {
        deserializer.deserialize_byte_buf(self)
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Cow<'de, [u8]>, E> {
        Ok(Cow::Owned(bytes.to_vec()))
    }

    fn visit_borrowed_bytes<E: de::Error>(self, bytes: &'de [u8]) -> Result<Cow<'de, [u8]>, E> {
        Ok(Cow::Borrowed(bytes))
    }

    fn visit_byte_buf<E: de::Error>(self, bytes: Vec<u8>) -> Result<Cow<'de, [u8]>, E> {
        Ok(Cow::Owned(bytes))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Cow<'de, [u8]>, A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = seq.next_element()? {
            bytes.push(byte);
        }
        Ok(Cow::Owned(bytes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Cow<'de, [u8]>, A::Error> {
        let (mut data, mut encoding) = (None, None);
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "data" => data = Some(map.next_value::<String>()?),
                "encoding" => encoding = Some(map.next_value::<String>()?),
                _ => return Err(de::Error::unknown_field(&key, &["data", "encoding"])),
            }
        }
        let data = data.ok_or_else(|| de::Error::missing_field("data"))?;
        if encoding.as_deref() != Some("base64") {
            return Err(de::Error::custom(
                "a dict that stands for bytes has 'encoding': 'base64'",
            ));
        }
        decode_base64(&data).map(Cow::Owned).map_err(de::Error::custom)
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<Cow<'de, [u8]>, A::Error> {
        match read_tag(data)? {
            (Tag::ByteArray, content) => Ok(Cow::Owned(content.newtype_variant::<OwnedBytes>()?.0)),
            (Tag::Tuple, content) => content.newtype_variant_seed(super::de::Through(self)),
            (tag, _) => Err(super::de::wrong_tag(tag, &self)),
        }
    }
}

/// A Python text with lone surrogates: its UTF-8 form in which a surrogate is encoded like any other code point (WTF-8).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Surrogates(Vec<u8>);

impl Surrogates {
    /// The text of these code points, paired surrogates being joined: a `String` when no lone one is left, else a `Surrogates`.
    ///
    /// The error is the first number that is no code point.
    pub fn from_code_points(points: impl IntoIterator<Item = u32>) -> Result<Result<String, Surrogates>, u32> {
        let mut bytes = Vec::new();
        let mut high: Option<u32> = None;
        let mut lone = false;
        for point in points {
            let joined: u32 = match (high.take(), point) {
                (Some(high), 0xDC00..=0xDFFF) => 0x10000_u32 + ((high - 0xD800) << 10) + (point - 0xDC00),
                (Some(high), _) => {
                    push_surrogate(&mut bytes, high);
                    lone = true;
                    point
                }
                (None, _) => point,
            };
            match joined {
                0xD800..=0xDBFF => high = Some(joined),
                0xDC00..=0xDFFF => {
                    push_surrogate(&mut bytes, joined);
                    lone = true;
                }
                _ => {
                    let char = char::from_u32(joined).ok_or(joined)?;
                    bytes.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
                }
            }
        }
        if let Some(high) = high {
            push_surrogate(&mut bytes, high);
            lone = true;
        }
        Ok(if lone {
            Err(Surrogates(bytes))
        } else {
            Ok(String::from_utf8(bytes).unwrap_or_default())
        })
    }

    /// The text of bytes in WTF-8: a `String` when they are UTF-8. The error is the position of the first byte that is neither.
    pub fn from_wtf8(bytes: Vec<u8>) -> Result<Result<String, Surrogates>, usize> {
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Ok(text)),
            Err(error) => {
                let bytes = error.into_bytes();
                check_wtf8(&bytes)?;
                Ok(Err(Surrogates(bytes)))
            }
        }
    }

    /// The WTF-8 bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The code points, surrogates included.
    pub fn code_points(&self) -> impl Iterator<Item = u32> + Clone + '_ {
        let mut rest = self.0.as_slice();
        std::iter::from_fn(move || {
            let (point, length) = next_code_point(rest)?;
            rest = &rest[length..];
            Some(point)
        })
    }

    /// The text with U+FFFD in the place of each lone surrogate.
    pub fn to_string_lossy(&self) -> String {
        self.code_points()
            .map(|point| char::from_u32(point).unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect()
    }
}

fn push_surrogate(bytes: &mut Vec<u8>, surrogate: u32) {
    bytes.extend_from_slice(&[
        0xED,
        0x80 | (surrogate >> 6 & 0x3F) as u8,
        0x80 | (surrogate & 0x3F) as u8,
    ]);
}

/// The first code point of WTF-8 text and its length in bytes; `None` at the end or before bytes that are not WTF-8.
fn next_code_point(bytes: &[u8]) -> Option<(u32, usize)> {
    let first = *bytes.first()?;
    let length = match first {
        0x00..=0x7F => 1,
        0xC2..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF4 => 4,
        _ => return None,
    };
    let piece = bytes.get(..length)?;
    match piece {
        [0xED, second @ 0xA0..=0xBF, third @ 0x80..=0xBF] => {
            Some((0xD000 | u32::from(second & 0x3F) << 6 | u32::from(third & 0x3F), 3))
        }
        _ => Some((u32::from(std::str::from_utf8(piece).ok()?.chars().next()?), length)),
    }
}

fn check_wtf8(bytes: &[u8]) -> Result<(), usize> {
    let mut at = 0;
    while at < bytes.len() {
        at += next_code_point(&bytes[at..]).ok_or(at)?.1;
    }
    Ok(())
}

impl fmt::Display for Surrogates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_string_lossy())
    }
}

impl Serialize for Surrogates {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(Tag::Surrogates.name(), &RawBytes(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joins_pairs_and_keeps_lone_surrogates() {
        assert_eq!(
            Surrogates::from_code_points([0x41, 0xD83D, 0xDE00]),
            Ok(Ok("A😀".to_owned()))
        );
        let lone = Surrogates::from_code_points([0xD800, 0x42, 0xDC80])
            .unwrap()
            .unwrap_err();
        assert_eq!(lone.as_bytes(), b"\xED\xA0\x80B\xED\xB2\x80");
        assert_eq!(lone.code_points().collect::<Vec<_>>(), [0xD800, 0x42, 0xDC80]);
        assert_eq!(Surrogates::from_wtf8(lone.as_bytes().to_vec()), Ok(Err(lone)));
        assert_eq!(Surrogates::from_code_points([0x110000]), Err(0x110000));
        assert_eq!(Surrogates::from_wtf8(b"ab\xFF".to_vec()), Err(2));
    }
}
