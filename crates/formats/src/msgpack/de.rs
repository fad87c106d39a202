use jiff::tz::TimeZone;
use serde::Deserializer as _;
use serde::de::{self, DeserializeSeed, Visitor};

use super::read::{Head, Reader};
use crate::de::{cautious, forward_to_python_types, visit_bytes_as_seq, visit_items};
use crate::stack::with_stack;
use crate::tag::Tag;
use crate::variant::{NOT_A_VARIANT, Variant};
use crate::{Error, Limits};

/// Reads one value from MessagePack bytes.
#[derive(Debug)]
pub struct Deserializer<'de> {
    reader: Reader<'de>,
    strict_map_key: bool,
    /// Inside a dict's key, where a list cannot have been one.
    in_key: bool,
    /// The reader may leave lists and dicts before their end.
    is_front: bool,
}

/// What the visitor wants.
#[derive(Clone, Copy, PartialEq)]
enum Mode {
    /// The nearest type that serde knows.
    Plain,
    /// See [`crate::tag`].
    Rich,
    /// A float; an integer of any size will do.
    Float,
    /// A sequence; bytes will do.
    Seq,
}

impl<'de> Deserializer<'de> {
    /// A deserializer at the beginning of `input`.
    pub fn new(input: &'de [u8], limits: &Limits) -> Deserializer<'de> {
        Deserializer {
            reader: Reader::new(input, limits),
            strict_map_key: false,
            in_key: false,
            is_front: false,
        }
    }

    /// A deserializer for who wants the front of a value only: lists and dicts may be left before their end, and nothing is known of what follows.
    /// [`Deserializer::end`] makes no sense for it.
    pub fn front(input: &'de [u8], limits: &Limits) -> Deserializer<'de> {
        Deserializer {
            is_front: true,
            ..Deserializer::new(input, limits)
        }
    }

    /// Whether to refuse dict keys that are neither str nor bytes, as Python's Pyro does. Not set at first.
    pub fn strict_map_key(mut self, strict: bool) -> Deserializer<'de> {
        self.strict_map_key = strict;
        self
    }

    /// Sets what gives the time zone of naive datetimes; at first that of the system.
    pub fn time_zone(mut self, time_zone: fn() -> TimeZone) -> Deserializer<'de> {
        self.reader.time_zone = time_zone;
        self
    }

    /// Checks that nothing follows the value.
    pub fn end(&mut self) -> Result<(), Error> {
        self.reader.end()
    }

    /// The offset in the input, in bytes, up to which it was read.
    pub fn position(&self) -> usize {
        self.reader.at
    }

    fn value<V: Visitor<'de>>(&mut self, visitor: V, mode: Mode) -> Result<V::Value, Error> {
        let start = self.reader.at;
        let head = self.reader.head()?;
        self.value_from(head, visitor, mode).map_err(|error| error.or_at(start))
    }

    fn value_from<V: Visitor<'de>>(&mut self, head: Head<'de>, visitor: V, mode: Mode) -> Result<V::Value, Error> {
        match head {
            Head::Nil => visitor.visit_unit(),
            Head::Bool(value) => visitor.visit_bool(value),
            Head::Int(number) => visitor.visit_i64(number),
            Head::UInt(number) => visitor.visit_u64(number),
            Head::Float(number) => visitor.visit_f64(number),
            Head::Str(bytes) => visitor.visit_borrowed_str(self.reader.text(bytes)?),
            Head::Bin(bytes) if mode == Mode::Seq => visit_bytes_as_seq(visitor, bytes),
            Head::Bin(bytes) => visitor.visit_borrowed_bytes(bytes),
            Head::Array(items) => {
                let tag = (mode == Mode::Rich && self.in_key).then_some(Tag::Tuple);
                with_stack(|| self.list(items, visitor, tag))
            }
            Head::Map(entries) => with_stack(|| self.dict(entries, visitor)),
            Head::Ext(code, data) => {
                let value = self.reader.ext_value(code, data)?;
                match mode {
                    Mode::Rich => value.deserialize_newtype_struct(Tag::Value.name(), visitor),
                    Mode::Float => value.deserialize_f64(visitor),
                    Mode::Plain | Mode::Seq => value.deserialize_any(visitor),
                }
            }
        }
    }

    fn list<V: Visitor<'de>>(&mut self, items: usize, visitor: V, tag: Option<Tag>) -> Result<V::Value, Error> {
        self.reader.enter()?;
        let mut items = Items { de: self, left: items };
        let value = visit_items(visitor, tag, &mut items)?;
        items.end()?;
        Ok(value)
    }

    fn dict<V: Visitor<'de>>(&mut self, entries: usize, visitor: V) -> Result<V::Value, Error> {
        self.reader.enter()?;
        let mut entries = Items {
            de: self,
            left: entries,
        };
        let value = visitor.visit_map(&mut entries)?;
        entries.end()?;
        Ok(value)
    }

    fn check_key(&mut self) -> Result<(), Error> {
        if !self.strict_map_key {
            return Ok(());
        }
        let refused = match &self.reader.peek_head()? {
            Head::Str(_) | Head::Bin(_) => None,
            Head::Nil => Some("NoneType".to_owned()),
            Head::Bool(_) => Some("bool".to_owned()),
            Head::Int(_) | Head::UInt(_) => Some("int".to_owned()),
            Head::Float(_) => Some("float".to_owned()),
            Head::Array(_) => Some("list".to_owned()),
            Head::Map(_) => Some("dict".to_owned()),
            Head::Ext(code, data) => Some(self.reader.ext_value(*code, data)?.type_name().to_owned()),
        };
        match refused {
            None => Ok(()),
            Some(class) => Err(Error::syntax(
                format!("{class} is not allowed for map key when strict_map_key=True"),
                self.reader.at,
            )),
        }
    }
}

impl<'de> de::Deserializer<'de> for &mut Deserializer<'de> {
    type Error = Error;

    forward_to_python_types! { |self, visitor| self.value(visitor, Mode::Rich) }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.value(visitor, Mode::Plain)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.value(visitor, Mode::Float)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.reader.peek() == Some(0xC0) {
            self.reader.head()?;
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.value(visitor, Mode::Seq)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let start = self.reader.at;
        match self.reader.peek_head()? {
            Head::Map(1) => with_stack(|| {
                self.reader.head()?;
                self.reader.enter()?;
                let value = visitor.visit_enum(Variant::entry(&mut *self, |_| Ok(())))?;
                self.reader.leave();
                Ok(value)
            }),
            Head::Str(_) => visitor.visit_enum(Variant::text(self)),
            _ => Err(de::Error::custom(NOT_A_VARIANT)),
        }
        .map_err(|error: Error| error.or_at(start))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.reader.skip()?;
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 char str bytes unit map identifier
    }
}

/// The items of a list, or the entries of a dict.
struct Items<'a, 'de> {
    de: &'a mut Deserializer<'de>,
    left: usize,
}

impl Items<'_, '_> {
    fn next(&mut self) -> bool {
        let more = self.left > 0;
        self.left -= usize::from(more);
        more
    }

    fn end(self) -> Result<(), Error> {
        if self.left > 0 && !self.de.is_front {
            return Err(de::Error::custom("more items than expected"));
        }
        self.de.reader.leave();
        Ok(())
    }
}

impl<'de> de::SeqAccess<'de> for &mut Items<'_, 'de> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        match self.next() {
            true => seed.deserialize(&mut *self.de).map(Some),
            false => Ok(None),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(cautious(self.left))
    }
}

impl<'de> de::MapAccess<'de> for &mut Items<'_, 'de> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        if !self.next() {
            return Ok(None);
        }
        self.de.check_key()?;
        let outer = std::mem::replace(&mut self.de.in_key, true);
        let key = seed.deserialize(&mut *self.de);
        self.de.in_key = outer;
        key.map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        seed.deserialize(&mut *self.de)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(cautious(self.left))
    }
}
