use std::fmt::Write as _;

use serde::Serialize;
use serde::ser::{self, Impossible};

use super::{LIMITS, Options};
use crate::capture::{capture, capture_array, capture_surrogates, capture_text, with_text};
use crate::plain::plain_length;
use crate::refusal;
use crate::ser::{collects_entries, collects_items, forward_to_python_forms};
use crate::stack::with_stack_at;
use crate::tag::Tag;
use crate::value::repr::{Utf8, write_float};
use crate::{BigInt, Error, Surrogates};

/// Writes one value as JSON text.
#[derive(Debug)]
pub struct Serializer<'a> {
    out: &'a mut Vec<u8>,
    options: Options,
    depth: usize,
    /// Where in `out` the text begins.
    start: usize,
}

impl<'a> Serializer<'a> {
    /// A serializer that appends to `out`.
    pub fn new(out: &'a mut Vec<u8>, options: Options) -> Serializer<'a> {
        let start = out.len();
        Serializer {
            out,
            options,
            depth: 0,
            start,
        }
    }

    fn raw(&mut self, text: &str) -> Result<(), Error> {
        self.out.extend_from_slice(text.as_bytes());
        Ok(())
    }

    fn int(&mut self, number: impl itoa::Integer) -> Result<(), Error> {
        self.raw(itoa::Buffer::new().format(number))
    }

    fn float(&mut self, number: f64) -> Result<(), Error> {
        if number.is_nan() {
            self.raw("NaN")
        } else if number.is_infinite() {
            self.raw(if number > 0.0 { "Infinity" } else { "-Infinity" })
        } else {
            write_float(&mut Utf8(self.out), number).map_err(ser::Error::custom)
        }
    }

    fn text(&mut self, text: &str) -> Result<(), Error> {
        self.out.push(b'"');
        self.escaped(text);
        self.out.push(b'"');
        Ok(())
    }

    fn escaped(&mut self, text: &str) {
        let mut rest = text.as_bytes();
        loop {
            let (plain, others) = rest.split_at(plain_length(rest, b'"', 0x20));
            self.out.extend_from_slice(plain);
            let Some((&byte, behind)) = others.split_first() else {
                break;
            };
            self.escape(byte);
            rest = behind;
        }
    }

    fn escape(&mut self, byte: u8) {
        let letter = match byte {
            b'"' | b'\\' => byte,
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0x08 => b'b',
            0x0C => b'f',
            _ => {
                const HEX: &[u8; 16] = b"0123456789abcdef";
                let digits = [HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]];
                self.out.extend_from_slice(b"\\u00");
                self.out.extend_from_slice(&digits);
                return;
            }
        };
        self.out.extend_from_slice(&[b'\\', letter]);
    }

    /// Refused as Python does it: when the finished text is encoded, so the position counts from its start.
    fn surrogates(&mut self, text: Result<String, Surrogates>) -> Result<(), Error> {
        match text {
            Ok(text) => self.text(&text),
            Err(text) => {
                self.out.push(b'"');
                let valid: String = text.code_points().map_while(char::from_u32).collect();
                let unescaped = valid.chars().count();
                self.escaped(&valid);
                let written = String::from_utf8_lossy(&self.out[self.start..]).chars().count();
                Err(refusal::surrogates(&text, written - unescaped))
            }
        }
    }

    fn uuid(&mut self, bytes: [u8; 16]) -> Result<(), Error> {
        write!(Utf8(self.out), "\"{}\"", uuid::Uuid::from_bytes(bytes)).map_err(ser::Error::custom)
    }

    fn tagged<T: Serialize + ?Sized>(&mut self, tag: Tag, content: &T) -> Result<(), Error> {
        match tag {
            Tag::Value | Tag::Tuple | Tag::Set | Tag::Exception | Tag::Instance => content.serialize(self),
            Tag::BigInt => self.raw(&refusal::digits(&BigInt::from_bytes(&capture(content)?))?),
            Tag::Surrogates => self.surrogates(capture_surrogates(content)?),
            Tag::Decimal | Tag::Date => self.text(&capture_text(content)?),
            Tag::DateTime => {
                // Python's text has no mark for fold.
                let text = capture_text(content)?;
                self.text(text.split_once(';').map_or(text.as_str(), |(iso, _fold)| iso))
            }
            Tag::Uuid => self.uuid(capture_array(content)?),
            Tag::ClassName => with_text(content, |name| self.text(&(self.options.class_names)(name))),
            Tag::FrozenSet
            | Tag::Complex
            | Tag::ByteArray
            | Tag::Time
            | Tag::TimeDelta
            | Tag::Type
            | Tag::Ellipsis
            | Tag::Pickled => Err(refusal::unknown_class(refusal::class_of(tag), "JsonSerializer")),
        }
    }

    fn open(&mut self, open: &str, close: &'static str) -> Result<Container<'_, 'a>, Error> {
        if self.depth + close.len() > LIMITS.depth {
            return Err(Error::limit(
                "maximum recursion depth exceeded while encoding a JSON object",
            ));
        }
        self.depth += close.len();
        self.raw(open)?;
        Ok(Container {
            ser: self,
            empty: true,
            close,
        })
    }

    fn open_variant(&mut self, variant: &str) -> Result<(), Error> {
        self.raw("{")?;
        self.text(variant)?;
        self.raw(": ")
    }
}

macro_rules! ints {
    ($($method:ident($int:ty))*) => {
        $(fn $method(self, number: $int) -> Result<(), Error> { self.int(number) })*
    };
}

impl<'s, 'a> ser::Serializer for &'s mut Serializer<'a> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Container<'s, 'a>;
    type SerializeTuple = Container<'s, 'a>;
    type SerializeTupleStruct = Container<'s, 'a>;
    type SerializeTupleVariant = Container<'s, 'a>;
    type SerializeMap = Container<'s, 'a>;
    type SerializeStruct = Container<'s, 'a>;
    type SerializeStructVariant = Container<'s, 'a>;

    forward_to_python_forms! {}

    ints! {
        serialize_i8(i8) serialize_i16(i16) serialize_i32(i32) serialize_i64(i64) serialize_i128(i128)
        serialize_u8(u8) serialize_u16(u16) serialize_u32(u32) serialize_u64(u64) serialize_u128(u128)
    }

    fn serialize_bool(self, value: bool) -> Result<(), Error> {
        self.raw(if value { "true" } else { "false" })
    }

    fn serialize_f64(self, number: f64) -> Result<(), Error> {
        self.float(number)
    }

    fn serialize_str(self, text: &str) -> Result<(), Error> {
        self.text(text)
    }

    fn serialize_bytes(self, _bytes: &[u8]) -> Result<(), Error> {
        Err(refusal::unknown_class("bytes", "JsonSerializer"))
    }

    fn serialize_unit(self) -> Result<(), Error> {
        self.raw("null")
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _nr: u32,
        variant: &'static str,
        content: &T,
    ) -> Result<(), Error> {
        let mut dict = self.open("{", "}")?;
        dict.field(variant, content)?;
        dict.close()
    }

    fn serialize_seq(self, _len: Option<usize>) -> Result<Container<'s, 'a>, Error> {
        self.open("[", "]")
    }

    fn serialize_tuple(self, _len: usize) -> Result<Container<'s, 'a>, Error> {
        self.open("[", "]")
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _nr: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<Container<'s, 'a>, Error> {
        self.open_variant(variant)?;
        self.open("[", "]}")
    }

    fn serialize_map(self, _len: Option<usize>) -> Result<Container<'s, 'a>, Error> {
        self.open("{", "}")
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _nr: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<Container<'s, 'a>, Error> {
        self.open_variant(variant)?;
        self.open("{", "}}")
    }
}

/// A list or dict that is being written.
#[derive(Debug)]
pub struct Container<'s, 'a> {
    ser: &'s mut Serializer<'a>,
    empty: bool,
    /// The brackets that end it: two when it is the content of an enum's variant.
    close: &'static str,
}

impl Container<'_, '_> {
    fn comma(&mut self) {
        if !std::mem::take(&mut self.empty) {
            self.ser.out.extend_from_slice(b", ");
        }
    }

    fn item<T: Serialize + ?Sized>(&mut self, item: &T) -> Result<(), Error> {
        self.comma();
        self.value(item)
    }

    fn field<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), Error> {
        self.comma();
        self.ser.text(name)?;
        self.ser.raw(": ")?;
        self.value(value)
    }

    fn key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.comma();
        key.serialize(Key(self.ser))?;
        self.ser.raw(": ")
    }

    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        with_stack_at(self.ser.depth, || value.serialize(&mut *self.ser))
    }

    fn close(self) -> Result<(), Error> {
        self.ser.depth -= self.close.len();
        self.ser.raw(self.close)
    }
}

collects_items!(Container<'_, '_> => ());
collects_entries!(Container<'_, '_> => ());

/// Writes a dict key: always text.
struct Key<'s, 'a>(&'s mut Serializer<'a>);

impl Key<'_, '_> {
    fn quoted(self, write: impl FnOnce(&mut Serializer<'_>) -> Result<(), Error>) -> Result<(), Error> {
        self.0.out.push(b'"');
        write(self.0)?;
        self.0.out.push(b'"');
        Ok(())
    }

    fn tagged<T: Serialize + ?Sized>(self, tag: Tag, content: &T) -> Result<(), Error> {
        match tag {
            Tag::BigInt => self.quoted(|ser| ser.tagged(tag, content)),
            Tag::Surrogates | Tag::ClassName => self.0.tagged(tag, content),
            _ => no_key(refusal::class_of(tag)),
        }
    }
}

fn no_key<T>(class: &str) -> Result<T, Error> {
    Err(Error::unsupported(format!(
        "keys must be str, int, float, bool or None, not {class}"
    )))
}

macro_rules! scalar_keys {
    ($($method:ident($($arg:ident: $type:ty),*))*) => {
        $(fn $method(self, $($arg: $type),*) -> Result<(), Error> {
            self.quoted(|ser| ser::Serializer::$method(ser, $($arg),*))
        })*
    };
}

type NoContainer = Impossible<(), Error>;

impl ser::Serializer for Key<'_, '_> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = NoContainer;
    type SerializeTuple = NoContainer;
    type SerializeTupleStruct = NoContainer;
    type SerializeTupleVariant = NoContainer;
    type SerializeMap = NoContainer;
    type SerializeStruct = NoContainer;
    type SerializeStructVariant = NoContainer;

    forward_to_python_forms! {}

    scalar_keys! {
        serialize_bool(value: bool)
        serialize_i8(number: i8) serialize_i16(number: i16) serialize_i32(number: i32) serialize_i64(number: i64)
        serialize_i128(number: i128)
        serialize_u8(number: u8) serialize_u16(number: u16) serialize_u32(number: u32) serialize_u64(number: u64)
        serialize_u128(number: u128)
        serialize_f64(number: f64)
        serialize_unit()
    }

    fn serialize_str(self, text: &str) -> Result<(), Error> {
        self.0.text(text)
    }

    fn serialize_bytes(self, _bytes: &[u8]) -> Result<(), Error> {
        no_key("bytes")
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _nr: u32,
        _variant: &'static str,
        _content: &T,
    ) -> Result<(), Error> {
        no_key("dict")
    }

    fn serialize_seq(self, _len: Option<usize>) -> Result<NoContainer, Error> {
        no_key("list")
    }

    fn serialize_tuple(self, _len: usize) -> Result<NoContainer, Error> {
        no_key("tuple")
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _nr: u32,
        _variant: &'static str,
        _len: usize,
    ) -> Result<NoContainer, Error> {
        no_key("dict")
    }

    fn serialize_map(self, _len: Option<usize>) -> Result<NoContainer, Error> {
        no_key("dict")
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _nr: u32,
        _variant: &'static str,
        _len: usize,
    ) -> Result<NoContainer, Error> {
        no_key("dict")
    }
}
