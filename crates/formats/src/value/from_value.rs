use std::borrow::Cow;

use serde::de::value::{MapDeserializer, SeqDeserializer, StrDeserializer, UnitDeserializer};
use serde::de::{self, DeserializeOwned, Deserializer, IntoDeserializer, Visitor};

use super::base64::decode_base64;
use super::temporal::PrivateText;
use super::{BigInt, Dict, Value};
use crate::Error;
use crate::de::{
    forward_to_python_types, visit_big_int, visit_bytes_as_seq, visit_complex, visit_surrogates, visit_tagged_bytes,
};
use crate::stack::with_stack;
use crate::tag::{Tag, visit_tagged};
use crate::variant::{Content, NOT_A_VARIANT};

/// The Rust value that a [`Value`] stands for.
///
/// What a type accepts is the same as in the formats: a list for a tuple and the other way round, any sequence for a
/// [`Set`](crate::Set), an int for a float, the text form of dates. (To borrow texts, use `T::deserialize(&value)`.)
///
/// Errors: the value does not fit the type.
///
/// ```
/// use ferropyro_formats::{Value, from_value};
///
/// let value = Value::Tuple(vec!["a".into(), 1.into(), Value::None]);
/// assert_eq!(from_value::<(String, u8, Option<bool>)>(value)?, ("a".to_owned(), 1, None));
/// # Ok::<(), ferropyro_formats::Error>(())
/// ```
pub fn from_value<T: DeserializeOwned>(value: Value) -> Result<T, Error> {
    T::deserialize(value)
}

/// Reads an owned or a borrowed value.
struct Reader<'de>(Cow<'de, Value>);

type Items<'de> = Vec<Reader<'de>>;

fn owned<'de>(value: Value) -> Reader<'de> {
    Reader(Cow::Owned(value))
}

fn borrowed(value: &Value) -> Reader<'_> {
    Reader(Cow::Borrowed(value))
}

impl<'de> Reader<'de> {
    /// In rich mode: see [`crate::tag`].
    fn rich<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let tag = match &*self.0 {
            Value::BigInt(number) => return visit_big_int(visitor, number, true),
            Value::Complex(number) => return visit_complex(visitor, *number, true),
            Value::Surrogates(text) => return visit_surrogates(visitor, text.as_bytes(), true),
            Value::ByteArray(bytes) => return visit_tagged_bytes(visitor, Tag::ByteArray, bytes),
            Value::Decimal(number) => return visit_text(visitor, Tag::Decimal, number.as_str()),
            Value::DateTime(moment) => return visit_text(visitor, Tag::DateTime, &moment.private_text()),
            Value::Date(date) => return visit_text(visitor, Tag::Date, &date.private_text()),
            Value::Time(time) => return visit_text(visitor, Tag::Time, &time.private_text()),
            Value::TimeDelta(delta) => return visit_tagged_bytes(visitor, Tag::TimeDelta, &delta.to_bytes()),
            Value::Uuid(uuid) => return visit_tagged_bytes(visitor, Tag::Uuid, uuid.as_bytes()),
            Value::Type(name) => return visit_text(visitor, Tag::Type, name),
            Value::Pickled(object) => {
                return visit_tagged_bytes(visitor, Tag::Pickled, &object.as_ref().clone().into_content());
            }
            Value::Ellipsis => return visit_tagged(visitor, Tag::Ellipsis, UnitDeserializer::new()),
            Value::Tuple(_) => Tag::Tuple,
            Value::Set(_) => Tag::Set,
            Value::FrozenSet(_) => Tag::FrozenSet,
            Value::Exception(_) => Tag::Exception,
            Value::Instance(_) => Tag::Instance,
            _ => return self.plain(visitor),
        };
        visit_tagged(visitor, tag, Plain(self))
    }

    /// As the nearest type that serde knows.
    fn plain<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Cow::Borrowed(value) => match value {
                Value::Str(text) => visitor.visit_borrowed_str(text),
                Value::Bytes(bytes) | Value::ByteArray(bytes) => visitor.visit_borrowed_bytes(bytes),
                Value::List(items) | Value::Tuple(items) => visit_items(items.iter().map(borrowed).collect(), visitor),
                Value::Set(members) | Value::FrozenSet(members) => {
                    visit_items(members.iter().map(borrowed).collect(), visitor)
                }
                Value::Dict(dict) => visit_entries(dict.iter().map(|(k, v)| (borrowed(k), borrowed(v))), visitor),
                Value::Exception(exception) => visit_dict(exception.clone().into_class_dict(), visitor),
                Value::Instance(instance) => visit_dict(instance.clone().into_class_dict(), visitor),
                leaf => visit_leaf(leaf, visitor),
            },
            Cow::Owned(value) => match value {
                Value::Str(text) => visitor.visit_string(text.into_string()),
                Value::Bytes(bytes) | Value::ByteArray(bytes) => visitor.visit_byte_buf(bytes),
                Value::List(items) | Value::Tuple(items) => {
                    visit_items(items.into_iter().map(owned).collect(), visitor)
                }
                Value::Set(members) | Value::FrozenSet(members) => {
                    visit_items(members.into_iter().map(owned).collect(), visitor)
                }
                Value::Dict(dict) => visit_dict(dict, visitor),
                Value::Exception(exception) => visit_dict(exception.into_class_dict(), visitor),
                Value::Instance(instance) => visit_dict(instance.into_class_dict(), visitor),
                leaf => visit_leaf(&leaf, visitor),
            },
        }
    }

    /// The bytes in the dict that serpent makes of bytes.
    fn unpacked_base64(&self) -> Option<Vec<u8>> {
        let dict = self.0.as_dict().filter(|dict| dict.len() == 2)?;
        dict.get("encoding")
            .filter(|encoding| encoding.as_str() == Some("base64"))?;
        decode_base64(dict.get("data")?.as_str()?).ok()
    }

    /// The variant's name and, where there is any, its content.
    fn variant(self) -> Result<(Reader<'de>, Option<Reader<'de>>), Error> {
        match self.0 {
            Cow::Borrowed(Value::Dict(dict)) if dict.len() == 1 => dict
                .iter()
                .next()
                .map(|(name, content)| (borrowed(name), Some(borrowed(content))))
                .ok_or_else(not_a_variant),
            Cow::Owned(Value::Dict(dict)) if dict.len() == 1 => dict
                .into_iter()
                .next()
                .map(|(name, content)| (owned(name), Some(owned(content))))
                .ok_or_else(not_a_variant),
            text if text.as_str().is_some() => Ok((Reader(text), None)),
            _ => Err(not_a_variant()),
        }
    }
}

fn not_a_variant() -> Error {
    de::Error::custom(NOT_A_VARIANT)
}

fn visit_text<'de, V: Visitor<'de>>(visitor: V, tag: Tag, text: &str) -> Result<V::Value, Error> {
    visit_tagged(visitor, tag, StrDeserializer::new(text))
}

fn visit_items<'de, V: Visitor<'de>>(items: Items<'de>, visitor: V) -> Result<V::Value, Error> {
    let mut items = SeqDeserializer::new(items.into_iter());
    let value = with_stack(|| visitor.visit_seq(&mut items))?;
    items.end()?;
    Ok(value)
}

fn visit_entries<'de, V: Visitor<'de>>(
    entries: impl Iterator<Item = (Reader<'de>, Reader<'de>)>,
    visitor: V,
) -> Result<V::Value, Error> {
    let mut entries = MapDeserializer::new(entries);
    let value = with_stack(|| visitor.visit_map(&mut entries))?;
    entries.end()?;
    Ok(value)
}

fn visit_dict<'de, V: Visitor<'de>>(dict: Dict, visitor: V) -> Result<V::Value, Error> {
    visit_entries(dict.into_iter().map(|(key, value)| (owned(key), owned(value))), visitor)
}

/// A value that contains no others; containers, texts and bytes were dealt with.
fn visit_leaf<'de, V: Visitor<'de>>(leaf: &Value, visitor: V) -> Result<V::Value, Error> {
    match leaf {
        Value::Bool(value) => visitor.visit_bool(*value),
        Value::Int(number) => visitor.visit_i64(*number),
        Value::BigInt(number) => visit_big_int(visitor, number, false),
        Value::Float(number) => visitor.visit_f64(*number),
        Value::Complex(number) => visit_complex(visitor, *number, false),
        Value::Surrogates(text) => visit_surrogates(visitor, text.as_bytes(), false),
        Value::Decimal(number) => visitor.visit_str(number.as_str()),
        Value::DateTime(moment) => visitor.visit_string(moment.to_string()),
        Value::Date(date) => visitor.visit_string(date.to_string()),
        Value::Time(time) => visitor.visit_string(time.to_string()),
        Value::TimeDelta(delta) => visitor.visit_f64(delta.total_seconds()),
        Value::Uuid(uuid) => visitor.visit_string(uuid.to_string()),
        Value::Type(name) => visitor.visit_str(name),
        Value::Pickled(object) => Err(de::Error::custom(format_args!(
            "an object that only Python can make, with {}",
            object.callee()
        ))),
        _ => visitor.visit_unit(),
    }
}

/// The content of a tag, which must not be read in rich mode itself: that would give the tag again.
struct Plain<'de>(Reader<'de>);

impl<'de> Deserializer<'de> for Plain<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.0.plain(visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de> Deserializer<'de> for Reader<'de> {
    type Error = Error;

    forward_to_python_types! { |self, visitor| self.rich(visitor) }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.plain(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &*self.0 {
            Value::BigInt(number) => visitor.visit_f64(number.to_f64()),
            _ => self.plain(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &*self.0 {
            Value::None => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.unpacked_base64() {
            Some(bytes) => visitor.visit_byte_buf(bytes),
            None => self.plain(visitor),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &*self.0 {
            Value::Bytes(bytes) | Value::ByteArray(bytes) => visit_bytes_as_seq(visitor, bytes),
            _ => self.plain(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let (name, content) = self.variant()?;
        with_stack(|| visitor.visit_enum(Variant { name, content }))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 char str unit map identifier
    }
}

impl<'de> IntoDeserializer<'de, Error> for Reader<'de> {
    type Deserializer = Reader<'de>;

    fn into_deserializer(self) -> Reader<'de> {
        self
    }
}

struct Variant<'de> {
    name: Reader<'de>,
    content: Option<Reader<'de>>,
}

impl<'de> de::EnumAccess<'de> for Variant<'de> {
    type Error = Error;
    type Variant = Content<Reader<'de>>;

    fn variant_seed<S: de::DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Content<Reader<'de>>), Error> {
        Ok((seed.deserialize(self.name)?, Content(self.content)))
    }
}

/// Deserializer methods of `Value` and `&Value`: those of their [`Reader`].
macro_rules! read_with {
    ($reader:ident: $($method:ident($($arg:ident: $type:ty),*))*) => {
        $(fn $method<V: Visitor<'de>>(self, $($arg: $type,)* visitor: V) -> Result<V::Value, Error> {
            $reader(self).$method($($arg,)* visitor)
        })*
    };
    ($reader:ident) => {
        type Error = Error;

        read_with! { $reader:
            deserialize_any() deserialize_f32() deserialize_f64() deserialize_option()
            deserialize_bytes() deserialize_byte_buf() deserialize_seq() deserialize_ignored_any()
            deserialize_tuple(len: usize)
            deserialize_tuple_struct(name: &'static str, len: usize)
            deserialize_newtype_struct(name: &'static str)
            deserialize_enum(name: &'static str, variants: &'static [&'static str])
        }

        serde::forward_to_deserialize_any! {
            bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 char str string unit unit_struct map struct identifier
        }
    };
}

/// Reads the value as [`from_value`] does.
impl<'de> Deserializer<'de> for Value {
    read_with!(owned);
}

/// Reads the value as [`from_value`] does; texts and bytes can be borrowed from it.
impl<'de> Deserializer<'de> for &'de Value {
    read_with!(borrowed);
}

impl<'de> IntoDeserializer<'de, Error> for Value {
    type Deserializer = Value;

    fn into_deserializer(self) -> Value {
        self
    }
}

impl<'de> IntoDeserializer<'de, Error> for &'de Value {
    type Deserializer = &'de Value;

    fn into_deserializer(self) -> &'de Value {
        self
    }
}

impl BigInt {
    /// The nearest float; an infinity beyond its range.
    pub(crate) fn to_f64(&self) -> f64 {
        self.0.to_string().parse().unwrap_or(f64::NAN)
    }
}
