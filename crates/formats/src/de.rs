//! What the deserializers of this crate have in common.

use serde::de::value::{BytesDeserializer, SeqAccessDeserializer, SeqDeserializer};
use serde::de::{self, SeqAccess, Visitor};

use crate::Error;
use crate::refusal::no_string;
use crate::tag::{Tag, visit_tagged};
use crate::value::{BigInt, Complex};

/// Deserializer methods that pass on to others, since Python has one type for both; and what reads a value in rich mode (see [`crate::tag`]).
///
/// What reads it may ask for the tag that the type named.
macro_rules! forward_to_python_types {
    (|$self:ident, $visitor:ident| $rich:expr) => {
        $crate::de::forward_to_python_types! { |$self, $visitor, _tag| $rich }
    };
    (|$self:ident, $visitor:ident, $tag:pat_param| $rich:expr) => {
        fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            self.deserialize_f64(visitor)
        }

        fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            self.deserialize_str(visitor)
        }

        fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            self.deserialize_bytes(visitor)
        }

        fn deserialize_unit_struct<V: Visitor<'de>>(self, _name: &'static str, visitor: V) -> Result<V::Value, Error> {
            self.deserialize_unit(visitor)
        }

        #[inline] // names are constants
        fn deserialize_newtype_struct<V: Visitor<'de>>($self, name: &'static str, $visitor: V) -> Result<V::Value, Error> {
            match Tag::from_name(name) {
                Some($tag) => $rich,
                None => $visitor.visit_newtype_struct($self),
            }
        }

        fn deserialize_tuple<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, Error> {
            self.deserialize_seq(visitor)
        }

        fn deserialize_tuple_struct<V: Visitor<'de>>(
            self,
            _name: &'static str,
            _len: usize,
            visitor: V,
        ) -> Result<V::Value, Error> {
            self.deserialize_seq(visitor)
        }

        fn deserialize_struct<V: Visitor<'de>>(
            self,
            _name: &'static str,
            _fields: &'static [&'static str],
            visitor: V,
        ) -> Result<V::Value, Error> {
            self.deserialize_map(visitor)
        }
    };
}

pub(crate) use forward_to_python_types;

/// How many items to tell of: one may make room for them, but their number is only announced.
pub(crate) fn cautious(announced: usize) -> usize {
    announced.min(128)
}

/// Hands over the items of a list, or with a tag those of one of Python's other sequences.
pub(crate) fn visit_items<'de, V, A>(visitor: V, tag: Option<Tag>, items: A) -> Result<V::Value, A::Error>
where
    V: Visitor<'de>,
    A: SeqAccess<'de>,
{
    match tag {
        Some(tag) => visit_tagged(visitor, tag, SeqAccessDeserializer::new(items)),
        None => visitor.visit_seq(items),
    }
}

/// Hands over bytes as the content of a tag.
pub(crate) fn visit_tagged_bytes<'de, V: Visitor<'de>>(visitor: V, tag: Tag, bytes: &[u8]) -> Result<V::Value, Error> {
    visit_tagged(visitor, tag, BytesDeserializer::new(bytes))
}

/// Hands over bytes as a sequence of numbers.
pub(crate) fn visit_bytes_as_seq<'de, V: Visitor<'de>>(visitor: V, bytes: &[u8]) -> Result<V::Value, Error> {
    let mut numbers = SeqDeserializer::new(bytes.iter().copied());
    let value = visitor.visit_seq(&mut numbers)?;
    numbers.end()?;
    Ok(value)
}

/// Hands over a number of any size; where `rich` is false, as the smallest of Rust's integers that holds it.
pub(crate) fn visit_big_int<'de, V: Visitor<'de>>(visitor: V, number: &BigInt, rich: bool) -> Result<V::Value, Error> {
    if let Some(number) = number.to_i64() {
        visitor.visit_i64(number)
    } else if rich {
        visit_tagged_bytes(visitor, Tag::BigInt, &number.to_bytes())
    } else if let Ok(number) = u64::try_from(&number.0) {
        visitor.visit_u64(number)
    } else if let Ok(number) = i128::try_from(&number.0) {
        visitor.visit_i128(number)
    } else if let Ok(number) = u128::try_from(&number.0) {
        visitor.visit_u128(number)
    } else {
        Err(de::Error::custom("integer too large"))
    }
}

/// Hands over a complex number; where `rich` is false, as its two parts.
pub(crate) fn visit_complex<'de, V: Visitor<'de>>(visitor: V, number: Complex, rich: bool) -> Result<V::Value, Error> {
    match rich {
        true => visit_tagged_bytes(visitor, Tag::Complex, &number.to_bytes()),
        false => visitor.visit_seq(SeqDeserializer::new([number.re, number.im].into_iter())),
    }
}

/// Hands over a text with lone surrogates, in WTF-8; where `rich` is false there is nothing that could hold it.
pub(crate) fn visit_surrogates<'de, V: Visitor<'de>>(visitor: V, wtf8: &[u8], rich: bool) -> Result<V::Value, Error> {
    match rich {
        true => visit_tagged_bytes(visitor, Tag::Surrogates, wtf8),
        false => Err(no_string()),
    }
}
