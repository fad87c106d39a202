//! [`Value`]: Python's data model.

mod base64;
mod class;
mod collections;
mod de;
mod deep;
mod from_value;
mod number;
mod pickled;
mod printable;
pub(crate) mod repr;
mod ser;
mod str;
mod temporal;
mod text;
mod to_value;

pub(crate) use base64::{append_base64, decode_base64};
pub use class::{ClassDict, ClassName, Exception, Instance};
pub use collections::{Dict, Set};
pub use from_value::from_value;
pub use number::{BigInt, Complex, Decimal};
pub use pickled::Pickled;
pub use str::Str;
pub use temporal::{Date, DateTime, InvalidTemporal, Time, TimeDelta};
pub use text::{ByteArray, Bytes, BytesRef, Surrogates};
pub use to_value::{ValueEntries, ValueItems, ValueSerializer, to_value};

/// Any value that Python may send.
///
/// Two values are equal when Python would print them alike, so `1`, `1.0` and `True` differ here, `-0.0` differs from `0.0`, and a NaN equals
/// itself: what equality is needed for is comparing what arrived with what was sent. Dicts and sets compare without regard to order.
#[derive(Default)]
#[non_exhaustive]
pub enum Value {
    /// `None`
    #[default]
    None,
    /// `True` and `False`
    Bool(bool),
    /// An int that fits 64 bits.
    Int(i64),
    /// An int that does not fit 64 bits. (A small number in here equals the same number as [`Value::Int`].)
    BigInt(Box<BigInt>),
    /// A float.
    Float(f64),
    /// A complex number.
    Complex(Complex),
    /// A text.
    Str(Str),
    /// A text with lone surrogates, which no Rust string can hold.
    Surrogates(Surrogates),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A bytearray.
    ByteArray(Vec<u8>),
    /// A list.
    List(Vec<Value>),
    /// A tuple.
    Tuple(Vec<Value>),
    /// A set.
    Set(Set<Value>),
    /// A frozenset.
    FrozenSet(Set<Value>),
    /// A dict, in insertion order. Class dicts are dicts as far as the formats go.
    Dict(Dict),
    /// A `decimal.Decimal`.
    Decimal(Decimal),
    /// A `datetime.datetime`.
    DateTime(Box<DateTime>),
    /// A `datetime.date`.
    Date(Date),
    /// A `datetime.time`.
    Time(Box<Time>),
    /// A `datetime.timedelta`.
    TimeDelta(TimeDelta),
    /// A `uuid.UUID`.
    Uuid(uuid::Uuid),
    /// An exception object.
    Exception(Box<Exception>),
    /// An instance of some class, as data: its name and its attributes.
    Instance(Box<Instance>),
    /// A class or function itself, by its dotted name (with a colon behind the module where the class stands in another one).
    Type(String),
    /// An object that only Python can make, from a pickle.
    Pickled(Box<Pickled>),
    /// `...`
    Ellipsis,
}

impl Value {
    /// What Python calls the type of this value, as in its error messages: `int`, `str`, `NoneType`. Instances give their class name.
    pub fn type_name(&self) -> &str {
        match self {
            Value::None => "NoneType",
            Value::Bool(_) => "bool",
            Value::Int(_) | Value::BigInt(_) => "int",
            Value::Float(_) => "float",
            Value::Complex(_) => "complex",
            Value::Str(_) | Value::Surrogates(_) => "str",
            Value::Bytes(_) => "bytes",
            Value::ByteArray(_) => "bytearray",
            Value::List(_) => "list",
            Value::Tuple(_) => "tuple",
            Value::Set(_) => "set",
            Value::FrozenSet(_) => "frozenset",
            Value::Dict(_) => "dict",
            Value::Decimal(_) => "decimal.Decimal",
            Value::DateTime(_) => "datetime.datetime",
            Value::Date(_) => "datetime.date",
            Value::Time(_) => "datetime.time",
            Value::TimeDelta(_) => "datetime.timedelta",
            Value::Uuid(_) => "UUID",
            Value::Exception(exception) => &exception.class,
            Value::Instance(instance) => &instance.class,
            Value::Type(_) => "type",
            Value::Pickled(object) => object.callee(),
            Value::Ellipsis => "ellipsis",
        }
    }

    /// Whether Python would take this value as a dict key or set member.
    pub fn is_hashable(&self) -> bool {
        match self {
            Value::List(_) | Value::ByteArray(_) | Value::Set(_) | Value::Dict(_) => false,
            Value::Tuple(items) => items.iter().all(Value::is_hashable),
            _ => true,
        }
    }

    /// What Python's `bool()` gives: false for None, zeros and what is empty.
    pub fn is_true(&self) -> bool {
        match self {
            Value::None => false,
            Value::Bool(value) => *value,
            Value::Int(number) => *number != 0,
            Value::BigInt(number) => number.to_i64() != Some(0),
            Value::Float(number) => *number != 0.0,
            Value::Complex(number) => number.re != 0.0 || number.im != 0.0,
            Value::Str(text) => !text.is_empty(),
            Value::Bytes(bytes) | Value::ByteArray(bytes) => !bytes.is_empty(),
            Value::List(items) | Value::Tuple(items) => !items.is_empty(),
            Value::Set(members) | Value::FrozenSet(members) => !members.is_empty(),
            Value::Dict(dict) => !dict.is_empty(),
            Value::Decimal(number) => !number.is_zero(),
            Value::TimeDelta(delta) => *delta != TimeDelta::default(),
            _ => true,
        }
    }

    /// The text, if this is one (without lone surrogates).
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The number, if this is an int of at most 64 bits.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Value::Int(number) => Some(*number),
            _ => None,
        }
    }

    /// The dict, if this is one.
    pub fn as_dict(&self) -> Option<&Dict> {
        match self {
            Value::Dict(dict) => Some(dict),
            _ => None,
        }
    }

    /// The items, if this is a list or a tuple.
    pub fn as_sequence(&self) -> Option<&[Value]> {
        match self {
            Value::List(items) | Value::Tuple(items) => Some(items),
            _ => None,
        }
    }

    /// The items of a list, tuple, set or frozenset: what Python code gets by iterating over one. Pyro's formats change one kind into another.
    pub fn into_items(self) -> Result<Vec<Value>, Value> {
        match self {
            Value::List(items) | Value::Tuple(items) => Ok(items),
            Value::Set(items) | Value::FrozenSet(items) => Ok(items.into_iter().collect()),
            other => Err(other),
        }
    }
}

macro_rules! from {
    ($($from:ty => |$value:ident| $to:expr;)*) => {
        $(impl From<$from> for Value {
            fn from($value: $from) -> Value { $to }
        })*
    };
}

from! {
    () => |_value| Value::None;
    bool => |value| Value::Bool(value);
    i8 => |value| Value::Int(value.into());
    i16 => |value| Value::Int(value.into());
    i32 => |value| Value::Int(value.into());
    i64 => |value| Value::Int(value);
    u8 => |value| Value::Int(value.into());
    u16 => |value| Value::Int(value.into());
    u32 => |value| Value::Int(value.into());
    u64 => |value| BigInt::from(value).into();
    i128 => |value| BigInt::from(value).into();
    u128 => |value| BigInt::from(value).into();
    BigInt => |value| match value.to_i64() {
        Some(small) => Value::Int(small),
        None => Value::BigInt(Box::new(value)),
    };
    f32 => |value| Value::Float(value.into());
    f64 => |value| Value::Float(value);
    Complex => |value| Value::Complex(value);
    &str => |value| Value::Str(value.into());
    String => |value| Value::Str(value.into());
    Str => |value| Value::Str(value);
    Bytes => |value| Value::Bytes(value.0);
    ByteArray => |value| Value::ByteArray(value.0);
    Dict => |value| Value::Dict(value);
    Decimal => |value| Value::Decimal(value);
    DateTime => |value| Value::DateTime(Box::new(value));
    Date => |value| Value::Date(value);
    Time => |value| Value::Time(Box::new(value));
    TimeDelta => |value| Value::TimeDelta(value);
    uuid::Uuid => |value| Value::Uuid(value);
    Exception => |value| Value::Exception(Box::new(value));
    Instance => |value| Value::Instance(Box::new(value));
}

impl<T: Into<Value>> From<Vec<T>> for Value {
    fn from(items: Vec<T>) -> Value {
        Value::List(items.into_iter().map(Into::into).collect())
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Value {
        value.map_or(Value::None, Into::into)
    }
}
