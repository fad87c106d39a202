use std::borrow::Cow;

use serde::de::value::{SeqDeserializer, UnitDeserializer};
use serde::de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, forward_to_deserialize_any};

use super::number::{Number, to_float};
use super::scan::{Scanner, Word};
use super::text::Text;
use crate::de::{
    forward_to_python_types, visit_big_int, visit_bytes_as_seq, visit_complex, visit_items, visit_surrogates,
};
use crate::stack::with_stack;
use crate::tag::{Tag, visit_tagged};
use crate::value::decode_base64;
use crate::variant::{NOT_A_VARIANT, Variant};
use crate::{Error, Limits};

/// Reads one value from serpent text.
///
/// A tuple without parentheses around it (`1, 2`) is understood by [`from_slice`](super::from_slice) only.
pub struct Deserializer<'de> {
    scan: Scanner<'de>,
    /// The reader may leave containers before their end.
    is_front: bool,
}

impl<'de> Deserializer<'de> {
    /// A deserializer that stands before the value in `input`, behind the header.
    pub fn new(input: &'de [u8], limits: &Limits) -> Deserializer<'de> {
        Deserializer {
            scan: Scanner::new(input, limits),
            is_front: false,
        }
    }

    /// A deserializer for who wants the front of a value only: containers may be left before their end, and nothing is known of what follows.
    /// [`Deserializer::end`] makes no sense for it.
    pub fn front(input: &'de [u8], limits: &Limits) -> Deserializer<'de> {
        Deserializer {
            scan: Scanner::new(input, limits),
            is_front: true,
        }
    }

    /// Checks that nothing but blank lines and comments follows the value.
    pub fn end(&mut self) -> Result<(), Error> {
        self.scan.end()
    }

    pub(super) fn bare_tuple(input: &'de [u8], limits: &Limits) -> Deserializer<'de> {
        Deserializer {
            scan: Scanner::bare_tuple(input, limits),
            is_front: false,
        }
    }

    /// Whether a comma stands behind the first value.
    pub(super) fn is_bare_tuple(&mut self) -> bool {
        self.scan.skip_value().is_ok() && self.scan.peek() == b','
    }

    /// Reads the value and checks that nothing follows it.
    pub(super) fn whole<T: Deserialize<'de>>(&mut self) -> Result<T, Error> {
        let value = T::deserialize(&mut *self).map_err(|error| error.or_at(self.scan.at))?;
        self.end()?;
        Ok(value)
    }

    /// Reads any value; `rich`: with Python's own types as tagged enums.
    fn value<V: Visitor<'de>>(&mut self, visitor: V, rich: bool) -> Result<V::Value, Error> {
        match self.scan.peek() {
            b'[' | b'(' | b'{' => with_stack(|| self.container(visitor, rich)),
            b'\'' | b'"' => self.text(visitor, rich),
            b'0'..=b'9' | b'+' | b'-' => self.number(visitor, rich),
            b'.' if self.scan.byte(1).is_ascii_digit() => self.number(visitor, rich),
            _ if self.scan.at_text() => self.text(visitor, rich),
            _ => self.word(visitor, rich),
        }
    }

    fn word<V: Visitor<'de>>(&mut self, visitor: V, rich: bool) -> Result<V::Value, Error> {
        self.scan.count_item()?;
        match self.scan.word()? {
            Word::None => visitor.visit_unit(),
            Word::True => visitor.visit_bool(true),
            Word::False => visitor.visit_bool(false),
            Word::Ellipsis if rich => visit_tagged(visitor, Tag::Ellipsis, UnitDeserializer::new()),
            Word::Ellipsis => Err(de::Error::invalid_type(de::Unexpected::Other("Ellipsis"), &visitor)),
            Word::EmptySet if rich => visit_tagged(visitor, Tag::Set, no_items()),
            Word::EmptySet => visitor.visit_seq(no_items()),
        }
    }

    fn number<V: Visitor<'de>>(&mut self, visitor: V, rich: bool) -> Result<V::Value, Error> {
        self.scan.count_item()?;
        match self.scan.number()? {
            Number::Int(number) => visitor.visit_i64(number),
            Number::Unsigned(number) => visitor.visit_u64(number),
            Number::Float(number) => visitor.visit_f64(number),
            Number::Complex(number) => visit_complex(visitor, number, rich),
            Number::Big(number) => visit_big_int(visitor, &number, rich),
        }
    }

    fn text<V: Visitor<'de>>(&mut self, visitor: V, rich: bool) -> Result<V::Value, Error> {
        self.scan.count_item()?;
        match self.scan.text()? {
            Text::Str(Cow::Borrowed(text)) => visitor.visit_borrowed_str(text),
            Text::Str(Cow::Owned(text)) => visitor.visit_string(text),
            Text::Bytes(Cow::Borrowed(bytes)) => visitor.visit_borrowed_bytes(bytes),
            Text::Bytes(Cow::Owned(bytes)) => visitor.visit_byte_buf(bytes),
            Text::Surrogates(text) => visit_surrogates(visitor, text.as_bytes(), rich),
        }
    }

    fn container<V: Visitor<'de>>(&mut self, visitor: V, rich: bool) -> Result<V::Value, Error> {
        match self.scan.peek() {
            b'[' => self.sequence(visitor, None),
            b'(' if !self.scan.is_usual()? => self.group(|inner| inner.value(visitor, rich)),
            b'(' => self.sequence(visitor, rich.then_some(Tag::Tuple)),
            _ if rich => self.rich_braces(visitor),
            _ if self.scan.is_usual()? => self.dict(visitor),
            _ => self.sequence(visitor, None),
        }
    }

    fn rich_braces<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Error> {
        if let Some(number) = self.scan.float_dict()? {
            return visitor.visit_f64(number);
        }
        if let Some(number) = self.scan.complex_dict()? {
            return visit_complex(visitor, number, true);
        }
        match self.scan.is_usual()? {
            true => self.dict(visitor),
            false => self.sequence(visitor, Some(Tag::Set)),
        }
    }

    /// Reads a value in parentheses that make no tuple.
    fn group<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        self.scan.open()?;
        self.scan.peek();
        let value = read(self)?;
        self.scan.close_group()?;
        Ok(value)
    }

    fn sequence<V: Visitor<'de>>(&mut self, visitor: V, tag: Option<Tag>) -> Result<V::Value, Error> {
        self.scan.count_item()?;
        let close = self.scan.open()?;
        let mut items = Items::new(self, close);
        let value = visit_items(visitor, tag, &mut items)?;
        items.finish("items")?;
        Ok(value)
    }

    fn dict<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Error> {
        self.scan.count_item()?;
        let close = self.scan.open()?;
        let mut items = Items::new(self, close);
        let value = visitor.visit_map(&mut items)?;
        items.finish("entries")?;
        Ok(value)
    }

    /// The bytes of a dict that stands for some; `None` and nothing taken if something else comes next.
    fn base64_dict(&mut self) -> Result<Option<Vec<u8>>, Error> {
        if let Some(bytes) = self.scan.plain_base64_dict()? {
            return Ok(Some(bytes));
        }
        match self.scan.base64_dict()? {
            Some(Text::Str(data)) => decode_base64(&*data).map(Some).map_err(de::Error::custom),
            Some(_) => Err(de::Error::custom("invalid base64")),
            None => Ok(None),
        }
    }

    /// Reads bytes where they are wanted; `rich` as for [`Deserializer::value`], if they are something else.
    fn bytes<V: Visitor<'de>>(&mut self, visitor: V, rich: bool) -> Result<V::Value, Error> {
        match self.scan.peek() {
            b'{' => match self.base64_dict()? {
                Some(bytes) => visitor.visit_byte_buf(bytes),
                None => self.value(visitor, rich),
            },
            _ => self.value(visitor, rich),
        }
    }

    /// Reads one of Python's own types.
    fn wanted<V: Visitor<'de>>(&mut self, visitor: V, tag: Tag) -> Result<V::Value, Error> {
        match tag {
            // Straight from the text, which may be long: as a dict it would be copied before.
            Tag::ByteArray => self.bytes(visitor, true),
            _ => self.value(visitor, true),
        }
    }

    fn float<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Error> {
        match self.scan.float_dict()? {
            Some(number) => visitor.visit_f64(number),
            None if matches!(self.scan.peek(), b'0'..=b'9' | b'+' | b'-' | b'.') => self.float_number(visitor),
            None => self.value(visitor, false),
        }
    }

    fn float_number<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Error> {
        self.scan.count_item()?;
        match self.scan.number()? {
            Number::Int(number) => visitor.visit_i64(number),
            Number::Unsigned(number) => visitor.visit_u64(number),
            Number::Float(number) => visitor.visit_f64(number),
            Number::Big(number) => match to_float(&number) {
                Some(number) => visitor.visit_f64(number),
                None => Err(de::Error::custom("int too large to convert to float")),
            },
            Number::Complex(_) => Err(de::Error::invalid_type(de::Unexpected::Other("complex"), &visitor)),
        }
    }

    /// Reads a list, tuple or set; bytes as their numbers.
    fn items<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Error> {
        match self.scan.peek() {
            // Nothing to look ahead for: if it is a text in parentheses, it is no sequence, and the comma is missing.
            b'(' if self.scan.text_in_parentheses() => with_stack(|| self.sequence(visitor, None)),
            b'[' | b'(' => self.value(visitor, false),
            b'{' => match self.base64_dict()? {
                Some(bytes) => visit_bytes_as_seq(visitor, &bytes),
                None => self.value(visitor, false),
            },
            b'b' | b'B' | b'r' | b'R' if self.scan.at_text() => {
                self.scan.count_item()?;
                match self.scan.text()? {
                    Text::Bytes(bytes) => visit_bytes_as_seq(visitor, &bytes),
                    _ => Err(de::Error::invalid_type(de::Unexpected::Other("a text"), &visitor)),
                }
            }
            _ => self.value(visitor, false),
        }
    }

    /// Reads an enum's variant with content.
    fn variant_dict<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Error> {
        self.scan.count_item()?;
        self.scan.open()?;
        let value = visitor.visit_enum(Variant::entry(self, |de| de.scan.expect(b':')))?;
        match self.scan.next_item(false, b'}')? {
            true => Err(de::Error::custom(NOT_A_VARIANT)),
            false => Ok(value),
        }
    }

    /// Reads a dict without looking whether it may be a set.
    fn entries<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Error> {
        match self.scan.peek() {
            b'{' => with_stack(|| self.dict(visitor)),
            _ => self.value(visitor, false),
        }
    }
}

type NoItems = SeqDeserializer<std::iter::Empty<()>, Error>;

fn no_items() -> NoItems {
    SeqDeserializer::new(std::iter::empty())
}

impl<'de> de::Deserializer<'de> for &mut Deserializer<'de> {
    type Error = Error;

    forward_to_python_types! { |self, visitor, tag| self.wanted(visitor, tag) }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 char str unit identifier
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.value(visitor, false)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.float(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.bytes(visitor, false)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let start = self.scan.at;
        if self.scan.peek() == b'N' && matches!(self.scan.word()?, Word::None) {
            self.scan.count_item()?;
            return visitor.visit_none();
        }
        self.scan.at = start;
        visitor.visit_some(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.items(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.entries(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.scan.peek() {
            b'{' => with_stack(|| self.variant_dict(visitor)),
            _ => visitor.visit_enum(Variant::text(self)),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.scan.skip_value()?;
        visitor.visit_unit()
    }
}

#[cold]
fn no_tuple() -> Error {
    de::Error::custom("invalid type: a text in parentheses, expected a tuple")
}

/// The items of a container, or the keys and values of a dict.
struct Items<'a, 'de> {
    de: &'a mut Deserializer<'de>,
    close: u8,
    first: bool,
    done: bool,
    /// A comma must follow the first item: one value in parentheses is no tuple.
    needs_comma: bool,
}

impl<'a, 'de> Items<'a, 'de> {
    fn new(de: &'a mut Deserializer<'de>, close: u8) -> Items<'a, 'de> {
        Items {
            de,
            close,
            first: true,
            done: false,
            needs_comma: close == b')',
        }
    }

    #[inline]
    fn next(&mut self) -> Result<bool, Error> {
        if self.done {
            return Ok(false);
        }
        if self.needs_comma && !self.first {
            self.needs_comma = false;
            if self.de.scan.peek() == b')' {
                return Err(no_tuple());
            }
        }
        self.done = !self.de.scan.next_item(self.first, self.close)?;
        self.first = false;
        Ok(!self.done)
    }

    /// Checks that the visitor has taken all of it.
    fn finish(mut self, what: &str) -> Result<(), Error> {
        if self.de.is_front {
            return Ok(());
        }
        match self.next()? {
            true => Err(de::Error::custom(format_args!("more {what} than expected"))),
            false => Ok(()),
        }
    }
}

impl<'de> SeqAccess<'de> for &mut Items<'_, 'de> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        match self.next()? {
            true => seed.deserialize(&mut *self.de).map(Some),
            false => Ok(None),
        }
    }
}

impl<'de> MapAccess<'de> for &mut Items<'_, 'de> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        match self.next()? {
            true => seed.deserialize(&mut *self.de).map(Some),
            false => Ok(None),
        }
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        self.de.scan.expect(b':')?;
        seed.deserialize(&mut *self.de)
    }
}
