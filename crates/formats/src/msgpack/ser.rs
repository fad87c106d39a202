use serde::Serialize;
use serde::ser;

use super::{LIMITS, Options, ext};
use crate::capture::{capture, capture_array, capture_surrogates, capture_text, with_text};
use crate::refusal;
use crate::ser::{collects_entries, collects_items, forward_to_python_forms};
use crate::stack::with_stack_at;
use crate::tag::Tag;
use crate::{BigInt, Error, Surrogates};

/// Writes one value as MessagePack bytes.
#[derive(Debug)]
pub struct Serializer<'a> {
    out: &'a mut Vec<u8>,
    options: Options,
    depth: usize,
}

/// What has a length in its head: the markers of one of the families.
struct Family {
    /// The marker of length 0, and how many lengths fit the marker.
    fixed: Option<(u8, u32)>,
    /// The marker before a length of 8 bits.
    bits8: Option<u8>,
    bits16: u8,
    bits32: u8,
}

const STR: Family = Family {
    fixed: Some((0xA0, 32)),
    bits8: Some(0xD9),
    bits16: 0xDA,
    bits32: 0xDB,
};

const BIN: Family = Family {
    fixed: None,
    bits8: Some(0xC4),
    bits16: 0xC5,
    bits32: 0xC6,
};

const ARRAY: Family = Family {
    fixed: Some((0x90, 16)),
    bits8: None,
    bits16: 0xDC,
    bits32: 0xDD,
};

const MAP: Family = Family {
    fixed: Some((0x80, 16)),
    bits8: None,
    bits16: 0xDE,
    bits32: 0xDF,
};

const EXT: Family = Family {
    fixed: None,
    bits8: Some(0xC7),
    bits16: 0xC8,
    bits32: 0xC9,
};

impl<'a> Serializer<'a> {
    /// A serializer that appends to `out`.
    pub fn new(out: &'a mut Vec<u8>, options: Options) -> Serializer<'a> {
        Serializer { out, options, depth: 0 }
    }

    fn byte(&mut self, byte: u8) -> Result<(), Error> {
        self.out.push(byte);
        Ok(())
    }

    /// A marker and up to eight bytes.
    #[inline]
    fn marked<const N: usize>(&mut self, marker: u8, bytes: [u8; N]) -> Result<(), Error> {
        let mut all = [marker; 9];
        all[1..=N].copy_from_slice(&bytes);
        self.out.extend_from_slice(&all[..=N]);
        Ok(())
    }

    /// Writes the head of `length` bytes or items.
    fn head(&mut self, family: &Family, length: usize) -> Result<(), Error> {
        let Ok(length) = u32::try_from(length) else {
            return Err(Error::limit("msgpack has no lengths beyond 32 bits"));
        };
        match (family.fixed, family.bits8, length) {
            (Some((marker, count)), _, _) if length < count => self.byte(marker + length as u8),
            (_, Some(marker), 0..=0xFF) => self.marked(marker, [length as u8]),
            (_, _, 0..=0xFFFF) => self.marked(family.bits16, (length as u16).to_be_bytes()),
            _ => self.marked(family.bits32, length.to_be_bytes()),
        }
    }

    fn unsigned(&mut self, number: u64) -> Result<(), Error> {
        match number {
            0..=0x7F => self.byte(number as u8),
            0x80..=0xFF => self.marked(0xCC, [number as u8]),
            0x100..=0xFFFF => self.marked(0xCD, (number as u16).to_be_bytes()),
            0x1_0000..=0xFFFF_FFFF => self.marked(0xCE, (number as u32).to_be_bytes()),
            _ => self.marked(0xCF, number.to_be_bytes()),
        }
    }

    fn signed(&mut self, number: i64) -> Result<(), Error> {
        match number {
            0.. => self.unsigned(number as u64),
            -0x20.. => self.byte(number as u8),
            -0x80.. => self.marked(0xD0, [number as u8]),
            -0x8000.. => self.marked(0xD1, (number as i16).to_be_bytes()),
            -0x8000_0000.. => self.marked(0xD2, (number as i32).to_be_bytes()),
            _ => self.marked(0xD3, number.to_be_bytes()),
        }
    }

    fn big_int(&mut self, number: &BigInt) -> Result<(), Error> {
        match (i64::try_from(&number.0), u64::try_from(&number.0)) {
            (Ok(number), _) => self.signed(number),
            (_, Ok(number)) => self.unsigned(number),
            _ => self.ext(ext::LONG, refusal::digits(number)?.as_bytes()),
        }
    }

    fn text(&mut self, text: &str) -> Result<(), Error> {
        self.head(&STR, text.len())?;
        self.out.extend_from_slice(text.as_bytes());
        Ok(())
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.head(&BIN, bytes.len())?;
        self.out.extend_from_slice(bytes);
        Ok(())
    }

    fn ext(&mut self, code: i8, data: &[u8]) -> Result<(), Error> {
        match data.len() {
            1 | 2 | 4 | 8 | 16 => self.byte(0xD4 + data.len().trailing_zeros() as u8)?,
            length => self.head(&EXT, length)?,
        }
        self.byte(code as u8)?;
        self.out.extend_from_slice(data);
        Ok(())
    }

    fn surrogates(&mut self, text: Result<String, Surrogates>) -> Result<(), Error> {
        match text {
            Ok(text) => self.text(&text),
            Err(text) => Err(refusal::surrogates(&text, 0)),
        }
    }

    fn datetime(&mut self, text: &str) -> Result<(), Error> {
        let moment = text.parse().map_err(ser::Error::custom)?;
        let seconds = ext::datetime_bytes(moment, &(self.options.time_zone)())?;
        self.ext(ext::DATETIME, &seconds)
    }

    fn date(&mut self, text: &str) -> Result<(), Error> {
        let ordinal = ext::date_bytes(text.parse().map_err(ser::Error::custom)?);
        self.ext(ext::DATE, &ordinal)
    }

    fn tagged<T: Serialize + ?Sized>(&mut self, tag: Tag, content: &T) -> Result<(), Error> {
        match tag {
            Tag::Value | Tag::Tuple | Tag::Set | Tag::Exception | Tag::Instance => content.serialize(self),
            Tag::BigInt => self.big_int(&BigInt::from_bytes(&capture(content)?)),
            Tag::Complex => self.ext(ext::COMPLEX, &capture_array::<16, _>(content)?),
            Tag::Surrogates => self.surrogates(capture_surrogates(content)?),
            Tag::ByteArray => self.bytes(&capture(content)?),
            Tag::Decimal => self.text(&capture_text(content)?),
            Tag::DateTime => self.datetime(&capture_text(content)?),
            Tag::Date => self.date(&capture_text(content)?),
            Tag::Uuid => self.text(&uuid::Uuid::from_bytes(capture_array(content)?).to_string()),
            Tag::ClassName => with_text(content, |name| self.text(&(self.options.class_names)(name))),
            Tag::FrozenSet | Tag::Time | Tag::TimeDelta | Tag::Type | Tag::Ellipsis | Tag::Pickled => {
                Err(refusal::unknown_class(refusal::class_of(tag), "MsgpackSerializer"))
            }
        }
    }

    fn open(&mut self, family: &'static Family, announced: Option<usize>) -> Result<Container<'_, 'a>, Error> {
        if self.depth >= LIMITS.depth {
            return Err(Error::limit("recursion limit exceeded."));
        }
        self.depth += 1;
        let announced = announced.unwrap_or(0);
        let start = self.out.len();
        self.head(family, announced)?;
        Ok(Container {
            items_start: self.out.len(),
            ser: self,
            start,
            family,
            announced,
            count: 0,
            variant: false,
        })
    }

    fn open_in_variant(
        &mut self,
        variant: &str,
        family: &'static Family,
        length: usize,
    ) -> Result<Container<'_, 'a>, Error> {
        self.depth += 1;
        self.head(&MAP, 1)?;
        self.text(variant)?;
        let mut container = self.open(family, Some(length))?;
        container.variant = true;
        Ok(container)
    }
}

macro_rules! numbers {
    ($($method:ident($number:ty) => $write:ident)*) => {
        $(fn $method(self, number: $number) -> Result<(), Error> { self.$write(number.into()) })*
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

    numbers! {
        serialize_i8(i8) => signed
        serialize_i16(i16) => signed
        serialize_i32(i32) => signed
        serialize_i64(i64) => signed
        serialize_u8(u8) => unsigned
        serialize_u16(u16) => unsigned
        serialize_u32(u32) => unsigned
        serialize_u64(u64) => unsigned
    }

    fn serialize_i128(self, number: i128) -> Result<(), Error> {
        self.big_int(&number.into())
    }

    fn serialize_u128(self, number: u128) -> Result<(), Error> {
        self.big_int(&number.into())
    }

    fn serialize_bool(self, value: bool) -> Result<(), Error> {
        self.byte(if value { 0xC3 } else { 0xC2 })
    }

    fn serialize_f64(self, number: f64) -> Result<(), Error> {
        self.marked(0xCB, number.to_be_bytes())
    }

    fn serialize_str(self, text: &str) -> Result<(), Error> {
        self.text(text)
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<(), Error> {
        self.bytes(bytes)
    }

    fn serialize_unit(self) -> Result<(), Error> {
        self.byte(0xC0)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _nr: u32,
        variant: &'static str,
        content: &T,
    ) -> Result<(), Error> {
        let mut dict = self.open(&MAP, Some(1))?;
        dict.field(variant, content)?;
        dict.close()
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Container<'s, 'a>, Error> {
        self.open(&ARRAY, len)
    }

    fn serialize_tuple(self, len: usize) -> Result<Container<'s, 'a>, Error> {
        self.open(&ARRAY, Some(len))
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _nr: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Container<'s, 'a>, Error> {
        self.open_in_variant(variant, &ARRAY, len)
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Container<'s, 'a>, Error> {
        self.open(&MAP, len)
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _nr: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Container<'s, 'a>, Error> {
        self.open_in_variant(variant, &MAP, len)
    }
}

/// A list or dict that is being written.
pub struct Container<'s, 'a> {
    ser: &'s mut Serializer<'a>,
    family: &'static Family,
    /// Where its head begins, and where its items.
    start: usize,
    items_start: usize,
    announced: usize,
    count: usize,
    /// It is the content of an enum's variant, inside a dict of its own.
    variant: bool,
}

impl Container<'_, '_> {
    fn item<T: Serialize + ?Sized>(&mut self, item: &T) -> Result<(), Error> {
        self.count += 1;
        self.value(item)
    }

    fn field<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), Error> {
        self.count += 1;
        self.ser.text(name)?;
        self.value(value)
    }

    fn key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.item(key)
    }

    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        with_stack_at(self.ser.depth, || value.serialize(&mut *self.ser))
    }

    fn close(self) -> Result<(), Error> {
        self.ser.depth -= 1 + usize::from(self.variant);
        if self.count != self.announced {
            // The length was not known before.
            let mut head = Vec::new();
            Serializer::new(&mut head, self.ser.options).head(self.family, self.count)?;
            self.ser.out.splice(self.start..self.items_start, head);
        }
        Ok(())
    }
}

collects_items!(Container<'_, '_> => ());
collects_entries!(Container<'_, '_> => ());
