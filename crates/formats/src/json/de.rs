use serde::de::{self, DeserializeSeed, Visitor};

use super::scan::{Number, Scanner, Text};
use crate::de::{forward_to_python_types, visit_big_int, visit_surrogates};
use crate::stack::with_stack;
use crate::tag::Tag;
use crate::variant::{NOT_A_VARIANT, Variant};
use crate::{BigInt, Error, Limits};

/// Reads one value from JSON text.
#[derive(Debug)]
pub struct Deserializer<'de> {
    scan: Scanner<'de>,
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
}

impl<'de> Deserializer<'de> {
    /// A deserializer at the beginning of `input`.
    pub fn new(input: &'de [u8], limits: &Limits) -> Deserializer<'de> {
        Deserializer {
            scan: Scanner::new(input, limits),
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

    /// Checks that nothing but white space follows the value.
    pub fn end(&mut self) -> Result<(), Error> {
        match self.scan.peek() {
            Some(_) => Err(self.scan.expected("Extra data")),
            None => Ok(()),
        }
    }

    /// The offset in the input, in bytes, up to which it was read.
    pub fn position(&self) -> usize {
        self.scan.at
    }

    fn value<V: Visitor<'de>>(&mut self, visitor: V, mode: Mode) -> Result<V::Value, Error> {
        let first = self.scan.peek();
        let start = self.scan.at;
        self.scan.count()?;
        self.value_from(first, visitor, mode)
            .map_err(|error| error.or_at(start))
    }

    fn value_from<V: Visitor<'de>>(&mut self, first: Option<u8>, visitor: V, mode: Mode) -> Result<V::Value, Error> {
        match first {
            Some(b'"') => visit_text(self.scan.text()?, visitor, mode),
            Some(b'[') => with_stack(|| self.list(visitor)),
            Some(b'{') => with_stack(|| self.dict(visitor)),
            Some(b'n') => {
                self.scan.word("null")?;
                visitor.visit_unit()
            }
            Some(b't') => {
                self.scan.word("true")?;
                visitor.visit_bool(true)
            }
            Some(b'f') => {
                self.scan.word("false")?;
                visitor.visit_bool(false)
            }
            Some(b'N') => {
                self.scan.word("NaN")?;
                visitor.visit_f64(f64::NAN)
            }
            Some(b'I') => {
                self.scan.word("Infinity")?;
                visitor.visit_f64(f64::INFINITY)
            }
            _ => visit_number(self.scan.number()?, visitor, mode),
        }
    }

    fn list<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Error> {
        self.scan.open()?;
        let mut items = Items::new(self, b']');
        let value = visitor.visit_seq(&mut items)?;
        items.end()?;
        Ok(value)
    }

    fn dict<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Error> {
        self.scan.open()?;
        let mut entries = Items::new(self, b'}');
        let value = visitor.visit_map(&mut entries)?;
        entries.end()?;
        Ok(value)
    }

    /// An enum's variant with content: a dict of one entry.
    fn variant_dict<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Error> {
        self.scan.open()?;
        self.scan.expect_key()?;
        let value = visitor.visit_enum(Variant::entry(self, |de| de.scan.colon()))?;
        if !self.scan.take(b'}') {
            return Err(self.scan.expected(NOT_A_VARIANT));
        }
        self.scan.close();
        Ok(value)
    }
}

fn visit_text<'de, V: Visitor<'de>>(text: Text<'de, '_>, visitor: V, mode: Mode) -> Result<V::Value, Error> {
    match text {
        Text::Borrowed(text) => visitor.visit_borrowed_str(text),
        Text::Unescaped(text) => visitor.visit_str(text),
        Text::Lone(wtf8) => visit_surrogates(visitor, wtf8, mode == Mode::Rich),
    }
}

fn visit_number<'de, V: Visitor<'de>>(number: Number<'de>, visitor: V, mode: Mode) -> Result<V::Value, Error> {
    match number {
        Number::Int(number) => visitor.visit_i64(number),
        Number::UInt(number) => visitor.visit_u64(number),
        Number::Float(number) => visitor.visit_f64(number),
        Number::Big(digits) if mode == Mode::Float => visitor.visit_f64(digits.parse().map_err(de::Error::custom)?),
        Number::Big(digits) => {
            let number = BigInt(digits.parse().map_err(de::Error::custom)?);
            visit_big_int(visitor, &number, mode == Mode::Rich)
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
        if self.scan.peek() == Some(b'n') {
            self.scan.count()?;
            self.scan.word("null")?;
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.scan.peek() {
            Some(b'{') => {
                self.scan.count()?;
                with_stack(|| self.variant_dict(visitor))
            }
            _ => visitor.visit_enum(Variant::text(self)),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.scan.skip()?;
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 char str bytes unit seq map identifier
    }
}

/// The items of a list, or the entries of a dict.
struct Items<'a, 'de> {
    de: &'a mut Deserializer<'de>,
    close: u8,
    first: bool,
    closed: bool,
}

impl<'a, 'de> Items<'a, 'de> {
    fn new(de: &'a mut Deserializer<'de>, close: u8) -> Items<'a, 'de> {
        Items {
            de,
            close,
            first: true,
            closed: false,
        }
    }

    fn next(&mut self) -> Result<bool, Error> {
        if !self.closed {
            self.closed = !self.de.scan.next_item(&mut self.first, self.close)?;
        }
        Ok(!self.closed)
    }

    /// A visitor may stop early; then the closing bracket must come next.
    fn end(&mut self) -> Result<(), Error> {
        if self.de.is_front {
            return Ok(());
        }
        match self.next()? {
            false => Ok(()),
            true => Err(de::Error::custom("more items than expected")),
        }
    }
}

impl<'de> de::SeqAccess<'de> for &mut Items<'_, 'de> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        match self.next()? {
            true => seed.deserialize(&mut *self.de).map(Some),
            false => Ok(None),
        }
    }
}

impl<'de> de::MapAccess<'de> for &mut Items<'_, 'de> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        if !self.next()? {
            return Ok(None);
        }
        self.de.scan.expect_key()?;
        let start = self.de.scan.at;
        seed.deserialize(Key(self.de))
            .map(Some)
            .map_err(|error| error.or_at(start))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        self.de.scan.colon()?;
        seed.deserialize(&mut *self.de)
    }
}

/// Reads a dict key: always a text, from which numbers and bools can be had.
struct Key<'a, 'de>(&'a mut Deserializer<'de>);

impl<'de> Key<'_, 'de> {
    fn visit<V: Visitor<'de>>(self, visitor: V, mode: Mode) -> Result<V::Value, Error> {
        visit_text(self.0.scan.text()?, visitor, mode)
    }

    /// Reads what stands in the text as JSON; if it is none, the visitor gets the text.
    fn visit_inner<V: Visitor<'de>>(self, visitor: V, mode: Mode) -> Result<V::Value, Error> {
        match self.0.scan.text()? {
            Text::Borrowed(text) => {
                let mut inner = Scanner::new(text.as_bytes(), &self.0.scan.limits);
                match inner.number() {
                    Ok(number) if inner.peek().is_none() => visit_number(number, visitor, mode),
                    _ => match text {
                        "true" => visitor.visit_bool(true),
                        "false" => visitor.visit_bool(false),
                        "NaN" => visitor.visit_f64(f64::NAN),
                        "Infinity" => visitor.visit_f64(f64::INFINITY),
                        _ => visitor.visit_borrowed_str(text),
                    },
                }
            }
            other => visit_text(other, visitor, Mode::Plain),
        }
    }
}

macro_rules! inner {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            self.visit_inner(visitor, Mode::Plain)
        })*
    };
}

impl<'de> de::Deserializer<'de> for Key<'_, 'de> {
    type Error = Error;

    inner! {
        deserialize_bool
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_f32 deserialize_f64
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.visit(visitor, Mode::Plain)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Error> {
        match Tag::from_name(name) {
            Some(Tag::BigInt) => self.visit_inner(visitor, Mode::Rich),
            Some(_) => self.visit(visitor, Mode::Rich),
            None => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_enum(Variant::text(self.0))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.0.scan.skip_text()?;
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier
    }
}
