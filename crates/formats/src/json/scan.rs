//! The tokens of JSON text, by the rules of Python's `json.loads`.

use crate::plain::{self, plain_length};
use crate::refusal::{check_digits, utf8};
use crate::stack::with_stack;
use crate::{Error, ErrorKind, Limits};

/// Reads tokens; knows where it is and what the limits still allow.
#[derive(Debug)]
pub(super) struct Scanner<'de> {
    input: &'de [u8],
    pub(super) at: usize,
    pub(super) limits: Limits,
    depth: usize,
    items: usize,
    /// A text whose escapes were replaced, in WTF-8.
    scratch: Vec<u8>,
}

/// A text: a piece of the input, or, after its escapes were replaced, of the scratch buffer.
pub(super) enum Text<'de, 's> {
    Borrowed(&'de str),
    Unescaped(&'s str),
    /// With lone surrogates: WTF-8.
    Lone(&'s [u8]),
}

pub(super) enum Number<'de> {
    Int(i64),
    UInt(u64),
    /// The digits of an integer beyond 64 bits, with its sign.
    Big(&'de str),
    Float(f64),
}

#[derive(Clone, Copy)]
enum NumberSort {
    Int,
    Float,
}

impl<'de> Scanner<'de> {
    pub(super) fn new(input: &'de [u8], limits: &Limits) -> Scanner<'de> {
        Scanner {
            input,
            at: 0,
            limits: *limits,
            depth: 0,
            items: 0,
            scratch: Vec::new(),
        }
    }

    /// The next byte that is not white space.
    pub(super) fn peek(&mut self) -> Option<u8> {
        loop {
            match self.input.get(self.at) {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.at += 1,
                other => return other.copied(),
            }
        }
    }

    /// Steps over this byte, if it comes next.
    pub(super) fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// The error that something else belongs here.
    pub(super) fn expected(&self, message: &str) -> Error {
        if self.at >= self.input.len() {
            Error::eof(message, self.at)
        } else if self.at == 0 && self.input.starts_with("\u{FEFF}".as_bytes()) {
            Error::syntax("Unexpected UTF-8 BOM (decode using utf-8-sig)", 0)
        } else {
            Error::syntax(message, self.at)
        }
    }

    /// Counts a value against the limit.
    pub(super) fn count(&mut self) -> Result<(), Error> {
        if self.items >= self.limits.items {
            let message = format!("more than {} values", self.limits.items);
            return Err(Error::at(ErrorKind::Limit, message, self.at));
        }
        self.items += 1;
        Ok(())
    }

    /// Steps over an opening bracket.
    pub(super) fn open(&mut self) -> Result<(), Error> {
        if self.depth >= self.limits.depth {
            let message = match self.input.get(self.at) {
                Some(b'[') => "maximum recursion depth exceeded while decoding a JSON array from a unicode string",
                _ => "maximum recursion depth exceeded while decoding a JSON object from a unicode string",
            };
            return Err(Error::at(ErrorKind::Limit, message, self.at));
        }
        self.depth += 1;
        self.at += 1;
        Ok(())
    }

    /// Leaves a container whose closing bracket was stepped over.
    pub(super) fn close(&mut self) {
        self.depth -= 1;
    }

    pub(super) fn word(&mut self, word: &str) -> Result<(), Error> {
        let rest = &self.input[self.at..];
        if rest.starts_with(word.as_bytes()) {
            self.at += word.len();
            Ok(())
        } else if word.as_bytes().starts_with(rest) {
            Err(Error::eof("Expecting value", self.at))
        } else {
            Err(self.expected("Expecting value"))
        }
    }

    /// Moves to the next item of a list or dict; false, behind its closing bracket, when there is none.
    pub(super) fn next_item(&mut self, first: &mut bool, close: u8) -> Result<bool, Error> {
        let first = std::mem::take(first);
        if self.take(close) {
            self.close();
            return Ok(false);
        }
        if !first && !self.take(b',') {
            return Err(self.expected("Expecting ',' delimiter"));
        }
        Ok(true)
    }

    /// Makes sure that a dict's key comes next.
    pub(super) fn expect_key(&mut self) -> Result<(), Error> {
        match self.peek() {
            Some(b'"') => self.count(),
            _ => Err(self.expected("Expecting property name enclosed in double quotes")),
        }
    }

    pub(super) fn colon(&mut self) -> Result<(), Error> {
        match self.take(b':') {
            true => Ok(()),
            false => Err(self.expected("Expecting ':' delimiter")),
        }
    }

    /// Steps over a whole value.
    pub(super) fn skip(&mut self) -> Result<(), Error> {
        self.count()?;
        match self.peek() {
            Some(b'"') => self.skip_text(),
            Some(open @ (b'[' | b'{')) => with_stack(|| self.skip_items(open)),
            Some(b'n') => self.word("null"),
            Some(b't') => self.word("true"),
            Some(b'f') => self.word("false"),
            Some(b'N') => self.word("NaN"),
            Some(b'I') => self.word("Infinity"),
            _ => self.skip_number().map(drop),
        }
    }

    fn skip_items(&mut self, open: u8) -> Result<(), Error> {
        self.open()?;
        let mut first = true;
        while self.next_item(&mut first, closing(open))? {
            if open == b'{' {
                self.expect_key()?;
                self.skip_text()?;
                self.colon()?;
            }
            self.skip()?;
        }
        Ok(())
    }

    pub(super) fn number(&mut self) -> Result<Number<'de>, Error> {
        let start = self.at;
        let sort = self.skip_number()?;
        let text = &self.input[start..self.at];
        if let (NumberSort::Int, 1..=18) = (sort, text.len()) {
            return Ok(Number::Int(small_int(text)));
        }
        let text = utf8(text, start, start)?;
        let number = match sort {
            NumberSort::Float => text.parse().ok().map(Number::Float),
            NumberSort::Int => text
                .parse()
                .map(Number::Int)
                .or_else(|_| text.parse().map(Number::UInt))
                .ok(),
        };
        Ok(number.unwrap_or(Number::Big(text)))
    }

    fn skip_number(&mut self) -> Result<NumberSort, Error> {
        let start = self.at;
        let negative = self.byte() == Some(b'-');
        self.at += usize::from(negative);
        let digits = self.at;
        match self.byte() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.skip_digits(),
            Some(b'I') if negative => return self.word("Infinity").map(|()| NumberSort::Float),
            Some(_) => {
                self.at = start;
                return Err(self.expected("Expecting value"));
            }
            None => return Err(self.expected("Expecting value")),
        }
        let digits = self.at - digits;
        if self.skip_fraction() | self.skip_exponent() {
            return Ok(NumberSort::Float);
        }
        check_digits(digits, &self.limits).map_err(|error| error.or_at(start))?;
        Ok(NumberSort::Int)
    }

    fn byte(&self) -> Option<u8> {
        self.input.get(self.at).copied()
    }

    fn skip_digits(&mut self) {
        while self.byte().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
    }

    /// Without a digit behind it, the point is not part of the number.
    fn skip_fraction(&mut self) -> bool {
        let found = matches!(self.input[self.at..], [b'.', b'0'..=b'9', ..]);
        if found {
            self.at += 1;
            self.skip_digits();
        }
        found
    }

    fn skip_exponent(&mut self) -> bool {
        let length = match self.input[self.at..] {
            [b'e' | b'E', b'0'..=b'9', ..] => 1,
            [b'e' | b'E', b'+' | b'-', b'0'..=b'9', ..] => 2,
            _ => return false,
        };
        self.at += length;
        self.skip_digits();
        true
    }

    /// Reads a text; the opening quote comes next.
    pub(super) fn text(&mut self) -> Result<Text<'de, '_>, Error> {
        let start = self.at;
        self.at += 1;
        let piece = self.plain_piece(start)?;
        if self.byte() == Some(b'"') {
            self.at += 1;
            return Ok(Text::Borrowed(piece));
        }
        self.scratch.clear();
        self.scratch.extend_from_slice(piece.as_bytes());
        while self.byte() != Some(b'"') {
            self.escape(start)?;
            let piece = self.plain_piece(start)?;
            self.scratch.extend_from_slice(piece.as_bytes());
        }
        self.at += 1;
        // Every piece was UTF-8, so only a lone surrogate can spoil the whole.
        match plain::utf8(&self.scratch) {
            Ok(text) => Ok(Text::Unescaped(text)),
            Err(_) => Ok(Text::Lone(&self.scratch)),
        }
    }

    pub(super) fn skip_text(&mut self) -> Result<(), Error> {
        let start = self.at;
        self.at += 1;
        loop {
            self.plain_piece(start)?;
            if self.byte() == Some(b'"') {
                self.at += 1;
                return Ok(());
            }
            self.code_point(start)?;
        }
    }

    /// The part of a text before the next escape or closing quote.
    fn plain_piece(&mut self, start: usize) -> Result<&'de str, Error> {
        let rest = &self.input[self.at..];
        let length = plain_length(rest, b'"', 0x20);
        let Some(&end) = rest.get(length) else {
            return Err(self.unterminated(start));
        };
        if self.at + length - start > self.limits.bytes {
            let message = format!("a text of more than {} bytes", self.limits.bytes);
            return Err(Error::at(ErrorKind::Limit, message, start));
        }
        // With the ASCII byte behind it, so that a truncated character is one that goes on wrongly.
        let piece = &utf8(&rest[..=length], self.at, self.at)?[..length];
        self.at += length;
        match end {
            ..0x20 => Err(self.expected("Invalid control character at")),
            _ => Ok(piece),
        }
    }

    fn unterminated(&self, start: usize) -> Error {
        Error::eof("Unterminated string starting at", start)
    }

    fn escape(&mut self, start: usize) -> Result<(), Error> {
        let point = self.code_point(start)?;
        match char::from_u32(point) {
            Some(char) => self.scratch.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes()),
            None => self.scratch.extend_from_slice(&[
                0xE0 | (point >> 12) as u8,
                0x80 | (point >> 6 & 0x3F) as u8,
                0x80 | (point & 0x3F) as u8,
            ]),
        }
        Ok(())
    }

    /// What an escape stands for; the backslash comes next.
    fn code_point(&mut self, start: usize) -> Result<u32, Error> {
        let Some(&letter) = self.input.get(self.at + 1) else {
            return Err(self.unterminated(start));
        };
        let point = match letter {
            b'"' | b'\\' | b'/' => letter.into(),
            b'b' => 0x08,
            b'f' => 0x0C,
            b'n' => 0x0A,
            b'r' => 0x0D,
            b't' => 0x09,
            b'u' => return self.hex_escape(),
            _ => return Err(self.expected("Invalid \\escape")),
        };
        self.at += 2;
        Ok(point)
    }

    fn hex_escape(&mut self) -> Result<u32, Error> {
        let Some(high) = self.hex_digits(self.at) else {
            let message = "Invalid \\uXXXX escape";
            return Err(match self.input.len() < self.at + 6 {
                true => Error::eof(message, self.at + 1),
                false => Error::syntax(message, self.at + 1),
            });
        };
        self.at += 6;
        match (high, self.hex_digits(self.at)) {
            (0xD800..=0xDBFF, Some(low @ 0xDC00..=0xDFFF)) => {
                self.at += 6;
                Ok(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))
            }
            _ => Ok(high),
        }
    }

    /// The number in `\uXXXX`, if that stands there.
    fn hex_digits(&self, at: usize) -> Option<u32> {
        let digits = self.input.get(at..at + 6)?.strip_prefix(b"\\u")?;
        digits
            .iter()
            .try_fold(0, |number, &digit| Some(number << 4 | char::from(digit).to_digit(16)?))
    }
}

pub(super) fn closing(open: u8) -> u8 {
    if open == b'[' { b']' } else { b'}' }
}

/// The number of at most 18 digits, with its sign.
fn small_int(text: &[u8]) -> i64 {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    let number = digits
        .iter()
        .fold(0, |number, digit| number * 10 + i64::from(digit - b'0'));
    if negative { -number } else { number }
}
