//! `array.array`: the items of an array as a list, those of an array of bytes as a bytearray, those of an array of characters as a text.

use super::document::{Name, Node};
use super::reader::Walk;
use crate::{Error, Surrogates, Value};

/// What this function of the module array makes of its arguments.
pub(super) fn read(walk: &Walk<'_>, callee: &Name<'_>, args: &[Node<'_>]) -> Result<Option<Value>, Error> {
    let document = &walk.document;
    match (&*callee.name, args) {
        ("_array_reconstructor", [_, code, format, bytes]) => {
            let parts = (
                document.text(*code),
                document.small_int(*format),
                document.bytes(*bytes),
            );
            let (Some(code), Some(format), Some(bytes)) = parts else {
                return Ok(None);
            };
            walk.count(bytes.len())?;
            Ok(items(code, format, &bytes))
        }
        ("array", [code, items]) => match (document.text(*code), document.list(*items)) {
            (Some(code), Some(items)) => {
                let items = walk.values(items)?;
                Ok(match code {
                    "B" => bytes(&items),
                    "c" | "u" | "w" => Some(joined(code, &items)),
                    _ => Some(Value::List(items)),
                })
            }
            _ => Ok(None),
        },
        ("array", [_]) => Ok(Some(Value::List(Vec::new()))),
        _ => Ok(None),
    }
}

fn bytes(items: &[Value]) -> Option<Value> {
    let byte = |item: &Value| item.as_int().and_then(|item| u8::try_from(item).ok());
    items.iter().map(byte).collect::<Option<_>>().map(Value::ByteArray)
}

/// The characters of an array of characters, which in Python 2 may be bytes.
fn joined(code: &str, items: &[Value]) -> Value {
    let mut points = Vec::new();
    for item in items {
        match item {
            Value::Str(text) => points.extend(text.chars().map(u32::from)),
            Value::Surrogates(text) => points.extend(text.code_points()),
            Value::Bytes(bytes) => points.extend(bytes.iter().map(|byte| u32::from(*byte))),
            _ => return Value::List(items.to_vec()),
        }
    }
    let bytes: Result<Vec<u8>, _> = points.iter().map(|point| u8::try_from(*point)).collect();
    match (code, bytes) {
        ("c", Ok(bytes)) => Value::ByteArray(bytes),
        _ => text(points).unwrap_or_else(|| Value::List(items.to_vec())),
    }
}

fn text(points: impl IntoIterator<Item = u32>) -> Option<Value> {
    Some(match Surrogates::from_code_points(points).ok()? {
        Ok(text) => Value::from(text),
        Err(text) => Value::Surrogates(text),
    })
}

macro_rules! numbers {
    ($bytes:expr, $read:path) => {
        each($bytes, |bytes| $read(bytes).into())
    };
}

/// The items of an array in one of Python's machine formats.
fn items(code: &str, format: i64, bytes: &[u8]) -> Option<Value> {
    Some(match format {
        0 if code == "B" => Value::ByteArray(bytes.to_vec()),
        0 => numbers!(bytes, u8::from_le_bytes)?,
        1 => numbers!(bytes, i8::from_le_bytes)?,
        2 => numbers!(bytes, u16::from_le_bytes)?,
        3 => numbers!(bytes, u16::from_be_bytes)?,
        4 => numbers!(bytes, i16::from_le_bytes)?,
        5 => numbers!(bytes, i16::from_be_bytes)?,
        6 => numbers!(bytes, u32::from_le_bytes)?,
        7 => numbers!(bytes, u32::from_be_bytes)?,
        8 => numbers!(bytes, i32::from_le_bytes)?,
        9 => numbers!(bytes, i32::from_be_bytes)?,
        10 => numbers!(bytes, u64::from_le_bytes)?,
        11 => numbers!(bytes, u64::from_be_bytes)?,
        12 => numbers!(bytes, i64::from_le_bytes)?,
        13 => numbers!(bytes, i64::from_be_bytes)?,
        14 => numbers!(bytes, f32::from_le_bytes)?,
        15 => numbers!(bytes, f32::from_be_bytes)?,
        16 => numbers!(bytes, f64::from_le_bytes)?,
        17 => numbers!(bytes, f64::from_be_bytes)?,
        18 => text(points(bytes, |pair| u16::from_le_bytes(pair).into())?)?,
        19 => text(points(bytes, |pair| u16::from_be_bytes(pair).into())?)?,
        20 => text(points(bytes, u32::from_le_bytes)?)?,
        21 => text(points(bytes, u32::from_be_bytes)?)?,
        _ => return None,
    })
}

fn each<const N: usize>(bytes: &[u8], read: impl Fn([u8; N]) -> Value) -> Option<Value> {
    let (items, rest) = bytes.as_chunks();
    rest.is_empty()
        .then(|| Value::List(items.iter().map(|item| read(*item)).collect()))
}

fn points<const N: usize>(bytes: &[u8], read: impl Fn([u8; N]) -> u32) -> Option<Vec<u32>> {
    let (items, rest) = bytes.as_chunks();
    rest.is_empty().then(|| items.iter().map(|item| read(*item)).collect())
}
