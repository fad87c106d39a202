use serde::ser::{Serialize, Serializer};

use super::de::check_hashable;
use super::{BigInt, Complex, Dict, TimeDelta, Value};
use crate::capture::{capture, capture_array, capture_surrogates, capture_text};
use crate::ser::{collects_entries, collects_items, forward_to_python_forms};
use crate::stack::with_stack;
use crate::tag::Tag;
use crate::{Error, ErrorKind};

/// The [`Value`] that a Rust value is to Python.
///
/// Structs are dicts, Rust's tuples are tuples, sequences are lists, enums are as in serde_json; the wrapper types of this crate give
/// the Python type of their name.
///
/// Errors: a map key or set member that Python cannot hash, and what the type's own `Serialize` refuses.
///
/// ```
/// use ferropyro_formats::{Value, to_value};
///
/// assert_eq!(to_value(&("a", vec![1, 2], None::<bool>))?.to_string(), "('a', [1, 2], None)");
/// # Ok::<(), ferropyro_formats::Error>(())
/// ```
pub fn to_value<T: Serialize + ?Sized>(value: &T) -> Result<Value, Error> {
    value.serialize(ValueSerializer)
}

/// The serde serializer whose output is a [`Value`]; see [`to_value`].
#[derive(Debug, Clone, Copy, Default)]
pub struct ValueSerializer;

/// Collects the items of a list or tuple.
#[derive(Debug)]
pub struct ValueItems {
    items: Vec<Value>,
    container: fn(Vec<Value>) -> Value,
    variant: Option<&'static str>,
}

/// Collects the entries of a dict.
#[derive(Debug)]
pub struct ValueEntries {
    dict: Dict,
    key: Value,
    variant: Option<&'static str>,
}

macro_rules! from {
    ($($method:ident($number:ty))*) => {
        $(fn $method(self, number: $number) -> Result<Value, Error> { Ok(number.into()) })*
    };
}

impl Serializer for ValueSerializer {
    type Ok = Value;
    type Error = Error;
    type SerializeSeq = ValueItems;
    type SerializeTuple = ValueItems;
    type SerializeTupleStruct = ValueItems;
    type SerializeTupleVariant = ValueItems;
    type SerializeMap = ValueEntries;
    type SerializeStruct = ValueEntries;
    type SerializeStructVariant = ValueEntries;

    forward_to_python_forms! {}

    from! {
        serialize_bool(bool)
        serialize_i8(i8) serialize_i16(i16) serialize_i32(i32) serialize_i64(i64) serialize_i128(i128)
        serialize_u8(u8) serialize_u16(u16) serialize_u32(u32) serialize_u64(u64) serialize_u128(u128)
        serialize_f64(f64)
        serialize_str(&str)
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<Value, Error> {
        Ok(Value::Bytes(bytes.to_vec()))
    }

    fn serialize_unit(self) -> Result<Value, Error> {
        Ok(Value::None)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _nr: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Value, Error> {
        Ok(in_variant(Some(variant), with_stack(|| to_value(value))?))
    }

    fn serialize_seq(self, _len: Option<usize>) -> Result<ValueItems, Error> {
        Ok(ValueItems::new(Value::List, None))
    }

    fn serialize_tuple(self, _len: usize) -> Result<ValueItems, Error> {
        Ok(ValueItems::new(Value::Tuple, None))
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _nr: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<ValueItems, Error> {
        Ok(ValueItems::new(Value::Tuple, Some(variant)))
    }

    fn serialize_map(self, _len: Option<usize>) -> Result<ValueEntries, Error> {
        Ok(ValueEntries::new(None))
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _nr: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<ValueEntries, Error> {
        Ok(ValueEntries::new(Some(variant)))
    }
}

impl ValueSerializer {
    fn tagged<T: Serialize + ?Sized>(self, tag: Tag, content: &T) -> Result<Value, Error> {
        Ok(match tag {
            Tag::Value | Tag::ClassName => to_value(content)?,
            Tag::Tuple => Value::Tuple(items(content)?),
            Tag::Set => Value::Set(members(content)?),
            Tag::FrozenSet => Value::FrozenSet(members(content)?),
            Tag::BigInt => BigInt::from_bytes(&capture(content)?).into(),
            Tag::Complex => Value::Complex(Complex::from_bytes(capture_array(content)?)),
            Tag::Surrogates => match capture_surrogates(content)? {
                Ok(text) => Value::from(text),
                Err(surrogates) => Value::Surrogates(surrogates),
            },
            Tag::ByteArray => Value::ByteArray(capture(content)?),
            Tag::Decimal => Value::Decimal(parse(content)?),
            Tag::DateTime => Value::DateTime(Box::new(parse(content)?)),
            Tag::Date => Value::Date(parse(content)?),
            Tag::Time => Value::Time(Box::new(parse(content)?)),
            Tag::TimeDelta => Value::TimeDelta(TimeDelta::from_bytes(capture_array(content)?)),
            Tag::Uuid => Value::Uuid(uuid::Uuid::from_bytes(capture_array(content)?)),
            Tag::Type => Value::Type(capture_text(content)?),
            Tag::Ellipsis => Value::Ellipsis,
            Tag::Pickled => match super::Pickled::from_content(&capture(content)?) {
                Some(object) => Value::Pickled(Box::new(object)),
                None => return Err(Error::unsupported("a pickled object with foreign content")),
            },
            Tag::Exception | Tag::Instance => object(content)?,
        })
    }
}

fn items<T: Serialize + ?Sized>(content: &T) -> Result<Vec<Value>, Error> {
    to_value(content)?
        .into_items()
        .map_err(|other| foreign("a sequence", &other))
}

fn members<T: Serialize + ?Sized>(content: &T) -> Result<super::Set<Value>, Error> {
    let members = items(content)?;
    members.iter().try_for_each(check_hashable::<Error>)?;
    Ok(members.into_iter().collect())
}

fn parse<T: std::str::FromStr<Err: std::fmt::Display>, C: Serialize + ?Sized>(content: &C) -> Result<T, Error> {
    capture_text(content)?
        .parse()
        .map_err(|error: T::Err| Error::unsupported(error.to_string()))
}

/// The exception or instance of a class dict.
fn object<T: Serialize + ?Sized>(content: &T) -> Result<Value, Error> {
    match to_value(content)? {
        Value::Dict(dict) => Ok(dict.into_object()),
        other => Err(foreign("a class dict", &other)),
    }
}

fn foreign(expected: &str, found: &Value) -> Error {
    Error::unsupported(format!("{} where {expected} belongs", found.type_name()))
}

/// Content of an enum's variant: a dict of one entry.
fn in_variant(variant: Option<&'static str>, content: Value) -> Value {
    match variant {
        Some(variant) => Value::Dict(Dict::from([(variant, content)])),
        None => content,
    }
}

impl ValueItems {
    fn new(container: fn(Vec<Value>) -> Value, variant: Option<&'static str>) -> ValueItems {
        ValueItems {
            items: Vec::new(),
            container,
            variant,
        }
    }

    fn item<T: Serialize + ?Sized>(&mut self, item: &T) -> Result<(), Error> {
        self.items.push(with_stack(|| to_value(item))?);
        Ok(())
    }

    fn close(self) -> Result<Value, Error> {
        Ok(in_variant(self.variant, (self.container)(self.items)))
    }
}

impl ValueEntries {
    fn new(variant: Option<&'static str>) -> ValueEntries {
        ValueEntries {
            dict: Dict::new(),
            key: Value::None,
            variant,
        }
    }

    fn key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.key = with_stack(|| to_value(key))?;
        check_hashable::<serde::de::value::Error>(&self.key)
            .map_err(|error| Error::new(ErrorKind::Unsupported, error.to_string()))
    }

    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        let key = std::mem::take(&mut self.key);
        self.field(key, value)
    }

    fn field<T: Serialize + ?Sized>(&mut self, name: impl Into<Value>, value: &T) -> Result<(), Error> {
        self.dict.insert(name, with_stack(|| to_value(value))?);
        Ok(())
    }

    fn close(self) -> Result<Value, Error> {
        Ok(in_variant(self.variant, Value::Dict(self.dict)))
    }
}

collects_items!(ValueItems => Value);
collects_entries!(ValueEntries => Value);
