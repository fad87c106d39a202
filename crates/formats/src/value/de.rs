use std::fmt;

use serde::de::{self, DeserializeSeed, EnumAccess, Expected, MapAccess, SeqAccess, VariantAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::text::OwnedBytes;
use super::{BigInt, Dict, Set, Surrogates, Value};
use crate::tag::{Tag, read_tag};

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
        let mut value = Value::None;
        Place(&mut value).deserialize(deserializer)?;
        Ok(value)
    }
}

/// Reads a value into its place: given back, it would move several times on its way, piece by piece.
struct Place<'a>(&'a mut Value);

impl Place<'_> {
    #[inline]
    fn put(self, value: Value) {
        match self.0 {
            // What stands there as a rule: nothing to drop.
            Value::None => std::mem::forget(std::mem::replace(self.0, value)),
            _ => *self.0 = value,
        }
    }
}

impl<'de> DeserializeSeed<'de> for Place<'_> {
    type Value = ();

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_newtype_struct(Tag::Value.name(), self)
    }
}

macro_rules! visit_leaf {
    ($($method:ident |$content:ident: $type:ty| $value:expr;)*) => {
        $(#[inline]
        fn $method<E>(self, $content: $type) -> Result<(), E> {
            self.put($value);
            Ok(())
        })*
    };
}

impl<'de> Visitor<'de> for Place<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    visit_leaf! {
        visit_bool |value: bool| Value::Bool(value);
        visit_i64 |number: i64| Value::Int(number);
        visit_u64 |number: u64| number.into();
        visit_i128 |number: i128| number.into();
        visit_u128 |number: u128| number.into();
        visit_f64 |number: f64| Value::Float(number);
        visit_str |text: &str| Value::Str(text.into());
        visit_string |text: String| Value::Str(text.into());
        visit_bytes |bytes: &[u8]| Value::Bytes(bytes.to_vec());
        visit_byte_buf |bytes: Vec<u8>| Value::Bytes(bytes);
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        *self.0 = Value::None;
        Ok(())
    }

    fn visit_none<E>(self) -> Result<(), E> {
        *self.0 = Value::None;
        Ok(())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.deserialize(deserializer)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<(), A::Error> {
        self.put(Value::List(ItemsSeed.visit_seq(seq)?));
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        self.put(read_entries(map)?.read_object()?);
        Ok(())
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<(), A::Error> {
        let (tag, content) = read_tag(data)?;
        *self.0 = match tag {
            Tag::Value | Tag::ClassName => content.newtype_variant()?,
            Tag::Exception | Tag::Instance => content.newtype_variant_seed(ObjectSeed)?,
            Tag::Tuple => Value::Tuple(content.newtype_variant_seed(ItemsSeed)?),
            Tag::Set => Value::Set(members(content)?),
            Tag::FrozenSet => Value::FrozenSet(members(content)?),
            Tag::BigInt => BigInt::from_bytes(&bytes(content)?).into(),
            Tag::Complex => Value::Complex(super::Complex::from_bytes(array(content)?)),
            Tag::Surrogates => match Surrogates::from_wtf8(bytes(content)?) {
                Ok(Ok(text)) => Value::from(text),
                Ok(Err(surrogates)) => Value::Surrogates(surrogates),
                Err(at) => return Err(de::Error::custom(format_args!("invalid text at its byte {at}"))),
            },
            Tag::ByteArray => Value::ByteArray(bytes(content)?),
            Tag::Decimal => Value::Decimal(parse(content)?),
            Tag::DateTime => Value::DateTime(Box::new(parse(content)?)),
            Tag::Date => Value::Date(parse(content)?),
            Tag::Time => Value::Time(Box::new(parse(content)?)),
            Tag::TimeDelta => Value::TimeDelta(super::TimeDelta::from_bytes(array(content)?)),
            Tag::Uuid => Value::Uuid(uuid::Uuid::from_bytes(array(content)?)),
            Tag::Type => Value::Type(content.newtype_variant()?),
            Tag::Ellipsis => Value::Ellipsis,
            Tag::Pickled => match super::Pickled::from_content(&bytes(content)?) {
                Some(object) => Value::Pickled(Box::new(object)),
                None => return Err(de::Error::custom("a pickled object with foreign content")),
            },
        };
        Ok(())
    }
}

/// How many items to make room for before they are read: a number that is only announced may be anything.
fn capacity(announced: Option<usize>) -> usize {
    announced.unwrap_or(0).min((1 << 20) / size_of::<Value>())
}

/// The items of a sequence.
struct ItemsSeed;

impl<'de> DeserializeSeed<'de> for ItemsSeed {
    type Value = Vec<Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<Value>, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for ItemsSeed {
    type Value = Vec<Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a sequence")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<Value>, A::Error> {
        let mut items = Vec::with_capacity(capacity(seq.size_hint()));
        while seq.next_element_seed(Push(&mut items))?.is_some() {}
        Ok(items)
    }
}

/// Reads one more item of a list.
struct Push<'a>(&'a mut Vec<Value>);

impl<'de> DeserializeSeed<'de> for Push<'_> {
    type Value = ();

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let at = self.0.len();
        // Not pushed: that would put it together elsewhere and copy it.
        self.0.resize_with(at + 1, || Value::None);
        Place(&mut self.0[at]).deserialize(deserializer)
    }
}

fn read_entries<'de, A: MapAccess<'de>>(mut map: A) -> Result<Dict, A::Error> {
    let mut dict = Dict::with_capacity(capacity(map.size_hint()));
    let mut key = Value::None;
    while map.next_key_seed(Place(&mut key))?.is_some() {
        check_hashable(&key)?;
        map.next_value_seed(Place(dict.place(std::mem::take(&mut key))))?;
    }
    Ok(dict)
}

/// An object that is one already, in a [`Value`]: its class was accepted when it was read, or it was made here.
struct ObjectSeed;

impl<'de> DeserializeSeed<'de> for ObjectSeed {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for ObjectSeed {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of a class")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Value, A::Error> {
        Ok(read_entries(map)?.into_object())
    }
}

fn members<'de, V: VariantAccess<'de>>(content: V) -> Result<Set<Value>, V::Error> {
    let members = content.newtype_variant_seed(ItemsSeed)?;
    members.iter().try_for_each(check_hashable)?;
    Ok(members.into_iter().collect())
}

fn bytes<'de, V: VariantAccess<'de>>(content: V) -> Result<Vec<u8>, V::Error> {
    Ok(content.newtype_variant::<OwnedBytes>()?.0)
}

fn array<'de, const N: usize, V: VariantAccess<'de>>(content: V) -> Result<[u8; N], V::Error> {
    let bytes = bytes(content)?;
    let length = bytes.len();
    bytes
        .try_into()
        .map_err(|_| de::Error::custom(format_args!("{length} bytes where {N} belong")))
}

fn parse<'de, T: std::str::FromStr<Err: fmt::Display>, V: VariantAccess<'de>>(content: V) -> Result<T, V::Error> {
    content.newtype_variant::<String>()?.parse().map_err(de::Error::custom)
}

pub(super) fn check_hashable<E: de::Error>(value: &Value) -> Result<(), E> {
    if value.is_hashable() {
        return Ok(());
    }
    let culprit = match value {
        Value::Tuple(items) => items.iter().find(|item| !item.is_hashable()).unwrap_or(value),
        other => other,
    };
    Err(E::custom(format_args!("unhashable type: '{}'", culprit.type_name())))
}

/// The error of a typed visitor that met another of Python's types.
pub(crate) fn wrong_tag<E: de::Error>(tag: Tag, expected: &dyn Expected) -> E {
    let name = tag.name().trim_start_matches("$ferropyro::");
    E::custom(format_args!("invalid type: {name}, expected {expected}"))
}

/// Lets a visitor loose on the content of its own tag.
pub(crate) struct Through<V>(pub(crate) V);

impl<'de, V: Visitor<'de>> DeserializeSeed<'de> for Through<V> {
    type Value = V::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        deserializer.deserialize_any(self.0)
    }
}

/// Serde impls of a type whose tagged content is its text. Reading also takes the plain text, which most formats make of these types.
macro_rules! text_type {
    ($name:ident, $tag:expr, $expecting:literal, $text:path) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_newtype_struct($tag.name(), &$text(self))
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<$name, D::Error> {
                struct TextVisitor;

                impl<'de> serde::de::Visitor<'de> for TextVisitor {
                    type Value = $name;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str($expecting)
                    }

                    fn visit_newtype_struct<D: serde::Deserializer<'de>>(
                        self,
                        deserializer: D,
                    ) -> Result<$name, D::Error> {
                        deserializer.deserialize_any(self)
                    }

                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$name, E> {
                        text.parse().map_err(E::custom)
                    }

                    fn visit_enum<A: serde::de::EnumAccess<'de>>(self, data: A) -> Result<$name, A::Error> {
                        match $crate::tag::read_tag(data)? {
                            (tag, content) if tag == $tag => serde::de::VariantAccess::newtype_variant_seed(
                                content,
                                $crate::value::de::Through(self),
                            ),
                            (tag, _) => Err($crate::value::de::wrong_tag(tag, &self)),
                        }
                    }
                }

                deserializer.deserialize_newtype_struct($tag.name(), TextVisitor)
            }
        }
    };
}

pub(crate) use text_type;
