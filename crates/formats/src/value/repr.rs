//! Python's `repr()`, which serpent writes, and which a person at a terminal reads.

use std::fmt::{self, Display, Write};

use super::{Dict, Set, Value};

/// The text that Python's `repr()` gives, on one line.
impl Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::None => f.write_str("None"),
            Value::Bool(true) => f.write_str("True"),
            Value::Bool(false) => f.write_str("False"),
            Value::Int(number) => number.fmt(f),
            Value::BigInt(number) => number.fmt(f),
            Value::Float(number) => write_float(f, *number),
            Value::Complex(number) => number.fmt(f),
            Value::Str(text) => write_text(f, text.chars().map(u32::from)),
            Value::Surrogates(text) => write_text(f, text.code_points()),
            Value::Bytes(bytes) => write_bytes(f, bytes),
            Value::ByteArray(bytes) => {
                f.write_str("bytearray(")?;
                write_bytes(f, bytes)?;
                f.write_char(')')
            }
            Value::List(items) => write_items(f, "[", items, "]"),
            Value::Tuple(items) if items.len() == 1 => write!(f, "({},)", items[0]),
            Value::Tuple(items) => write_items(f, "(", items, ")"),
            Value::Set(members) if members.is_empty() => f.write_str("set()"),
            Value::Set(members) => write_members(f, members),
            Value::FrozenSet(members) if members.is_empty() => f.write_str("frozenset()"),
            Value::FrozenSet(members) => {
                f.write_str("frozenset(")?;
                write_members(f, members)?;
                f.write_char(')')
            }
            Value::Dict(dict) => dict.fmt(f),
            Value::Decimal(number) => write!(f, "Decimal('{number}')"),
            Value::DateTime(moment) => write!(f, "datetime('{moment}')"),
            Value::Date(date) => write!(f, "date('{date}')"),
            Value::Time(time) => write!(f, "time('{time}')"),
            Value::TimeDelta(delta) => {
                write!(f, "timedelta(days={}, seconds={}", delta.days(), delta.seconds())?;
                write!(f, ", microseconds={})", delta.microseconds())
            }
            Value::Uuid(uuid) => write!(f, "UUID('{uuid}')"),
            Value::Exception(exception) => {
                f.write_str(exception.class_name())?;
                write_items(f, "(", &exception.args, ")")
            }
            Value::Instance(instance) => write!(f, "<{} {}>", instance.class, instance.attributes),
            Value::Type(name) => write!(f, "<class '{name}'>"),
            Value::Ellipsis => f.write_str("Ellipsis"),
        }
    }
}

impl Display for Dict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('{')?;
        for (nr, (key, value)) in self.iter().enumerate() {
            let comma = if nr == 0 { "" } else { ", " };
            write!(f, "{comma}{key}: {value}")?;
        }
        f.write_char('}')
    }
}

impl Display for super::Complex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Python leaves a real part of +0 out, and prints whole parts without ".0".
        if self.re.to_bits() == 0 {
            write_complex_part(f, self.im)?;
            return f.write_char('j');
        }
        f.write_char('(')?;
        write_complex_part(f, self.re)?;
        if self.im.is_nan() || self.im.is_sign_positive() {
            f.write_char('+')?;
        }
        write_complex_part(f, self.im)?;
        f.write_str("j)")
    }
}

fn write_complex_part(f: &mut fmt::Formatter<'_>, part: f64) -> fmt::Result {
    let mut text = String::new();
    write_float(&mut text, part)?;
    f.write_str(text.strip_suffix(".0").unwrap_or(&text))
}

fn write_items(f: &mut fmt::Formatter<'_>, open: &str, items: &[Value], close: &str) -> fmt::Result {
    write_list(f, open, items.iter(), close)
}

fn write_members(f: &mut fmt::Formatter<'_>, members: &Set<Value>) -> fmt::Result {
    write_list(f, "{", members.iter(), "}")
}

fn write_list<'a>(
    f: &mut fmt::Formatter<'_>,
    open: &str,
    items: impl Iterator<Item = &'a Value>,
    close: &str,
) -> fmt::Result {
    f.write_str(open)?;
    for (nr, item) in items.enumerate() {
        let comma = if nr == 0 { "" } else { ", " };
        write!(f, "{comma}{item}")?;
    }
    f.write_str(close)
}

/// Writes a float as Python prints it: `1.0`, `1e+16`, `1e-07`, `inf`, `nan`.
pub(crate) fn write_float(out: &mut impl Write, number: f64) -> fmt::Result {
    if number.is_nan() {
        return out.write_str("nan");
    }
    if number.is_infinite() {
        return out.write_str(if number > 0.0 { "inf" } else { "-inf" });
    }
    let magnitude = number.abs();
    if magnitude != 0.0 && !(1e-4..1e16).contains(&magnitude) {
        // Rust's shortest digits are Python's; only the exponent is spelled otherwise.
        let text = format!("{number:e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let exponent: i32 = exponent.parse().unwrap_or(0);
        return write!(
            out,
            "{mantissa}e{}{:02}",
            if exponent < 0 { '-' } else { '+' },
            exponent.abs()
        );
    }
    write!(out, "{number:?}")
}

/// Writes a text as Python's `repr()` does.
pub(crate) fn write_text(out: &mut impl Write, points: impl Iterator<Item = u32> + Clone) -> fmt::Result {
    let has = |wanted: char| points.clone().any(|point| point == u32::from(wanted));
    let quote = if has('\'') && !has('"') { '"' } else { '\'' };
    out.write_char(quote)?;
    for point in points {
        match char::from_u32(point) {
            Some(char) if char == quote || char == '\\' => write!(out, "\\{char}")?,
            Some('\n') => out.write_str("\\n")?,
            Some('\r') => out.write_str("\\r")?,
            Some('\t') => out.write_str("\\t")?,
            Some(char) if is_printable(char) => out.write_char(char)?,
            _ if point <= 0xFF => write!(out, "\\x{point:02x}")?,
            _ if point <= 0xFFFF => write!(out, "\\u{point:04x}")?,
            _ => write!(out, "\\U{point:08x}")?,
        }
    }
    out.write_char(quote)
}

/// Writes bytes as Python's `repr()` does.
pub(crate) fn write_bytes(out: &mut impl Write, bytes: &[u8]) -> fmt::Result {
    let quote = if bytes.contains(&b'\'') && !bytes.contains(&b'"') {
        '"'
    } else {
        '\''
    };
    write!(out, "b{quote}")?;
    for &byte in bytes {
        match byte {
            b'\n' => out.write_str("\\n")?,
            b'\r' => out.write_str("\\r")?,
            b'\t' => out.write_str("\\t")?,
            b'\\' => out.write_str("\\\\")?,
            _ if char::from(byte) == quote => write!(out, "\\{quote}")?,
            0x20..=0x7E => out.write_char(char::from(byte))?,
            _ => write!(out, "\\x{byte:02x}")?,
        }
    }
    out.write_char(quote)
}

/// Python's `str.isprintable()` for one character.
pub(crate) fn is_printable(char: char) -> bool {
    match char {
        ' '..='~' => true,
        _ if char.is_ascii() => false,
        // To be replaced by Python's own table: general categories C* and Z*.
        _ => !(char.is_control() || char.is_whitespace()),
    }
}
