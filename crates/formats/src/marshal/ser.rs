use num_bigint::{BigInt as Number, Sign};
use serde::ser::{self, Serialize};

use super::{LIMITS, Options};
use crate::capture::{capture, capture_array, capture_text};
use crate::ser::{collects_entries, collects_items, forward_to_python_forms};
use crate::stack::with_stack_at;
use crate::tag::Tag;
use crate::{BigInt, Error};

/// Writes serde's data model as marshal data.
pub struct Serializer<'a> {
    out: &'a mut Vec<u8>,
    options: Options,
    depth: usize,
    /// The type byte of the next serde sequence: that of a list, or within a set's tag that of the set.
    sequence: u8,
}

impl<'a> Serializer<'a> {
    /// Appends to `out`. After an error the end of `out` is an unfinished value.
    pub fn new(out: &'a mut Vec<u8>, options: Options) -> Serializer<'a> {
        Serializer {
            out,
            options,
            depth: 0,
            sequence: b'[',
        }
    }

    /// Whether there are the short forms of version 4.
    fn short_forms(&self) -> bool {
        self.options.version >= 4 && !self.options.python2
    }

    fn enter(&mut self) -> Result<(), Error> {
        if self.depth == LIMITS.depth {
            return Err(Error::limit("object too deeply nested to marshal"));
        }
        self.depth += 1;
        Ok(())
    }

    fn size(&mut self, size: usize) -> Result<(), Error> {
        let size = i32::try_from(size).map_err(|_| unmarshallable())?;
        self.out.extend_from_slice(&size.to_le_bytes());
        Ok(())
    }

    fn sized(&mut self, code: u8, bytes: &[u8]) -> Result<(), Error> {
        self.out.push(code);
        self.size(bytes.len())?;
        self.out.extend_from_slice(bytes);
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), Error> {
        match u8::try_from(text.len()) {
            _ if !self.short_forms() || !text.is_ascii() => self.sized(b'u', text.as_bytes()),
            Ok(length) => {
                self.out.extend_from_slice(&[b'z', length]);
                self.out.extend_from_slice(text.as_bytes());
                Ok(())
            }
            Err(_) => self.sized(b'a', text.as_bytes()),
        }
    }

    fn int(&mut self, number: i64) -> Result<(), Error> {
        match i32::try_from(number) {
            Ok(small) => {
                let [a, b, c, d] = small.to_le_bytes();
                self.out.extend_from_slice(&[b'i', a, b, c, d]);
                Ok(())
            }
            Err(_) => self.wide_int(number.into()),
        }
    }

    fn wide_int(&mut self, number: i128) -> Result<(), Error> {
        match i64::try_from(number) {
            Ok(number) if i32::try_from(number).is_ok() => self.int(number),
            _ => self.long(number < 0, &number.unsigned_abs().to_le_bytes()),
        }
    }

    fn big_int(&mut self, number: &Number) -> Result<(), Error> {
        match i128::try_from(number) {
            Ok(number) => self.wide_int(number),
            Err(_) => self.long(number.sign() == Sign::Minus, &number.magnitude().to_bytes_le()),
        }
    }

    /// An int in digits of 15 bits. `magnitude` is little-endian.
    fn long(&mut self, negative: bool, magnitude: &[u8]) -> Result<(), Error> {
        self.out.push(b'l');
        let count_at = self.out.len();
        self.size(0)?;
        let (mut pending, mut bits, mut end) = (0_u32, 0, self.out.len());
        for byte in magnitude.iter().chain(&[0, 0]) {
            pending |= u32::from(*byte) << bits;
            bits += 8;
            if bits >= 15 {
                let digit = (pending & 0x7FFF) as u16;
                self.out.extend_from_slice(&digit.to_le_bytes());
                if digit != 0 {
                    end = self.out.len();
                }
                pending >>= 15;
                bits -= 15;
            }
        }
        self.out.truncate(end);
        let count = i32::try_from((end - count_at - 4) / 2).map_err(|_| unmarshallable())?;
        let count = if negative { -count } else { count };
        self.out[count_at..count_at + 4].copy_from_slice(&count.to_le_bytes());
        Ok(())
    }

    fn complex(&mut self, parts: [u8; 16]) {
        self.out.push(b'y');
        self.out.extend_from_slice(&parts);
    }

    fn set<T: Serialize + ?Sized>(&mut self, code: u8, members: &T) -> Result<(), Error> {
        self.sequence = code;
        let result = members.serialize(&mut *self);
        self.sequence = b'[';
        result
    }

    fn tagged<T: Serialize + ?Sized>(&mut self, tag: Tag, content: &T) -> Result<(), Error> {
        match tag {
            Tag::Set => self.set(b'<', content),
            Tag::FrozenSet => self.set(b'>', content),
            Tag::BigInt => self.big_int(&BigInt::from_bytes(&capture(content)?).0),
            Tag::Complex => {
                self.complex(capture_array(content)?);
                Ok(())
            }
            Tag::Surrogates => self.sized(b'u', &capture(content)?),
            Tag::ByteArray => self.sized(b's', &capture(content)?),
            Tag::Uuid => {
                let uuid = uuid::Uuid::from_bytes(capture_array(content)?);
                self.text(uuid.hyphenated().encode_lower(&mut [0; 36]))
            }
            Tag::ClassName => {
                let name = capture_text(content)?;
                self.text(&(self.options.class_names)(&name))
            }
            Tag::Type if capture_text(content)? == "builtins.StopIteration" => {
                self.out.push(b'S');
                Ok(())
            }
            Tag::Ellipsis => {
                self.out.push(b'.');
                Ok(())
            }
            Tag::Exception | Tag::Instance | Tag::Value | Tag::Tuple => content.serialize(self),
            Tag::Pickled | Tag::Type | Tag::Decimal | Tag::DateTime | Tag::Date | Tag::Time | Tag::TimeDelta => {
                Err(unmarshallable())
            }
        }
    }

    /// Starts the dict of one entry that an enum variant with content is.
    fn variant(&mut self, variant: &str) -> Result<(), Error> {
        self.enter()?;
        self.out.push(b'{');
        self.text(variant)
    }

    fn end_variant(&mut self) {
        self.out.push(b'0');
        self.depth -= 1;
    }

    /// A list, tuple or set. A tuple must have `announced` items; the others may turn out longer or shorter.
    fn items<'s>(&'s mut self, code: u8, announced: usize) -> Result<Items<'s, 'a>, Error> {
        self.enter()?;
        let count_at = self.out.len() + 1;
        match u8::try_from(announced) {
            Ok(count) if code == b'(' && self.short_forms() => self.out.extend_from_slice(&[b')', count]),
            _ => {
                self.out.push(code);
                self.size(announced)?;
            }
        }
        Ok(Items {
            serializer: self,
            count_at: (code != b'(').then_some(count_at),
            announced,
            count: 0,
            in_variant: false,
        })
    }

    fn entries<'s>(&'s mut self) -> Result<Entries<'s, 'a>, Error> {
        self.enter()?;
        self.out.push(b'{');
        Ok(Entries {
            serializer: self,
            in_variant: false,
        })
    }
}

/// Python's text for what marshal lacks.
fn unmarshallable() -> Error {
    Error::unsupported("unmarshallable object")
}

macro_rules! ints {
    ($($write:ident: $($method:ident($int:ty))*;)*) => {
        $($(fn $method(self, number: $int) -> Result<(), Error> { self.$write(number.into()) })*)*
    };
}

impl<'s, 'a> ser::Serializer for &'s mut Serializer<'a> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Items<'s, 'a>;
    type SerializeTuple = Items<'s, 'a>;
    type SerializeTupleStruct = Items<'s, 'a>;
    type SerializeTupleVariant = Items<'s, 'a>;
    type SerializeMap = Entries<'s, 'a>;
    type SerializeStruct = Entries<'s, 'a>;
    type SerializeStructVariant = Entries<'s, 'a>;

    forward_to_python_forms! {}

    fn serialize_bool(self, value: bool) -> Result<(), Error> {
        self.out.push(if value { b'T' } else { b'F' });
        Ok(())
    }

    ints! {
        int: serialize_i8(i8) serialize_i16(i16) serialize_i32(i32) serialize_i64(i64) serialize_u8(u8) serialize_u16(u16) serialize_u32(u32);
        wide_int: serialize_u64(u64) serialize_i128(i128);
    }

    fn serialize_u128(self, number: u128) -> Result<(), Error> {
        match i128::try_from(number) {
            Ok(number) => self.wide_int(number),
            Err(_) => self.long(false, &number.to_le_bytes()),
        }
    }

    fn serialize_f64(self, number: f64) -> Result<(), Error> {
        let mut float = [b'g'; 9];
        float[1..].copy_from_slice(&number.to_le_bytes());
        self.out.extend_from_slice(&float);
        Ok(())
    }

    fn serialize_str(self, text: &str) -> Result<(), Error> {
        self.text(text)
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<(), Error> {
        self.sized(b's', bytes)
    }

    fn serialize_unit(self) -> Result<(), Error> {
        self.out.push(b'N');
        Ok(())
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        self.variant(variant)?;
        with_stack_at(self.depth, || value.serialize(&mut *self))?;
        self.end_variant();
        Ok(())
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Items<'s, 'a>, Error> {
        let code = std::mem::replace(&mut self.sequence, b'[');
        self.items(code, length.unwrap_or(0))
    }

    fn serialize_tuple(self, length: usize) -> Result<Items<'s, 'a>, Error> {
        self.items(b'(', length)
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Items<'s, 'a>, Error> {
        self.variant(variant)?;
        let items = self.items(b'(', length)?;
        Ok(Items {
            in_variant: true,
            ..items
        })
    }

    fn serialize_map(self, _length: Option<usize>) -> Result<Entries<'s, 'a>, Error> {
        self.entries()
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Entries<'s, 'a>, Error> {
        self.variant(variant)?;
        let entries = self.entries()?;
        Ok(Entries {
            in_variant: true,
            ..entries
        })
    }
}

/// A list, tuple or set that is being written.
pub struct Items<'s, 'a> {
    serializer: &'s mut Serializer<'a>,
    /// Where in the output the count stands, if it may be corrected.
    count_at: Option<usize>,
    announced: usize,
    count: usize,
    in_variant: bool,
}

impl Items<'_, '_> {
    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.count += 1;
        with_stack_at(self.serializer.depth, || value.serialize(&mut *self.serializer))
    }

    fn close(mut self) -> Result<(), Error> {
        if self.count != self.announced {
            self.correct_count()?;
        }
        self.serializer.depth -= 1;
        if self.in_variant {
            self.serializer.end_variant();
        }
        Ok(())
    }

    fn correct_count(&mut self) -> Result<(), Error> {
        let (announced, count) = (self.announced, self.count);
        let at = self
            .count_at
            .ok_or_else(|| Error::unsupported(format!("a tuple of {announced} items has {count}")))?;
        let count = i32::try_from(count).map_err(|_| unmarshallable())?;
        self.serializer.out[at..at + 4].copy_from_slice(&count.to_le_bytes());
        Ok(())
    }
}

collects_items!(Items<'_, '_> => ());

/// A dict that is being written.
pub struct Entries<'s, 'a> {
    serializer: &'s mut Serializer<'a>,
    in_variant: bool,
}

impl Entries<'_, '_> {
    fn field<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), Error> {
        self.serializer.text(name)?;
        self.value(value)
    }

    fn key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.value(key)
    }

    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        with_stack_at(self.serializer.depth, || value.serialize(&mut *self.serializer))
    }

    fn close(self) -> Result<(), Error> {
        self.serializer.out.push(b'0');
        self.serializer.depth -= 1;
        if self.in_variant {
            self.serializer.end_variant();
        }
        Ok(())
    }
}

collects_entries!(Entries<'_, '_> => ());
