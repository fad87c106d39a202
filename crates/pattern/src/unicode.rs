//! What Python's text knows of characters, where Rust's `char` answers otherwise or not at all.

use std::sync::OnceLock;

use regex_syntax::hir::{Class, HirKind};

/// Ranges of code points, in order, both ends included.
pub(super) type Ranges = Vec<(u32, u32)>;

/// `str.isalnum`, and the underscore: what `\w` means.
pub(super) fn is_word(c: char) -> bool {
    static WORD: OnceLock<Ranges> = OnceLock::new();
    if c.is_ascii() {
        return c.is_ascii_alphanumeric() || c == '_';
    }
    includes(WORD.get_or_init(|| table(r"[\p{L}\p{N}_]")), c.into())
}

/// `str.isdecimal`: what `\d` means.
pub(super) fn is_digit(c: char) -> bool {
    static DIGIT: OnceLock<Ranges> = OnceLock::new();
    if c.is_ascii() {
        return c.is_ascii_digit();
    }
    includes(DIGIT.get_or_init(|| table(r"\p{Nd}")), c.into())
}

/// `str.isspace`: what `\s` means.
pub(super) fn is_space(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\x1c'..='\x1f')
}

/// `str.isalpha`.
pub(super) fn is_letter(c: char) -> bool {
    static LETTER: OnceLock<Ranges> = OnceLock::new();
    includes(LETTER.get_or_init(|| table(r"\p{L}")), c.into())
}

/// `str.isidentifier`.
pub(super) fn is_identifier(name: &str) -> bool {
    static START: OnceLock<Ranges> = OnceLock::new();
    static REST: OnceLock<Ranges> = OnceLock::new();
    let start = START.get_or_init(|| table(r"[\p{XID_Start}_]"));
    let rest = REST.get_or_init(|| table(r"\p{XID_Continue}"));
    let mut chars = name.chars().map(u32::from);
    chars.next().is_some_and(|c| includes(start, c)) && chars.all(|c| includes(rest, c))
}

/// `repr` of a text.
pub(super) fn repr(text: &str) -> String {
    static HIDDEN: OnceLock<Ranges> = OnceLock::new();
    let hidden = HIDDEN.get_or_init(|| table(r"[\p{C}\p{Z}]"));
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    let mut written = String::from(quote);
    for c in text.chars() {
        let code = u32::from(c);
        written += &match c {
            '\n' => r"\n".to_owned(),
            '\r' => r"\r".to_owned(),
            '\t' => r"\t".to_owned(),
            ' ' => " ".to_owned(),
            _ if c == quote || c == '\\' => format!("\\{c}"),
            _ if !includes(hidden, code) => c.to_string(),
            _ if code <= 0xff => format!("\\x{code:02x}"),
            _ if code <= 0xffff => format!("\\u{code:04x}"),
            _ => format!("\\U{code:08x}"),
        };
    }
    written.push(quote);
    written
}

pub(super) fn includes(ranges: &[(u32, u32)], code: u32) -> bool {
    let behind = ranges.partition_point(|(low, _)| *low <= code);
    behind > 0 && code <= ranges[behind - 1].1
}

/// The characters of a class in the notation of the crate regex, whose tables these are.
fn table(class: &str) -> Ranges {
    match regex_syntax::parse(class).map(|parsed| parsed.into_kind()) {
        Ok(HirKind::Class(Class::Unicode(class))) => {
            let ranges = class.iter();
            ranges.map(|range| (range.start().into(), range.end().into())).collect()
        }
        _ => Ranges::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_sorted_as_python_sorts_them() {
        // A combining mark and the zero-width joiner are parts of words for the crate regex, not for Python; fractions and Roman numbers are for Python.
        for (c, expected) in [
            ('é', true),
            ('_', true),
            ('½', true),
            ('Ⅷ', true),
            ('\u{301}', false),
            ('\u{200d}', false),
            ('Ⓐ', false),
        ] {
            assert_eq!(is_word(c), expected, "{c:?}");
        }
        assert!(is_digit('٣') && !is_digit('²'));
        assert!(is_space('\x1c') && is_space('\u{85}') && !is_space('\u{200b}'));
        assert!(is_identifier("é_1") && !is_identifier("1a") && !is_identifier("a-b") && !is_identifier(""));
    }

    #[test]
    fn texts_are_written_as_python_writes_them() {
        for (text, expected) in [
            ("a b", "'a b'"),
            ("it's", "\"it's\""),
            ("'\"", "'\\'\"'"),
            ("\\\n\0", r"'\\\n\x00'"),
            ("é\u{a0}\u{2028}\u{e0001}", "'é\\xa0\\u2028\\U000e0001'"),
        ] {
            assert_eq!(repr(text), expected);
        }
    }
}
