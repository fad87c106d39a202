//! The heads of MessagePack values.

use jiff::tz::TimeZone;

use super::ext;
use crate::refusal::utf8;
use crate::{Error, ErrorKind, Limits, Value};

/// Reads heads; knows where it is and what the limits still allow.
#[derive(Debug)]
pub(super) struct Reader<'de> {
    input: &'de [u8],
    pub(super) at: usize,
    limits: Limits,
    depth: usize,
    items: usize,
    pub(super) time_zone: fn() -> TimeZone,
}

/// A value, or what comes before the items of one.
pub(super) enum Head<'de> {
    Nil,
    Bool(bool),
    Int(i64),
    UInt(u64),
    Float(f64),
    /// Not yet checked to be UTF-8.
    Str(&'de [u8]),
    Bin(&'de [u8]),
    /// The number of items.
    Array(usize),
    /// The number of entries.
    Map(usize),
    Ext(i8, &'de [u8]),
}

impl<'de> Reader<'de> {
    pub(super) fn new(input: &'de [u8], limits: &Limits) -> Reader<'de> {
        Reader {
            input,
            at: 0,
            limits: *limits,
            depth: 0,
            items: 0,
            time_zone: TimeZone::system,
        }
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.input.get(self.at).copied()
    }

    #[inline(always)] // so that a head is taken apart where it is put together
    pub(super) fn head(&mut self) -> Result<Head<'de>, Error> {
        self.count()?;
        let start = self.at;
        let [marker] = self.array()?;
        Ok(match marker {
            0x00..=0x7F => Head::Int(marker.into()),
            0x80..=0x8F => self.map((marker & 0x0F).into())?,
            0x90..=0x9F => self.list((marker & 0x0F).into())?,
            0xA0..=0xBF => Head::Str(self.bytes((marker & 0x1F).into())?),
            0xC0 => Head::Nil,
            0xC1 => return Err(Error::syntax("byte 0xc1 begins no MessagePack value", start)),
            0xC2 => Head::Bool(false),
            0xC3 => Head::Bool(true),
            0xC4..=0xC6 => {
                let length = self.length(marker - 0xC4)?;
                Head::Bin(self.bytes(length)?)
            }
            0xC7..=0xC9 => {
                let length = self.length(marker - 0xC7)?;
                self.ext(length)?
            }
            0xCA => Head::Float(f32::from_be_bytes(self.array()?).into()),
            0xCB => Head::Float(f64::from_be_bytes(self.array()?)),
            0xCC => Head::Int(u8::from_be_bytes(self.array()?).into()),
            0xCD => Head::Int(u16::from_be_bytes(self.array()?).into()),
            0xCE => Head::Int(u32::from_be_bytes(self.array()?).into()),
            0xCF => unsigned(u64::from_be_bytes(self.array()?)),
            0xD0 => Head::Int(i8::from_be_bytes(self.array()?).into()),
            0xD1 => Head::Int(i16::from_be_bytes(self.array()?).into()),
            0xD2 => Head::Int(i32::from_be_bytes(self.array()?).into()),
            0xD3 => Head::Int(i64::from_be_bytes(self.array()?)),
            0xD4..=0xD8 => self.ext(1 << (marker - 0xD4))?,
            0xD9..=0xDB => {
                let length = self.length(marker - 0xD9)?;
                Head::Str(self.bytes(length)?)
            }
            0xDC..=0xDD => {
                let length = self.length(marker - 0xDC + 1)?;
                self.list(length)?
            }
            0xDE..=0xDF => {
                let length = self.length(marker - 0xDE + 1)?;
                self.map(length)?
            }
            0xE0..=0xFF => Head::Int((marker as i8).into()),
        })
    }

    /// The head that comes next, without stepping over it.
    pub(super) fn peek_head(&mut self) -> Result<Head<'de>, Error> {
        let (at, items) = (self.at, self.items);
        let head = self.head();
        (self.at, self.items) = (at, items);
        head
    }

    /// Steps over a whole value without looking into texts and extensions.
    pub(super) fn skip(&mut self) -> Result<(), Error> {
        let mut values = 1_usize;
        while values > 0 {
            values -= 1;
            // A container has at most as many items as bytes are left, so this cannot overflow.
            match self.head()? {
                Head::Array(items) => values += items,
                Head::Map(entries) => values += 2 * entries,
                _ => {}
            }
        }
        Ok(())
    }

    pub(super) fn enter(&mut self) -> Result<(), Error> {
        if self.depth >= self.limits.depth {
            return Err(Error::at(ErrorKind::Limit, "recursion limit exceeded.", self.at));
        }
        self.depth += 1;
        Ok(())
    }

    pub(super) fn leave(&mut self) {
        self.depth -= 1;
    }

    /// The text of a str whose bytes were just read.
    pub(super) fn text(&self, bytes: &'de [u8]) -> Result<&'de str, Error> {
        utf8(bytes, self.at - bytes.len(), 0)
    }

    /// The value of an extension.
    pub(super) fn ext_value(&self, code: i8, data: &[u8]) -> Result<Value, Error> {
        ext::read(code, data, &self.limits, self.time_zone)
    }

    pub(super) fn end(&self) -> Result<(), Error> {
        match self.peek() {
            Some(_) => Err(Error::syntax("unpack(b) received extra data.", self.at)),
            None => Ok(()),
        }
    }

    fn count(&mut self) -> Result<(), Error> {
        if self.items >= self.limits.items {
            return Err(self.too_many());
        }
        self.items += 1;
        Ok(())
    }

    #[cold]
    fn too_many(&self) -> Error {
        let message = format!("more than {} values", self.limits.items);
        Error::at(ErrorKind::Limit, message, self.at)
    }

    #[cold]
    fn incomplete(&self) -> Error {
        Error::eof("Unpack failed: incomplete input", self.input.len())
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let rest = self.input.get(self.at..).unwrap_or_default();
        let bytes = rest.first_chunk().ok_or_else(|| self.incomplete())?;
        self.at += N;
        Ok(*bytes)
    }

    /// A length of 8, 16 or 32 bits: width 0, 1 or 2.
    fn length(&mut self, width: u8) -> Result<usize, Error> {
        Ok(match width {
            0 => u8::from_be_bytes(self.array()?).into(),
            1 => u16::from_be_bytes(self.array()?).into(),
            _ => u32::from_be_bytes(self.array()?) as usize,
        })
    }

    fn bytes(&mut self, length: usize) -> Result<&'de [u8], Error> {
        if length > self.limits.bytes {
            let message = format!("{length} bytes where at most {} are allowed", self.limits.bytes);
            return Err(Error::at(ErrorKind::Limit, message, self.at));
        }
        let bytes = self.input[self.at..].get(..length).ok_or_else(|| self.incomplete())?;
        self.at += length;
        Ok(bytes)
    }

    fn ext(&mut self, length: usize) -> Result<Head<'de>, Error> {
        let code = i8::from_be_bytes(self.array()?);
        Ok(Head::Ext(code, self.bytes(length)?))
    }

    /// Every item takes a byte at least, so an impossible number is known at once.
    fn list(&mut self, items: usize) -> Result<Head<'de>, Error> {
        match items <= self.input.len() - self.at {
            true => Ok(Head::Array(items)),
            false => Err(self.incomplete()),
        }
    }

    fn map(&mut self, entries: usize) -> Result<Head<'de>, Error> {
        match entries <= (self.input.len() - self.at) / 2 {
            true => Ok(Head::Map(entries)),
            false => Err(self.incomplete()),
        }
    }
}

fn unsigned<'de>(number: u64) -> Head<'de> {
    match i64::try_from(number) {
        Ok(number) => Head::Int(number),
        Err(_) => Head::UInt(number),
    }
}
