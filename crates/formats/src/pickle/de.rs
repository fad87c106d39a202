use serde::de::{self, Visitor};

use super::machine::{self, Accept};
use super::reader::Walk;
use crate::{Error, Limits};

/// Reads a pickle as serde's data model.
///
/// The pickle is carried out as a whole when its value is asked for; what is read then is what it has built.
pub struct Deserializer<'de, 'a> {
    input: &'de [u8],
    limits: Limits,
    accept: Option<Accept<'a>>,
    /// How much of the first pickle is wanted.
    front: Option<usize>,
    position: usize,
}

impl<'de, 'a> Deserializer<'de, 'a> {
    /// Starts at the start of `input`.
    pub fn new(input: &'de [u8], limits: &Limits) -> Deserializer<'de, 'a> {
        Deserializer {
            input,
            limits: *limits,
            accept: None,
            front: None,
            position: 0,
        }
    }

    /// As [`new`](Deserializer::new), for the front of a tuple of more than three items: it reads as one of the first `count` items, and what stands behind
    /// these is not looked at. Any other pickle is read as a whole.
    pub fn front(input: &'de [u8], limits: &Limits, count: usize) -> Deserializer<'de, 'a> {
        Deserializer {
            front: Some(count),
            ..Deserializer::new(input, limits)
        }
    }

    /// Refuses the classes and functions that mean nothing to this module (see there), but for those whose dotted names `accept` takes.
    ///
    /// Without this they are data like everything else.
    pub fn refuse_unknown(mut self, accept: &'a dyn Fn(&str) -> bool) -> Deserializer<'de, 'a> {
        self.accept = Some(accept);
        self
    }

    /// Accepts whatever stands behind the pickle, as Python does: never fails.
    pub fn end(&mut self) -> Result<(), Error> {
        Ok(())
    }

    /// The offset in the input, in bytes, up to which it was read.
    pub fn position(&self) -> usize {
        self.position
    }

    /// Carries the next pickle out.
    fn walk(&mut self) -> Result<Walk<'de>, Error> {
        let document = machine::run(self.input, self.position, &self.limits, self.accept, self.front)?;
        self.position = document.end;
        Ok(Walk::new(document, &self.limits))
    }
}

/// Deserializer methods that do what those of the pickle's [`Reader`](super::reader::Reader) do.
macro_rules! read_document {
    ($($method:ident($($arg:ident: $type:ty),*))*) => {
        $(fn $method<V: Visitor<'de>>(self, $($arg: $type,)* visitor: V) -> Result<V::Value, Error> {
            self.walk()?.root().$method($($arg,)* visitor)
        })*
    };
}

impl<'de> de::Deserializer<'de> for &mut Deserializer<'de, '_> {
    type Error = Error;

    read_document! {
        deserialize_any() deserialize_f32() deserialize_f64() deserialize_char() deserialize_str() deserialize_string()
        deserialize_bytes() deserialize_byte_buf() deserialize_option() deserialize_seq() deserialize_identifier()
        deserialize_ignored_any() deserialize_bool() deserialize_unit() deserialize_map()
        deserialize_i8() deserialize_i16() deserialize_i32() deserialize_i64() deserialize_i128()
        deserialize_u8() deserialize_u16() deserialize_u32() deserialize_u64() deserialize_u128()
        deserialize_tuple(len: usize)
        deserialize_unit_struct(name: &'static str)
        deserialize_newtype_struct(name: &'static str)
        deserialize_tuple_struct(name: &'static str, len: usize)
        deserialize_struct(name: &'static str, fields: &'static [&'static str])
        deserialize_enum(name: &'static str, variants: &'static [&'static str])
    }
}
