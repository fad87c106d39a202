use serde::de::value::{BorrowedStrDeserializer, StrDeserializer, StringDeserializer, UnitDeserializer};
use serde::de::{self, DeserializeSeed, Visitor};
use serde::forward_to_deserialize_any;

use super::token::{Lexer, References, Sequence, Token};
use crate::de::{
    cautious, forward_to_python_types, visit_big_int, visit_bytes_as_seq, visit_complex, visit_items, visit_surrogates,
};
use crate::plain::utf8;
use crate::refusal;
use crate::stack::with_stack;
use crate::tag::{Tag, visit_tagged};
use crate::variant::{NOT_A_VARIANT, Variant};
use crate::{BigInt, Complex, Error, ErrorKind, Limits, Surrogates};

/// Reads marshal data as serde's data model.
pub struct Deserializer<'de> {
    lexer: Lexer<'de>,
    references: References,
    limits: Limits,
    depth: usize,
    /// The tokens that may still be read.
    items: usize,
    /// References within each other that are being followed.
    following: usize,
    /// The bytes of text that references may still repeat: a long text is soon referred to many times.
    repeats: usize,
    /// The reader may leave lists and dicts before their end.
    is_front: bool,
}

/// What the caller asked for, where the answer depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Want {
    Any,
    /// Python's types: see [`crate::tag`].
    Rich,
    /// A text. Bytes in UTF-8 are one, since Python 2 sends its texts so.
    Text,
    /// A sequence. Bytes are one.
    Sequence,
    Enum,
}

impl<'de> Deserializer<'de> {
    /// Starts at the start of `input`.
    pub fn new(input: &'de [u8], limits: &Limits) -> Deserializer<'de> {
        Deserializer {
            lexer: Lexer { input, at: 0 },
            references: References::default(),
            limits: *limits,
            depth: 0,
            items: limits.items,
            following: 0,
            repeats: limits.bytes,
            is_front: false,
        }
    }

    /// A deserializer for who wants the front of a value only: lists and dicts may be left before their end, and nothing is known of what follows.
    pub fn front(input: &'de [u8], limits: &Limits) -> Deserializer<'de> {
        Deserializer {
            is_front: true,
            ..Deserializer::new(input, limits)
        }
    }

    /// Accepts whatever stands behind the value, as Python does: never fails.
    pub fn end(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn value<V: Visitor<'de>>(&mut self, visitor: V, want: Want) -> Result<V::Value, Error> {
        let start = self.lexer.at;
        self.visit(visitor, want).map_err(|error| error.or_at(start))
    }

    fn visit<V: Visitor<'de>>(&mut self, visitor: V, want: Want) -> Result<V::Value, Error> {
        let start = self.lexer.at;
        match self.token()? {
            Token::Null => Err(null_object("object", start)),
            Token::None => visitor.visit_unit(),
            Token::True => visitor.visit_bool(true),
            Token::False => visitor.visit_bool(false),
            Token::Int(number) => visitor.visit_i64(number),
            Token::Long(long) => visit_big_int(visitor, &BigInt(long.to_bigint()), want == Want::Rich),
            Token::Float(number) => visitor.visit_f64(number),
            Token::Complex(re, im) => visit_complex(visitor, Complex { re, im }, want == Want::Rich),
            Token::Bytes(bytes) => visit_bytes(bytes, visitor, want),
            Token::Text(text) => visit_text(text, visitor, want),
            Token::Latin1(text) if text.is_ascii() => visit_text(text, visitor, want),
            Token::Latin1(text) => visit_latin1(text, visitor, want),
            Token::Interned(text) if is_text(text) => visit_text(text, visitor, want),
            Token::Interned(bytes) => visit_bytes(bytes, visitor, want),
            Token::StopIteration => visit_stop_iteration(visitor, want),
            Token::Ellipsis if want == Want::Rich => visit_tagged(visitor, Tag::Ellipsis, UnitDeserializer::new()),
            Token::Ellipsis => visitor.visit_unit(),
            Token::Sequence(sequence) => self.container(|de| de.sequence(sequence, visitor, want)),
            Token::Dict if want == Want::Enum => self.container(|de| de.variant(visitor)),
            Token::Dict => self.container(|de| de.dict(visitor)),
            Token::Slice => self.container(|de| de.slice(visitor)),
            Token::Reference(nr) => {
                let object = self.references.object(self.lexer.input, nr, start)?;
                self.follow(object, start, |de| de.visit(visitor, want))
            }
            Token::StringReference(nr) => {
                let string = self.references.string(self.lexer.input, nr, start)?;
                self.follow(string, start, |de| de.visit(visitor, want))
            }
        }
    }

    /// The next token, if the limits still allow it.
    #[inline(always)] // as `Lexer::next`
    fn token(&mut self) -> Result<Token<'de>, Error> {
        let start = self.lexer.at;
        let token = self.lexer.next()?;
        let length = token.length();
        if length > self.limits.bytes {
            return Err(self.too_long(length, start));
        }
        match self.items.checked_sub(1) {
            Some(left) => self.items = left,
            None => return Err(self.too_many(start)),
        }
        if self.following > 0 {
            self.count_repeated(length, start)?;
        }
        Ok(token)
    }

    #[cold]
    fn too_long(&self, length: usize, position: usize) -> Error {
        let limit = self.limits.bytes;
        too_much(
            format!("a text or number of {length} bytes, more than {limit}"),
            position,
        )
    }

    #[cold]
    fn too_many(&self, position: usize) -> Error {
        too_much(format!("more than {} values", self.limits.items), position)
    }

    fn count_repeated(&mut self, length: usize, position: usize) -> Result<(), Error> {
        let limit = self.limits.bytes;
        let too_much = || too_much(format!("references repeat more than {limit} bytes"), position);
        self.repeats = self.repeats.checked_sub(length).ok_or_else(too_much)?;
        Ok(())
    }

    /// Runs `inner` one level deeper.
    fn container<T>(&mut self, inner: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        if self.depth == self.limits.depth {
            return Err(too_much("recursion limit exceeded", self.lexer.at));
        }
        self.depth += 1;
        let result = with_stack(|| inner(self));
        self.depth -= 1;
        result
    }

    /// Reads the object at `position` once more for a reference that stands at `reference`.
    ///
    /// All before the reference was sound when it was passed, so if the input that ends there ends too early, then the object is not complete yet: it
    /// contains the reference.
    fn follow<T>(
        &mut self,
        position: usize,
        reference: usize,
        read: impl FnOnce(&mut Self) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let seen = Lexer {
            input: &self.lexer.input[..reference],
            at: position,
        };
        let after = std::mem::replace(&mut self.lexer, seen);
        self.following += 1;
        let result = read(self);
        self.following -= 1;
        self.lexer = after;
        result.map_err(|error| match error.kind() {
            ErrorKind::Eof => Error::at(ErrorKind::Data, "recursive value", reference),
            _ => error,
        })
    }

    fn sequence<V: Visitor<'de>>(&mut self, sequence: Sequence, visitor: V, want: Want) -> Result<V::Value, Error> {
        let mut items = Items {
            de: self,
            left: sequence.count,
            name: sequence.name(),
        };
        let value = visit_items(visitor, sequence.tag().filter(|_| want == Want::Rich), &mut items)?;
        match items.left {
            0 => Ok(value),
            _ if items.de.is_front => Ok(value),
            left => Err(too_long(sequence.name(), left)),
        }
    }

    fn dict<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Error> {
        let value = visitor.visit_map(Entries(self))?;
        self.end_of_dict("the dict has more entries than expected")?;
        Ok(value)
    }

    fn variant<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Error> {
        self.refuse_null("enum")?;
        let value = visitor.visit_enum(Variant::entry(self, |_| Ok(())))?;
        self.end_of_dict(NOT_A_VARIANT)?;
        Ok(value)
    }

    fn end_of_dict(&mut self, otherwise: &str) -> Result<(), Error> {
        match self.token()? {
            Token::Null => Ok(()),
            _ => Err(de::Error::custom(otherwise)),
        }
    }

    fn slice<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Error> {
        let mut entries = SliceEntries { de: self, nr: 0 };
        let value = visitor.visit_map(&mut entries)?;
        match entries.nr {
            SLICE_KEYS => Ok(value),
            nr => Err(too_long("slice", SLICE_KEYS - nr)),
        }
    }

    /// Passes over one value.
    fn skip(&mut self) -> Result<(), Error> {
        let start = self.lexer.at;
        match self.token()? {
            Token::Null => Err(null_object("object", start)),
            Token::Sequence(sequence) => self.container(|de| de.skip_items(sequence.count, sequence.name())),
            Token::Slice => self.container(|de| de.skip_items(3, "slice")),
            Token::Dict => self.container(Self::skip_entries),
            _ => Ok(()),
        }
    }

    fn skip_items(&mut self, count: usize, of: &'static str) -> Result<(), Error> {
        for _ in 0..count {
            self.refuse_null(of)?;
            self.skip()?;
        }
        Ok(())
    }

    fn skip_entries(&mut self) -> Result<(), Error> {
        while !self.at_null() {
            self.skip_items(2, "dict")?;
        }
        self.token().map(drop)
    }

    #[inline]
    fn at_null(&self) -> bool {
        self.lexer.peek() == Some(b'0')
    }

    #[inline]
    fn refuse_null(&self, of: &'static str) -> Result<(), Error> {
        if self.at_null() {
            return Err(null_object(of, self.lexer.at));
        }
        Ok(())
    }
}

fn visit_stop_iteration<'de, V: Visitor<'de>>(visitor: V, want: Want) -> Result<V::Value, Error> {
    let name = "builtins.StopIteration";
    match want {
        Want::Rich => visit_tagged(visitor, Tag::Type, StrDeserializer::new(name)),
        _ => visitor.visit_str(name),
    }
}

fn visit_bytes<'de, V: Visitor<'de>>(bytes: &'de [u8], visitor: V, want: Want) -> Result<V::Value, Error> {
    match want {
        Want::Text | Want::Enum if is_text(bytes) => visit_text(bytes, visitor, want),
        Want::Sequence => visit_bytes_as_seq(visitor, bytes),
        _ => visitor.visit_borrowed_bytes(bytes),
    }
}

fn is_text(bytes: &[u8]) -> bool {
    utf8(bytes).is_ok()
}

fn visit_text<'de, V: Visitor<'de>>(text: &'de [u8], visitor: V, want: Want) -> Result<V::Value, Error> {
    match utf8(text) {
        Ok(text) if want == Want::Enum => visitor.visit_enum(BorrowedStrDeserializer::new(text)),
        Ok(text) => visitor.visit_borrowed_str(text),
        Err(_) => visit_wtf8(text, visitor, want),
    }
}

fn visit_wtf8<'de, V: Visitor<'de>>(text: &[u8], visitor: V, want: Want) -> Result<V::Value, Error> {
    if let Err(at) = Surrogates::from_wtf8(text.to_vec()) {
        refusal::utf8(&text[at..], at, at).map_err(|error| Error::new(error.kind(), error.message()))?;
    }
    visit_surrogates(visitor, text, want == Want::Rich)
}

fn visit_latin1<'de, V: Visitor<'de>>(text: &[u8], visitor: V, want: Want) -> Result<V::Value, Error> {
    let text: String = text.iter().copied().map(char::from).collect();
    match want {
        Want::Enum => visitor.visit_enum(StringDeserializer::new(text)),
        _ => visitor.visit_string(text),
    }
}

fn null_object(of: &str, position: usize) -> Error {
    Error::syntax(format!("NULL object in marshal data for {of}"), position)
}

fn too_much(what: impl Into<String>, position: usize) -> Error {
    Error::at(ErrorKind::Limit, what, position)
}

fn too_long(what: &str, left: usize) -> Error {
    de::Error::custom(format_args!("the {what} has {left} more items than expected"))
}

impl<'de> de::Deserializer<'de> for &mut Deserializer<'de> {
    type Error = Error;

    forward_to_python_types! { |self, visitor| self.value(visitor, Want::Rich) }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.value(visitor, Want::Any)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.lexer.peek() != Some(b'N') {
            return visitor.visit_some(self);
        }
        self.token()?;
        visitor.visit_none()
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.value(visitor, Want::Text)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.value(visitor, Want::Text)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.value(visitor, Want::Text)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.value(visitor, Want::Sequence)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.value(visitor, Want::Enum)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.skip()?;
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f64 bytes unit map
    }
}

/// What is left of a list or its like.
struct Items<'a, 'de> {
    de: &'a mut Deserializer<'de>,
    left: usize,
    name: &'static str,
}

impl<'de> de::SeqAccess<'de> for Items<'_, 'de> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        self.de.refuse_null(self.name)?;
        seed.deserialize(&mut *self.de).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(cautious(self.left))
    }
}

struct Entries<'a, 'de>(&'a mut Deserializer<'de>);

impl<'de> de::MapAccess<'de> for Entries<'_, 'de> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        if self.0.at_null() {
            return Ok(None);
        }
        seed.deserialize(&mut *self.0).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        self.0.refuse_null("dict")?;
        seed.deserialize(&mut *self.0)
    }
}

const SLICE_KEYS: usize = 4;

/// A slice as a class dict.
struct SliceEntries<'a, 'de> {
    de: &'a mut Deserializer<'de>,
    /// The number of keys that were read.
    nr: usize,
}

impl<'de> de::MapAccess<'de> for SliceEntries<'_, 'de> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        let keys: [&str; SLICE_KEYS] = ["start", "stop", "step", "__class__"];
        let Some(key) = keys.get(self.nr) else {
            return Ok(None);
        };
        self.nr += 1;
        seed.deserialize(BorrowedStrDeserializer::new(key)).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        if self.nr == SLICE_KEYS {
            return seed.deserialize(BorrowedStrDeserializer::new("builtins.slice"));
        }
        self.de.refuse_null("slice")?;
        seed.deserialize(&mut *self.de)
    }
}
