//! Python's texts for what it refuses, where several formats share them.

use crate::plain;
use crate::tag::Tag;
use crate::value::BigInt;
use crate::{Error, ErrorKind, Limits, Surrogates};

/// Pyro's refusal to write an object of this class.
pub(crate) fn unknown_class(class: &str, serializer: &str) -> Error {
    Error::unsupported(format!(
        "don't know how to serialize class <class '{class}'> using serializer {serializer}. \
         Give it vars() or an appropriate __getstate__"
    ))
}

/// What [`refuse_class`] says was expected.
pub(crate) const HARMLESS_CLASS: &[&str] = &["a class without double underscores in its name"];

/// The refusal to read an object of this class, in the one of serde's errors that carries what it takes: [`Error`] knows [`HARMLESS_CLASS`], and makes
/// [`refused_class`] of it.
pub(crate) fn refuse_class<E: serde::de::Error>(class: &str) -> E {
    E::unknown_variant(class, HARMLESS_CLASS)
}

/// The same in Pyro's words.
pub(crate) fn refused_class(class: &str) -> Error {
    Error::new(
        ErrorKind::Security,
        format!("refused to deserialize types with double underscores in their name: {class}"),
    )
}

/// The Python class of the values that travel with a tag.
pub(crate) fn class_of(tag: Tag) -> &'static str {
    match tag {
        Tag::Value => "object",
        Tag::Tuple => "tuple",
        Tag::Set => "set",
        Tag::FrozenSet => "frozenset",
        Tag::BigInt => "int",
        Tag::Complex => "complex",
        Tag::Surrogates | Tag::ClassName => "str",
        Tag::ByteArray => "bytearray",
        Tag::Decimal => "decimal.Decimal",
        Tag::DateTime => "datetime.datetime",
        Tag::Date => "datetime.date",
        Tag::Time => "datetime.time",
        Tag::TimeDelta => "datetime.timedelta",
        Tag::Uuid => "UUID",
        Tag::Type => "type",
        Tag::Ellipsis => "ellipsis",
        Tag::Exception => "Exception",
        Tag::Instance | Tag::Pickled => "object",
    }
}

/// The refusal to encode a text with lone surrogates as UTF-8, where `offset` characters stand before it.
pub(crate) fn surrogates(text: &Surrogates, offset: usize) -> Error {
    let is_surrogate = |point: &u32| (0xD800..=0xDFFF).contains(point);
    let mut points = text.code_points();
    let before = points.clone().take_while(|point| !is_surrogate(point)).count();
    let first = points.nth(before).unwrap_or_default();
    let more = points.take_while(is_surrogate).count();
    let start = offset + before;
    Error::unsupported(match more {
        0 => {
            format!("'utf-8' codec can't encode character '\\u{first:04x}' in position {start}: surrogates not allowed")
        }
        _ => format!(
            "'utf-8' codec can't encode characters in position {start}-{}: surrogates not allowed",
            start + more
        ),
    })
}

/// The refusal to give such a text to a type that cannot hold it.
pub(crate) fn no_string<E: serde::de::Error>() -> E {
    E::custom("text with lone surrogates does not fit a Rust string")
}

/// The text of UTF-8 bytes; `start` is their position in the input, `offset` the number from which Python would count.
pub(crate) fn utf8(bytes: &[u8], start: usize, offset: usize) -> Result<&str, Error> {
    plain::utf8(bytes).map_err(|error| not_utf8(bytes, error, start, offset))
}

fn not_utf8(bytes: &[u8], error: std::str::Utf8Error, start: usize, offset: usize) -> Error {
    let at = error.valid_up_to();
    let byte = bytes.get(at).copied().unwrap_or_default();
    let length = error.error_len().unwrap_or(bytes.len() - at);
    let reason = match (error.error_len(), byte) {
        (None, _) => "unexpected end of data",
        (_, 0x80..=0xC1 | 0xF5..) => "invalid start byte",
        _ => "invalid continuation byte",
    };
    let what = match length {
        1 => format!("byte 0x{byte:02x} in position {}", offset + at),
        _ => format!("bytes in position {}-{}", offset + at, offset + at + length - 1),
    };
    Error::syntax(format!("'utf-8' codec can't decode {what}: {reason}"), start + at)
}

/// The decimal digits of a number, as many as Python writes.
pub(crate) fn digits(number: &BigInt) -> Result<String, Error> {
    let limit = Limits::with_depth(0).int_digits;
    let text = number.to_string();
    if text.trim_start_matches('-').len() > limit {
        return Err(Error::limit(format!(
            "Exceeds the limit ({limit} digits) for integer string conversion; \
             use sys.set_int_max_str_digits() to increase the limit"
        )));
    }
    Ok(text)
}

/// Checks the number of digits of an int that is read as text.
pub(crate) fn check_digits(count: usize, limits: &Limits) -> Result<(), Error> {
    if count <= limits.int_digits {
        return Ok(());
    }
    let message = format!(
        "Exceeds the limit ({} digits) for integer string conversion: value has {count} digits; \
         use sys.set_int_max_str_digits() to increase the limit",
        limits.int_digits
    );
    Err(Error::limit(message))
}
