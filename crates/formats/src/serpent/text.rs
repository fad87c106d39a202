use std::borrow::Cow;

use super::scan::{Scanner, is_name};
use crate::plain::{plain_length, utf8};
use crate::{Error, Surrogates};

/// A text or bytes, in one or more pieces.
pub(super) enum Text<'de> {
    Str(Cow<'de, str>),
    /// With lone surrogates.
    Surrogates(Surrogates),
    Bytes(Cow<'de, [u8]>),
}

/// One piece: what stands between a pair of quotes, and how it is to be read.
struct Piece<'de> {
    raw: bool,
    bytes: bool,
    /// Whether there are backslashes or carriage returns, so that the content is not what stands there.
    escapes: bool,
    content: &'de [u8],
    /// Where the content starts.
    at: usize,
}

impl<'de> Scanner<'de> {
    /// Whether a text or bytes come next.
    pub(super) fn at_text(&self) -> bool {
        let quoted = |prefix: usize| matches!(self.byte(prefix), b'\'' | b'"');
        match self.byte(0) {
            b'\'' | b'"' => true,
            b'u' | b'U' => quoted(1),
            b'b' | b'B' => quoted(1) || matches!(self.byte(1), b'r' | b'R') && quoted(2),
            b'r' | b'R' => quoted(1) || matches!(self.byte(1), b'b' | b'B') && quoted(2),
            _ => false,
        }
    }

    /// Takes a text or bytes with all pieces that follow.
    pub(super) fn text(&mut self) -> Result<Text<'de>, Error> {
        self.peek();
        let start = self.at;
        if let Some(text) = self.short_text() {
            return self.borrowed_text(text, start + 1);
        }
        let first = self.piece()?;
        self.peek();
        if self.at_text() || first.escapes {
            return self.owned_text(first);
        }
        match first.bytes {
            true => {
                self.check_length(first.content.len())?;
                Ok(Text::Bytes(Cow::Borrowed(first.content)))
            }
            false => self.borrowed_text(first.content, first.at),
        }
    }

    fn borrowed_text(&self, content: &'de [u8], at: usize) -> Result<Text<'de>, Error> {
        self.check_length(content.len())?;
        match utf8(content) {
            Ok(text) => Ok(Text::Str(Cow::Borrowed(text))),
            Err(error) => Err(not_utf8(at + error.valid_up_to())),
        }
    }

    pub(super) fn skip_text(&mut self) -> Result<(), Error> {
        if self.short_text().is_some() {
            return Ok(());
        }
        let bytes = self.piece()?.bytes;
        self.peek();
        while self.at_text() {
            self.next_piece(bytes)?;
        }
        Ok(())
    }

    fn next_piece(&mut self, bytes: bool) -> Result<Piece<'de>, Error> {
        let start = self.at;
        let piece = self.piece()?;
        self.peek();
        match piece.bytes == bytes {
            true => Ok(piece),
            false => Err(Error::syntax("cannot mix bytes and nonbytes literals", start)),
        }
    }

    fn owned_text(&mut self, first: Piece<'de>) -> Result<Text<'de>, Error> {
        let mut content = Vec::with_capacity(first.content.len());
        first.decode(&mut content)?;
        self.check_length(content.len())?;
        while self.at_text() {
            self.next_piece(first.bytes)?.decode(&mut content)?;
            self.check_length(content.len())?;
        }
        if first.bytes {
            return Ok(Text::Bytes(Cow::Owned(content)));
        }
        match Surrogates::from_wtf8(content) {
            Ok(Ok(text)) => Ok(Text::Str(Cow::Owned(text))),
            Ok(Err(text)) => Ok(Text::Surrogates(text)),
            Err(_) => Err(not_utf8(first.at)),
        }
    }

    fn check_length(&self, length: usize) -> Result<(), Error> {
        match length > self.limits.bytes {
            true => Err(self.limit(format!("a text of more than {} bytes", self.limits.bytes))),
            false => Ok(()),
        }
    }

    /// Takes one piece, its prefix and quotes included.
    fn piece(&mut self) -> Result<Piece<'de>, Error> {
        self.peek();
        if !self.at_text() {
            return Err(self.unexpected("a text"));
        }
        let start = self.at;
        while is_name(self.byte(0)) {
            self.at += 1;
        }
        let prefix = &self.input[start..self.at];
        let quote = self.byte(0);
        let triple = self.byte(1) == quote && self.byte(2) == quote;
        self.at += if triple { 3 } else { 1 };
        let mut piece = Piece {
            raw: prefix.iter().any(|byte| matches!(byte, b'r' | b'R')),
            bytes: prefix.iter().any(|byte| matches!(byte, b'b' | b'B')),
            escapes: false,
            content: &[],
            at: self.at,
        };
        piece.escapes = self.find_quote(start, quote, triple)?;
        piece.content = &self.input[piece.at..self.at];
        self.at += if triple { 3 } else { 1 };
        piece.check()?;
        Ok(piece)
    }

    /// Goes to the quotes that close the piece. True when it has backslashes or carriage returns.
    fn find_quote(&mut self, start: usize, quote: u8, triple: bool) -> Result<bool, Error> {
        let content = self.at;
        let mut escapes = false;
        loop {
            let rest = &self.input[self.at..];
            let Some(found) = memchr::memchr3(quote, b'\\', b'\n', rest) else {
                return Err(Error::eof("unterminated string literal", start));
            };
            self.at += found;
            match rest[found] {
                b'\\' => {
                    escapes = true;
                    let length = if rest[found..].starts_with(b"\\\r\n") { 3 } else { 2 };
                    self.at = (self.at + length).min(self.input.len());
                }
                b'\n' if triple => self.at += 1,
                b'\n' => return Err(Error::syntax("unterminated string literal", start)),
                _ if triple && (self.byte(1) != quote || self.byte(2) != quote) => self.at += 1,
                _ => break,
            }
        }
        let content = &self.input[content..self.at];
        match memchr::memchr2(0, b'\r', content) {
            None => Ok(escapes),
            Some(_) if content.contains(&0) => Err(Error::syntax("the data contains 0-bytes", start)),
            Some(_) if triple || escapes => Ok(true),
            Some(_) => Err(Error::syntax("unterminated string literal", start)),
        }
    }

    /// Takes a short text in one piece without prefix and escapes, of which most data consists: nothing if it is not that plain.
    fn short_text(&mut self) -> Option<&'de [u8]> {
        const NEAR: usize = 64;
        let start = self.at;
        let (&quote, rest) = self.input.get(start..)?.split_first()?;
        if !matches!(quote, b'\'' | b'"') {
            return None;
        }
        // Line ends and NULs are what may not stand here; they sort below 14, and with them some that hardly ever come.
        let length = plain_length(&rest[..rest.len().min(NEAR)], quote, 14);
        // Two quotes in a row may be the start of three.
        if length == 0 || rest.get(length) != Some(&quote) {
            return None;
        }
        self.at += length + 2;
        self.peek();
        if self.at_text() {
            self.at = start;
            return None;
        }
        Some(&rest[..length])
    }
}

impl Piece<'_> {
    fn check(&self) -> Result<(), Error> {
        if self.bytes && !self.content.is_ascii() {
            return Err(Error::syntax(
                "bytes can only contain ASCII literal characters",
                self.at,
            ));
        }
        Ok(())
    }

    /// Appends what the piece means: bytes, or text in WTF-8.
    fn decode(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        if !self.bytes
            && let Err(error) = utf8(self.content)
        {
            return Err(not_utf8(self.at + error.valid_up_to()));
        }
        let mut rest = self.content;
        while let Some(found) = memchr::memchr2(b'\\', b'\r', rest) {
            out.extend_from_slice(&rest[..found]);
            let escape = &rest[found..];
            let length = match escape[0] {
                b'\r' => newline(escape, out),
                _ if self.raw => raw_backslash(escape, out),
                _ => self.escape(escape, out)?,
            };
            rest = &escape[length..];
        }
        out.extend_from_slice(rest);
        Ok(())
    }

    /// Appends what the escape at the start means. Gives its length.
    fn escape(&self, escape: &[u8], out: &mut Vec<u8>) -> Result<usize, Error> {
        let Some(&kind) = escape.get(1) else {
            return Err(self.bad_escape(escape, "\\"));
        };
        let simple = match kind {
            b'\n' => return Ok(2),
            b'\r' if escape.get(2) == Some(&b'\n') => return Ok(3),
            b'\r' => return Ok(2),
            b'\\' | b'\'' | b'"' => kind,
            b'a' => 0x07,
            b'b' => 0x08,
            b'f' => 0x0C,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'v' => 0x0B,
            b'0'..=b'7' => return Ok(self.octal(escape, out)),
            b'x' => return self.hex(escape, 2, out),
            b'u' if !self.bytes => return self.hex(escape, 4, out),
            b'U' if !self.bytes => return self.hex(escape, 8, out),
            b'N' if !self.bytes => return Err(self.bad_escape(escape, "\\N{NAME} is not supported")),
            // Python keeps the backslash of what is no escape. The rest of the character follows as text.
            _ => {
                out.push(b'\\');
                return Ok(1);
            }
        };
        out.push(simple);
        Ok(2)
    }

    fn octal(&self, escape: &[u8], out: &mut Vec<u8>) -> usize {
        let digits = escape[1..]
            .iter()
            .take(3)
            .take_while(|byte| matches!(byte, b'0'..=b'7'));
        let (count, point) = digits.fold((0, 0), |(count, point), digit| {
            (count + 1, point * 8 + u32::from(digit - b'0'))
        });
        self.push(point, out);
        1 + count
    }

    fn hex(&self, escape: &[u8], count: usize, out: &mut Vec<u8>) -> Result<usize, Error> {
        let digits = escape.get(2..2 + count).unwrap_or_default();
        let point = match digits.iter().all(u8::is_ascii_hexdigit) {
            true => u32::from_str_radix(&String::from_utf8_lossy(digits), 16).ok(),
            false => None,
        };
        match point.filter(|point| *point <= 0x0010_FFFF) {
            Some(point) => self.push(point, out),
            None => return Err(self.bad_escape(escape, "invalid escape")),
        }
        Ok(2 + count)
    }

    fn push(&self, point: u32, out: &mut Vec<u8>) {
        match char::from_u32(point) {
            _ if self.bytes => out.push(point as u8),
            Some(char) => out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes()),
            None => push_surrogate(out, point),
        }
    }

    fn bad_escape(&self, escape: &[u8], what: &str) -> Error {
        Error::syntax(what, self.at + self.content.len() - escape.len())
    }
}

fn newline(text: &[u8], out: &mut Vec<u8>) -> usize {
    out.push(b'\n');
    if text.get(1) == Some(&b'\n') { 2 } else { 1 }
}

/// In a raw text a backslash stands for itself, and so does the quote behind it.
fn raw_backslash(escape: &[u8], out: &mut Vec<u8>) -> usize {
    out.push(b'\\');
    match escape.get(1) {
        Some(&byte @ (b'\\' | b'\'' | b'"')) => {
            out.push(byte);
            2
        }
        _ => 1,
    }
}

/// A lone surrogate in the form of UTF-8.
fn push_surrogate(out: &mut Vec<u8>, point: u32) {
    out.extend_from_slice(&[0xED, 0x80 | (point >> 6 & 0x3F) as u8, 0x80 | (point & 0x3F) as u8]);
}

fn not_utf8(at: usize) -> Error {
    Error::syntax("invalid UTF-8", at)
}
