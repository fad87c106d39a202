//! What one would derive for [`Value`], if values could not be nested so deep that it takes more than the stack of a thread.

use std::fmt;
use std::hash::{Hash, Hasher};

use super::Value;
use crate::stack::with_stack;

macro_rules! derive_with_stack {
    (empty: $($empty:ident)*; leaf: $($leaf:ident)*; container: $($container:ident)*) => {
        impl Clone for Value {
            fn clone(&self) -> Value {
                match self {
                    $(Value::$empty => Value::$empty,)*
                    $(Value::$leaf(content) => Value::$leaf(content.clone()),)*
                    $(Value::$container(content) => with_stack(|| Value::$container(content.clone())),)*
                }
            }
        }

        impl fmt::Debug for Value {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Value::$empty => f.write_str(stringify!($empty)),)*
                    $(Value::$leaf(content) => f.debug_tuple(stringify!($leaf)).field(content).finish(),)*
                    $(Value::$container(content) => {
                        with_stack(|| f.debug_tuple(stringify!($container)).field(content).finish())
                    })*
                }
            }
        }
    };
}

derive_with_stack! {
    empty: None Ellipsis;
    leaf: Bool Int BigInt Float Complex Str Surrogates Bytes ByteArray Decimal DateTime Date Time TimeDelta Uuid Type Pickled;
    container: List Tuple Set FrozenSet Dict Exception Instance
}

impl PartialEq for Value {
    fn eq(&self, other: &Value) -> bool {
        use Value::*;
        match (self, other) {
            (None, None) | (Ellipsis, Ellipsis) => true,
            (Bool(a), Bool(b)) => a == b,
            (Int(a), Int(b)) => a == b,
            (BigInt(a), BigInt(b)) => a == b,
            (Int(a), BigInt(b)) | (BigInt(b), Int(a)) => b.to_i64() == Some(*a),
            (Float(a), Float(b)) => a.to_bits() == b.to_bits(),
            (Complex(a), Complex(b)) => a == b,
            (Str(a), Str(b)) => a == b,
            (Type(a), Type(b)) => a == b,
            (Surrogates(a), Surrogates(b)) => a == b,
            (Bytes(a), Bytes(b)) | (ByteArray(a), ByteArray(b)) => a == b,
            (List(a), List(b)) | (Tuple(a), Tuple(b)) => with_stack(|| a == b),
            (Set(a), Set(b)) | (FrozenSet(a), FrozenSet(b)) => with_stack(|| a == b),
            (Dict(a), Dict(b)) => with_stack(|| a == b),
            (Decimal(a), Decimal(b)) => a == b,
            (DateTime(a), DateTime(b)) => a == b,
            (Date(a), Date(b)) => a == b,
            (Time(a), Time(b)) => a == b,
            (TimeDelta(a), TimeDelta(b)) => a == b,
            (Uuid(a), Uuid(b)) => a == b,
            (Pickled(a), Pickled(b)) => a == b,
            (Exception(a), Exception(b)) => with_stack(|| a == b),
            (Instance(a), Instance(b)) => with_stack(|| a == b),
            _ => false,
        }
    }
}

impl Eq for Value {}

impl Hash for Value {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            // Equal numbers must hash alike whichever variant holds them.
            Value::BigInt(number) => match number.to_i64() {
                Some(small) => Value::Int(small).hash(state),
                None => number.hash(state),
            },
            other => {
                std::mem::discriminant(other).hash(state);
                other.hash_content(state);
            }
        }
    }
}

impl Value {
    fn hash_content<H: Hasher>(&self, state: &mut H) {
        match self {
            Value::None | Value::Ellipsis | Value::BigInt(_) => {}
            Value::Bool(value) => value.hash(state),
            Value::Int(number) => number.hash(state),
            Value::Float(number) => number.to_bits().hash(state),
            Value::Complex(number) => number.hash(state),
            Value::Str(text) => text.hash(state),
            Value::Type(name) => name.hash(state),
            Value::Surrogates(text) => text.hash(state),
            Value::Bytes(bytes) | Value::ByteArray(bytes) => bytes.hash(state),
            Value::List(items) | Value::Tuple(items) => with_stack(|| items.hash(state)),
            // Order does not count in these, so only their size can.
            Value::Set(items) | Value::FrozenSet(items) => items.len().hash(state),
            Value::Dict(dict) => dict.len().hash(state),
            Value::Decimal(number) => number.hash(state),
            Value::DateTime(moment) => moment.hash(state),
            Value::Date(date) => date.hash(state),
            Value::Time(time) => time.hash(state),
            Value::TimeDelta(delta) => delta.hash(state),
            Value::Uuid(uuid) => uuid.hash(state),
            Value::Pickled(object) => object.hash(state),
            Value::Exception(exception) => exception.class.hash(state),
            Value::Instance(instance) => instance.class.hash(state),
        }
    }
}
