use std::fmt::Write as _;

use serde::Serialize;
use serde::ser;

use super::{HEADER, LIMITS, Options};
use crate::capture::{capture, capture_array, capture_surrogates, capture_text, with_text};
use crate::refusal;
use crate::ser::{collects_entries, collects_items, forward_to_python_forms};
use crate::stack::with_stack_at;
use crate::tag::Tag;
use crate::value::repr::{Utf8, is_plain, write_bytes, write_code_points, write_float, write_text};
use crate::value::{BigInt, Complex, TimeDelta, append_base64};
use crate::{Error, Surrogates};

/// Writes one value as serpent text.
pub struct Serializer<'a> {
    out: &'a mut Vec<u8>,
    options: Options,
    depth: usize,
    /// The next value is a dict key or the member of a set.
    key: bool,
    /// The next sequence is the content of a set.
    set: bool,
}

impl<'a> Serializer<'a> {
    /// A serializer that appends to `out`; the header line is written at once.
    pub fn new(out: &'a mut Vec<u8>, options: Options) -> Serializer<'a> {
        out.extend_from_slice(HEADER);
        Serializer {
            out,
            options,
            depth: 0,
            key: false,
            set: false,
        }
    }

    fn raw(&mut self, text: &str) -> Result<(), Error> {
        self.out.extend_from_slice(text.as_bytes());
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), Error> {
        if is_plain(text) {
            self.out.reserve(text.len() + 2);
            self.out.push(b'\'');
            self.raw(text)?;
            self.out.push(b'\'');
            return Ok(());
        }
        write_text(&mut Utf8(self.out), text).map_err(ser::Error::custom)
    }

    fn int(&mut self, number: impl itoa::Integer) -> Result<(), Error> {
        let mut buffer = itoa::Buffer::new();
        self.raw(buffer.format(number))
    }

    fn float(&mut self, number: f64) -> Result<(), Error> {
        if number.is_nan() {
            self.raw("{'__class__':'float','value':'nan'}")
        } else if number.is_infinite() {
            self.raw(if number > 0.0 { "1e30000" } else { "-1e30000" })
        } else {
            write_float(&mut Utf8(self.out), number).map_err(ser::Error::custom)
        }
    }

    fn complex(&mut self, number: Complex) -> Result<(), Error> {
        if number.re.is_nan() || number.im.is_nan() {
            self.raw("{'__class__':'complex','real':")?;
            self.float(number.re)?;
            self.raw(",'imag':")?;
            self.float(number.im)?;
            return self.raw("}");
        }
        self.raw("(")?;
        self.float(number.re)?;
        if number.im.is_sign_positive() {
            self.raw("+")?;
        }
        self.float(number.im)?;
        self.raw("j)")
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if self.options.bytes_repr {
            return write_bytes(&mut Utf8(self.out), bytes).map_err(ser::Error::custom);
        }
        self.raw("{'data': '")?;
        append_base64(self.out, bytes).map_err(ser::Error::custom)?;
        self.raw("', 'encoding': 'base64'}")
    }

    fn surrogates(&mut self, text: Result<String, Surrogates>) -> Result<(), Error> {
        match text {
            Ok(text) => self.text(&text),
            Err(text) => write_code_points(&mut Utf8(self.out), text.code_points()).map_err(ser::Error::custom),
        }
    }

    fn uuid(&mut self, bytes: [u8; 16]) -> Result<(), Error> {
        write!(Utf8(self.out), "'{}'", uuid::Uuid::from_bytes(bytes)).map_err(ser::Error::custom)
    }

    /// The text of a datetime or time without the mark for `fold`, which Python's text lacks too.
    fn temporal(&mut self, text: &str) -> Result<(), Error> {
        self.text(text.split_once(';').map_or(text, |(iso, _fold)| iso))
    }

    /// Python's refusal of the types that it takes as dict keys but serpent does not.
    fn no_key(&self, type_name: &str) -> Result<(), Error> {
        if !self.key {
            return Ok(());
        }
        Err(Error::unsupported(format!(
            "one of the keys in a dict or set is not of a primitive hashable type: <class '{type_name}'>. \
             Use simple types as keys or use a list or tuple as container."
        )))
    }

    fn open(&mut self, bracket: u8, close: u8) -> Result<Container<'_, 'a>, Error> {
        if self.depth >= LIMITS.depth {
            return Err(Error::limit(
                "Object graph nesting too deep. Increase serializer.maximum_level if you think you need more,  \
                 but this may cause a RecursionError instead if Python's recursion limit doesn't allow it.",
            ));
        }
        self.depth += 1;
        self.key = false;
        self.out.push(bracket);
        Ok(Container {
            ser: self,
            close,
            count: 0,
            variant: false,
            members: false,
        })
    }

    fn open_dict(&mut self) -> Result<Container<'_, 'a>, Error> {
        self.no_key("dict")?;
        self.open(b'{', b'}')
    }

    /// Opens the dict of an enum's variant; what is written next is its content.
    fn open_variant(&mut self, variant: &str) -> Result<Container<'_, 'a>, Error> {
        let mut container = self.open_dict()?;
        container.name(variant)?;
        Ok(container)
    }

    fn tagged<T: Serialize + ?Sized>(&mut self, tag: Tag, content: &T) -> Result<(), Error> {
        self.check_key(tag)?;
        match tag {
            Tag::Value | Tag::Tuple | Tag::Exception | Tag::Instance => content.serialize(self),
            Tag::Set | Tag::FrozenSet => {
                self.set = true;
                content.serialize(self)
            }
            Tag::BigInt => self.raw(&refusal::digits(&BigInt::from_bytes(&capture(content)?))?),
            Tag::Complex => self.complex(Complex::from_bytes(capture_array(content)?)),
            Tag::Surrogates => self.surrogates(capture_surrogates(content)?),
            Tag::ByteArray => self.bytes(&capture(content)?),
            Tag::Decimal | Tag::Date => self.text(&capture_text(content)?),
            Tag::DateTime | Tag::Time => self.temporal(&capture_text(content)?),
            Tag::TimeDelta => self.float(TimeDelta::from_bytes(capture_array(content)?).total_seconds()),
            Tag::Uuid => self.uuid(capture_array(content)?),
            Tag::Type | Tag::Ellipsis | Tag::Pickled => Err(Error::unsupported(format!(
                "don't know how to serialize class <class '{}'>. Give it vars() or an appropriate __getstate__",
                refusal::class_of(tag)
            ))),
            Tag::ClassName => with_text(content, |name| self.text(&(self.options.class_names)(name))),
        }
    }

    /// Python's refusal of tagged types as dict keys.
    fn check_key(&self, tag: Tag) -> Result<(), Error> {
        match tag {
            Tag::Uuid => self.no_key("uuid.UUID"),
            Tag::Set
            | Tag::FrozenSet
            | Tag::ByteArray
            | Tag::Type
            | Tag::Ellipsis
            | Tag::Pickled
            | Tag::DateTime
            | Tag::Date
            | Tag::Time
            | Tag::TimeDelta => self.no_key(refusal::class_of(tag)),
            _ => Ok(()),
        }
    }
}

macro_rules! ints {
    ($($method:ident: $int:ty,)*) => {
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
        serialize_i8: i8,
        serialize_i16: i16,
        serialize_i32: i32,
        serialize_i64: i64,
        serialize_i128: i128,
        serialize_u8: u8,
        serialize_u16: u16,
        serialize_u32: u32,
        serialize_u64: u64,
        serialize_u128: u128,
    }

    fn serialize_bool(self, value: bool) -> Result<(), Error> {
        self.raw(if value { "True" } else { "False" })
    }

    fn serialize_f64(self, number: f64) -> Result<(), Error> {
        self.float(number)
    }

    fn serialize_str(self, text: &str) -> Result<(), Error> {
        self.text(text)
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<(), Error> {
        self.bytes(bytes)
    }

    fn serialize_unit(self) -> Result<(), Error> {
        self.no_key("NoneType")?;
        self.raw("None")
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _nr: u32,
        variant: &'static str,
        content: &T,
    ) -> Result<(), Error> {
        let mut container = self.open_variant(variant)?;
        container.value(content)?;
        container.close()
    }

    fn serialize_seq(self, _len: Option<usize>) -> Result<Container<'s, 'a>, Error> {
        if std::mem::take(&mut self.set) {
            let mut container = self.open(b'{', b'}')?;
            container.members = true;
            return Ok(container);
        }
        self.no_key("list")?;
        self.open(b'[', b']')
    }

    fn serialize_tuple(self, _len: usize) -> Result<Container<'s, 'a>, Error> {
        self.open(b'(', b')')
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _nr: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<Container<'s, 'a>, Error> {
        let dict = self.open_variant(variant)?;
        let mut container = dict.ser.open(b'(', b')')?;
        container.variant = true;
        Ok(container)
    }

    fn serialize_map(self, _len: Option<usize>) -> Result<Container<'s, 'a>, Error> {
        self.open_dict()
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _nr: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<Container<'s, 'a>, Error> {
        let dict = self.open_variant(variant)?;
        let mut container = dict.ser.open(b'{', b'}')?;
        container.variant = true;
        Ok(container)
    }
}

/// A container that is being written.
pub struct Container<'s, 'a> {
    ser: &'s mut Serializer<'a>,
    close: u8,
    count: usize,
    /// The container is the content of an enum's variant, around which a dict has to be closed.
    variant: bool,
    /// The items are members of a set.
    members: bool,
}

impl Container<'_, '_> {
    fn item<T: Serialize + ?Sized>(&mut self, item: &T) -> Result<(), Error> {
        self.comma();
        self.ser.key = self.members;
        self.value(item)
    }

    fn key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.comma();
        self.ser.key = true;
        self.value(key)?;
        self.ser.out.push(b':');
        Ok(())
    }

    fn field<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), Error> {
        self.name(name)?;
        self.value(value)
    }

    fn name(&mut self, name: &str) -> Result<(), Error> {
        self.comma();
        self.ser.text(name)?;
        self.ser.out.push(b':');
        Ok(())
    }

    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        with_stack_at(self.ser.depth, || value.serialize(&mut *self.ser))?;
        self.ser.key = false;
        Ok(())
    }

    #[inline] // as often as there are items
    fn comma(&mut self) {
        if self.count > 0 {
            self.ser.out.push(b',');
        }
        self.count += 1;
    }

    fn close(self) -> Result<(), Error> {
        let out = &mut *self.ser.out;
        match (self.close, self.count) {
            (b')', 1) => out.extend_from_slice(b",)"),
            // There is no literal of an empty set that all Pythons read.
            _ if self.members && self.count == 0 => {
                out.pop();
                out.extend_from_slice(b"()");
            }
            _ => out.push(self.close),
        }
        self.ser.depth -= 1;
        if self.variant {
            self.ser.out.push(b'}');
            self.ser.depth -= 1;
        }
        Ok(())
    }
}

collects_items!(Container<'_, '_> => ());
collects_entries!(Container<'_, '_> => ());
