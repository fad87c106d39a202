//! Python's `repr()`, which serpent writes, and which a person at a terminal reads.

use std::fmt::{self, Display, Write};

use super::printable::NOT_PRINTABLE;
use super::{Dict, Set, Value};
use crate::stack::with_stack;

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
            Value::Str(text) => write_text(f, text),
            Value::Surrogates(text) => write_code_points(f, text.code_points()),
            Value::Bytes(bytes) => write_bytes(f, bytes),
            Value::ByteArray(bytes) => {
                f.write_str("bytearray(")?;
                write_bytes(f, bytes)?;
                f.write_char(')')
            }
            Value::List(items) => write_items(f, "[", items, "]"),
            Value::Tuple(items) if items.len() == 1 => write_items(f, "(", items, ",)"),
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
            Value::Pickled(object) => write!(f, "<pickled object of {}>", object.callee()),
            Value::Ellipsis => f.write_str("Ellipsis"),
        }
    }
}

impl Display for Dict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('{')?;
        with_stack(|| {
            self.iter().enumerate().try_for_each(|(nr, (key, value))| {
                let comma = if nr == 0 { "" } else { ", " };
                write!(f, "{comma}{key}: {value}")
            })
        })?;
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
    with_stack(|| {
        items.enumerate().try_for_each(|(nr, item)| {
            let comma = if nr == 0 { "" } else { ", " };
            write!(f, "{comma}{item}")
        })
    })?;
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
    // It has Python's digits (of two that are equally near it takes the even one) and, but for the cases below, Python's layout.
    let mut buffer = zmij::Buffer::new();
    let text = buffer.format_finite(number);
    if matches!(number.abs(), 1e-4..1e16) {
        return out.write_str(text);
    }
    if let Some((mantissa, exponent)) = text.split_once('e') {
        let sign = if exponent.starts_with('-') { '-' } else { '+' };
        let digits = exponent.trim_start_matches(['-', '+']);
        return write!(out, "{mantissa}e{sign}{digits:0>2}");
    }
    let (sign, magnitude) = text.strip_prefix('-').map_or(("", text), |magnitude| ("-", magnitude));
    match magnitude.strip_prefix("0.0000") {
        Some(digits) => write_hundred_thousandths(out, sign, digits),
        None => out.write_str(text),
    }
}

/// Writes `0.0000123` as `1.23e-05`.
fn write_hundred_thousandths(out: &mut impl Write, sign: &str, digits: &str) -> fmt::Result {
    let (first, rest) = digits.split_at(1);
    let point = if rest.is_empty() { "" } else { "." };
    write!(out, "{sign}{first}{point}{rest}e-05")
}

/// Writes a text as Python's `repr()` does.
pub(crate) fn write_text(out: &mut impl Write, text: &str) -> fmt::Result {
    let bytes = text.as_bytes();
    let quote = choose_quote(bytes);
    out.write_char(quote)?;
    let (mut written, mut at) = (0, 0);
    loop {
        at += bytes[at..].iter().take_while(|byte| PLAIN[usize::from(**byte)]).count();
        let Some(char) = text[at..].chars().next() else { break };
        let next = at + char.len_utf8();
        if char == quote || char == '\\' || !is_printable(char) {
            out.write_str(&text[written..at])?;
            write_escape(out, char.into())?;
            written = next;
        }
        at = next;
    }
    out.write_str(&text[written..])?;
    out.write_char(quote)
}

/// Whether a text looks in quotes as it is.
pub(crate) fn is_plain(text: &str) -> bool {
    // Eight at a time without a branch between them.
    let all = |bytes: &[u8]| bytes.iter().fold(true, |plain, byte| plain & PLAIN[usize::from(*byte)]);
    let (eights, rest) = text.as_bytes().as_chunks::<8>();
    eights.iter().all(|eight| all(eight)) && all(rest)
}

/// As [`write_text`], for texts with lone surrogates.
pub(crate) fn write_code_points(out: &mut impl Write, points: impl Iterator<Item = u32> + Clone) -> fmt::Result {
    let has = |wanted: char| points.clone().any(|point| point == u32::from(wanted));
    let quote = if has('\'') && !has('"') { '"' } else { '\'' };
    out.write_char(quote)?;
    for point in points {
        match char::from_u32(point) {
            Some(char) if char != quote && char != '\\' && is_printable(char) => out.write_char(char)?,
            _ => write_escape(out, point)?,
        }
    }
    out.write_char(quote)
}

/// Python takes double quotes only where they save escapes.
fn choose_quote(text: &[u8]) -> char {
    if memchr::memchr(b'\'', text).is_some() && memchr::memchr(b'"', text).is_none() {
        '"'
    } else {
        '\''
    }
}

/// The ASCII characters that stand for themselves in any text.
const PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte = b' ';
    while byte <= b'~' {
        plain[byte as usize] = !matches!(byte, b'\'' | b'"' | b'\\');
        byte += 1;
    }
    plain
};

fn write_escape(out: &mut impl Write, point: u32) -> fmt::Result {
    match char::from_u32(point) {
        Some(char @ ('\'' | '"' | '\\')) => write!(out, "\\{char}"),
        Some('\n') => out.write_str("\\n"),
        Some('\r') => out.write_str("\\r"),
        Some('\t') => out.write_str("\\t"),
        _ if point <= 0xFF => write!(out, "\\x{point:02x}"),
        _ if point <= 0xFFFF => write!(out, "\\u{point:04x}"),
        _ => write!(out, "\\U{point:08x}"),
    }
}

/// Writes bytes as Python's `repr()` does.
pub(crate) fn write_bytes(out: &mut impl Write, bytes: &[u8]) -> fmt::Result {
    let quote = choose_quote(bytes);
    write!(out, "b{quote}")?;
    for &byte in bytes {
        match char::from(byte) {
            char @ ' '..='~' if char != quote && char != '\\' => out.write_char(char)?,
            char => write_escape(out, char.into())?,
        }
    }
    out.write_char(quote)
}

/// Python's `str.isprintable()` for one character.
pub(crate) fn is_printable(char: char) -> bool {
    if char.is_ascii() {
        return matches!(char, ' '..='~');
    }
    let point = u32::from(char);
    if (0xAE..0x378).contains(&point) {
        return true;
    }
    let after = NOT_PRINTABLE.partition_point(|(first, _)| *first <= point);
    after == 0 || NOT_PRINTABLE[after - 1].1 < point
}

/// UTF-8 bytes as a target of Rust's text formatting.
pub(crate) struct Utf8<'a>(pub(crate) &'a mut Vec<u8>);

impl Write for Utf8<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }

    fn write_char(&mut self, char: char) -> fmt::Result {
        self.write_str(char.encode_utf8(&mut [0; 4]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> String {
        Value::from(text).to_string()
    }

    #[test]
    fn texts_look_as_in_python() {
        assert_eq!(text("it's"), "\"it's\"");
        assert_eq!(text("it's \"so\""), "'it\\'s \"so\"'");
        assert_eq!(text("\"so\""), "'\"so\"'");
        assert_eq!(text("a\\b\n\r\t\0\x1b\x7f"), r"'a\\b\n\r\t\x00\x1b\x7f'");
        assert_eq!(text("é€😀"), "'é€😀'");
        assert_eq!(
            text("\u{a0}\u{ad}\u{2028}\u{e000}\u{10ffff}"),
            r"'\xa0\xad\u2028\ue000\U0010ffff'"
        );
    }

    #[test]
    fn bytes_look_as_in_python() {
        let bytes = |bytes: &[u8]| Value::Bytes(bytes.to_vec()).to_string();
        assert_eq!(bytes(b"it's"), "b\"it's\"");
        assert_eq!(bytes(b"'\"\\\n\x00\x7f\xff"), r#"b'\'"\\\n\x00\x7f\xff'"#);
    }

    #[test]
    fn a_text_with_surrogates_is_escaped_as_any_other() {
        let Ok(Err(surrogates)) = super::super::Surrogates::from_code_points([0xD800, 0x27, 0xA0, 0x20AC]) else {
            panic!("a lone surrogate");
        };
        assert_eq!(Value::Surrogates(surrogates).to_string(), "\"\\ud800'\\xa0€\"");
    }

    #[test]
    fn floats_look_as_in_python() {
        let float = |number: f64| Value::Float(number).to_string();
        let expected = [
            (1.0, "1.0"),
            (-0.0, "-0.0"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (1.5e300, "1.5e+300"),
            (1e-4, "0.0001"),
            (1e-5, "1e-05"),
            (5e-324, "5e-324"),
            (0.1, "0.1"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN, "nan"),
        ];
        for (number, text) in expected {
            assert_eq!(float(number), text);
        }
    }

    // From Python 3.11: `bad = [p for p in range(0x110000) if not 0xd800 <= p < 0xe000 and not chr(p).isprintable()]; len(bad), sum(bad)`
    #[test]
    fn as_many_characters_are_not_printable_as_in_python() {
        let bad = ('\0'..=char::MAX).filter(|char| !is_printable(*char)).map(u64::from);
        assert_eq!(
            bad.fold((0, 0), |(count, sum), point| (count + 1, sum + point)),
            (967_548, 605_639_191_696)
        );
    }

    #[test]
    fn every_range_of_the_table_stands_behind_the_one_before() {
        assert!(NOT_PRINTABLE.windows(2).all(|pair| pair[0].1 < pair[1].0));
        assert!(NOT_PRINTABLE.iter().all(|(first, last)| first <= last));
    }

    #[test]
    fn floats_are_printed_as_python_prints_them() {
        for (number, text) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (0.1, "0.1"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (1.5e300, "1.5e+300"),
            (0.0001, "0.0001"),
            (0.00012, "0.00012"),
            (0.00001, "1e-05"),
            (-0.0000123, "-1.23e-05"),
            (1e-7, "1e-07"),
            (5e-324, "5e-324"),
            (10.00001, "10.00001"),
            (100.00005, "100.00005"),
            (927_154_550_694_712.2, "927154550694712.2"),
            (f64::MAX, "1.7976931348623157e+308"),
            (f64::INFINITY, "inf"),
            (f64::NAN, "nan"),
        ] {
            let mut printed = String::new();
            write_float(&mut printed, number).unwrap();
            assert_eq!(printed, text);
        }
    }
}
