use serde::ser::SerializeTuple;
use serde::{Serialize, Serializer};

use super::Value;
use super::collections::Members;
use super::text::RawBytes;
use crate::tag::Tag;

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::None => serializer.serialize_unit(),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Int(number) => serializer.serialize_i64(*number),
            Value::BigInt(number) => number.serialize(serializer),
            Value::Float(number) => serializer.serialize_f64(*number),
            Value::Complex(number) => number.serialize(serializer),
            Value::Str(text) => serializer.serialize_str(text),
            Value::Surrogates(text) => text.serialize(serializer),
            Value::Bytes(bytes) => serializer.serialize_bytes(bytes),
            Value::ByteArray(bytes) => serializer.serialize_newtype_struct(Tag::ByteArray.name(), &RawBytes(bytes)),
            Value::List(items) => items.serialize(serializer),
            Value::Tuple(items) => tuple(items, serializer),
            Value::Set(members) => serializer.serialize_newtype_struct(Tag::Set.name(), &Members(members)),
            Value::FrozenSet(members) => serializer.serialize_newtype_struct(Tag::FrozenSet.name(), &Members(members)),
            Value::Dict(dict) => dict.serialize(serializer),
            Value::Decimal(number) => number.serialize(serializer),
            Value::DateTime(moment) => moment.serialize(serializer),
            Value::Date(date) => date.serialize(serializer),
            Value::Time(time) => time.serialize(serializer),
            Value::TimeDelta(delta) => delta.serialize(serializer),
            Value::Uuid(uuid) => serializer.serialize_newtype_struct(Tag::Uuid.name(), &RawBytes(uuid.as_bytes())),
            Value::Exception(exception) => exception.serialize(serializer),
            Value::Instance(instance) => instance.serialize(serializer),
            Value::Type(name) => serializer.serialize_newtype_struct(Tag::Type.name(), name),
            Value::Pickled(object) => object.serialize(serializer),
            Value::Ellipsis => serializer.serialize_newtype_struct(Tag::Ellipsis.name(), &()),
        }
    }
}

/// Writes the items as a Python tuple.
pub(super) fn tuple<S: Serializer>(items: &[Value], serializer: S) -> Result<S::Ok, S::Error> {
    let mut tuple = serializer.serialize_tuple(items.len())?;
    for item in items {
        tuple.serialize_element(item)?;
    }
    tuple.end()
}
