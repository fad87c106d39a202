//! The lowest layer: numbers, texts and lines of the input.

use super::{escape, opcode};
use crate::{Error, ErrorKind, Limits};

pub(super) struct Input<'de> {
    /// What was not read yet.
    rest: &'de [u8],
    /// Where it ends.
    end: usize,
    limits: Limits,
}

impl<'de> Input<'de> {
    pub(super) fn new(bytes: &'de [u8], start: usize, limits: &Limits) -> Input<'de> {
        Input {
            rest: bytes.get(start..).unwrap_or_default(),
            end: bytes.len(),
            limits: *limits,
        }
    }

    /// The offset of what comes next.
    #[inline]
    pub(super) fn at(&self) -> usize {
        self.end - self.rest.len()
    }

    /// The next opcode.
    #[inline]
    pub(super) fn opcode(&mut self) -> Result<u8, Error> {
        let Some((opcode, rest)) = self.rest.split_first() else {
            return Err(Error::eof("Ran out of input", self.end));
        };
        self.rest = rest;
        Ok(*opcode)
    }

    /// The number in the memo, if the next opcode takes something out of it.
    pub(super) fn peek_get(&self) -> Option<usize> {
        match *self.rest {
            [opcode::BINGET, nr, ..] => Some(nr.into()),
            [opcode::LONG_BINGET, a, b, c, d, ..] => Some(u32::from_le_bytes([a, b, c, d]) as usize),
            [opcode::GET, ..] => {
                let line = self.rest[1..].split(|byte| *byte == b'\n').next()?;
                std::str::from_utf8(line.get(..20).unwrap_or(line)).ok()?.parse().ok()
            }
            _ => None,
        }
    }

    #[inline]
    fn take(&mut self, count: usize) -> Result<&'de [u8], Error> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or_else(|| truncated(self.end))?;
        self.rest = rest;
        Ok(taken)
    }

    #[inline]
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or_else(|| truncated(self.end))?;
        self.rest = rest;
        Ok(*bytes)
    }

    #[inline]
    pub(super) fn u8(&mut self) -> Result<usize, Error> {
        self.array().map(|[byte]| byte.into())
    }

    #[inline]
    pub(super) fn u32(&mut self) -> Result<usize, Error> {
        self.array().map(|bytes| u32::from_le_bytes(bytes) as usize)
    }

    pub(super) fn u64(&mut self) -> Result<usize, Error> {
        let start = self.at();
        let length = u64::from_le_bytes(self.array()?);
        usize::try_from(length).map_err(|_| self.too_long(length, start))
    }

    /// As [`Self::u32`], where a length beyond 31 bits is negative.
    pub(super) fn i32_length(&mut self) -> Result<usize, Error> {
        let start = self.at();
        let length = i32::from_le_bytes(self.array()?);
        usize::try_from(length).map_err(|_| Error::syntax("pickle has a negative byte count", start))
    }

    /// So many bytes of a text, byte string or number.
    #[inline]
    pub(super) fn bytes(&mut self, count: usize) -> Result<&'de [u8], Error> {
        if count > self.limits.bytes {
            return Err(self.too_long(count as u64, self.at()));
        }
        self.take(count)
    }

    /// What stands before the next end of line.
    pub(super) fn line(&mut self) -> Result<&'de [u8], Error> {
        let length = memchr::memchr(b'\n', self.rest).ok_or_else(|| truncated(self.end))?;
        let line = self.bytes(length)?;
        self.take(1)?;
        Ok(line)
    }

    /// A line in UTF-8.
    pub(super) fn text_line(&mut self) -> Result<&'de str, Error> {
        let start = self.at();
        let line = self.line()?;
        std::str::from_utf8(line).map_err(|_| Error::syntax("a name that is not UTF-8", start))
    }

    /// A line with a number of an object.
    pub(super) fn number_line(&mut self) -> Result<usize, Error> {
        let start = self.at();
        let line = self.text_line()?;
        line.trim()
            .parse()
            .map_err(|_| Error::syntax(format!("invalid literal for int() with base 10: {line:?}"), start))
    }

    pub(super) fn float_line(&mut self) -> Result<f64, Error> {
        let start = self.at();
        let line = self.text_line()?;
        line.trim()
            .parse()
            .map_err(|_| Error::syntax(format!("could not convert string to float: {line:?}"), start))
    }

    /// A line with a `str` of Python 2 in quotes.
    pub(super) fn string_line(&mut self) -> Result<Vec<u8>, Error> {
        let start = self.at();
        let line = self.line()?.trim_ascii_end();
        let quoted = match line {
            [b'\'', inner @ .., b'\''] | [b'"', inner @ .., b'"'] => inner,
            _ => return Err(Error::syntax("the STRING opcode argument must be quoted", start)),
        };
        escape::read_string(quoted).map_err(|what| Error::syntax(what, start))
    }

    /// Checks that so many bytes follow.
    pub(super) fn check_frame(&self, length: usize) -> Result<(), Error> {
        match length <= self.rest.len() {
            true => Ok(()),
            false => Err(truncated(self.end)),
        }
    }

    #[cold]
    fn too_long(&self, length: u64, position: usize) -> Error {
        let message = format!("a text or number of {length} bytes, more than {}", self.limits.bytes);
        Error::at(ErrorKind::Limit, message, position)
    }
}

#[cold]
fn truncated(position: usize) -> Error {
    Error::eof("pickle data was truncated", position)
}
