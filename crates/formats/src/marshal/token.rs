//! The lowest layer: type bytes with what belongs to them, and the objects that references name.

use num_bigint::{BigInt, Sign};

use crate::tag::Tag;
use crate::{Error, ErrorKind};

/// The bit of a type byte that gives the object a number, by which [`Token::Reference`] names it.
const FLAG_REF: u8 = 0x80;

/// A scalar, or the head of a container whose items follow.
///
/// Whatever is in one is as wide as a word, so that nothing is squeezed in beside the discriminant: tokens would be copied in small pieces.
#[derive(Debug, Clone, Copy)]
pub(super) enum Token<'de> {
    /// The end of a dict; no value.
    Null,
    None,
    True,
    False,
    StopIteration,
    Ellipsis,
    Int(i64),
    Long(Long<'de>),
    Float(f64),
    Complex(f64, f64),
    Bytes(&'de [u8]),
    /// UTF-8 in which surrogates may stand like any other code point.
    Text(&'de [u8]),
    /// A byte to a character. Meant for ASCII, but Python reads it so.
    Latin1(&'de [u8]),
    /// In Python 3 as [`Token::Text`], in Python 2 bytes; Python 2 numbers these for [`Token::StringReference`].
    Interned(&'de [u8]),
    Sequence(Sequence),
    Dict,
    /// Three items follow.
    Slice,
    Reference(i64),
    StringReference(i64),
}

impl Token<'_> {
    /// The bytes that a decoded copy would take at least, for those that have no fixed size.
    pub(super) fn length(&self) -> usize {
        match self {
            Token::Bytes(bytes) | Token::Text(bytes) | Token::Latin1(bytes) | Token::Interned(bytes) => bytes.len(),
            Token::Long(long) => long.digits.len(),
            _ => 0,
        }
    }

    /// Whether `FLAG_REF` gives a number to this.
    fn is_numbered(&self) -> bool {
        use Token::*;
        !matches!(
            self,
            Null | None | True | False | StopIteration | Ellipsis | Reference(_) | StringReference(_)
        )
    }
}

/// The head of a list or its like; `count` items follow.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sequence {
    pub(super) kind: Kind,
    pub(super) count: usize,
}

#[derive(Debug, Clone, Copy)]
#[repr(usize)]
pub(super) enum Kind {
    List,
    Tuple,
    Set,
    FrozenSet,
}

impl Sequence {
    /// As in Python's error texts.
    pub(super) fn name(&self) -> &'static str {
        match self.kind {
            Kind::List => "list",
            Kind::Tuple => "tuple",
            Kind::Set | Kind::FrozenSet => "set",
        }
    }

    /// `None` for a list.
    pub(super) fn tag(&self) -> Option<Tag> {
        match self.kind {
            Kind::List => None,
            Kind::Tuple => Some(Tag::Tuple),
            Kind::Set => Some(Tag::Set),
            Kind::FrozenSet => Some(Tag::FrozenSet),
        }
    }
}

/// An int in digits of 15 bits, each as two bytes, the least first.
#[derive(Debug, Clone, Copy)]
pub(super) struct Long<'de> {
    /// Below zero for a negative one.
    sign: isize,
    digits: &'de [u8],
}

impl Long<'_> {
    pub(super) fn to_bigint(self) -> BigInt {
        let mut bytes = Vec::with_capacity(self.digits.len());
        let (mut pending, mut bits) = (0_u32, 0);
        for digit in self.digits.chunks_exact(2) {
            pending |= u32::from(u16::from_le_bytes([digit[0], digit[1]])) << bits;
            bits += 15;
            while bits >= 8 {
                bytes.push(pending as u8);
                pending >>= 8;
                bits -= 8;
            }
        }
        bytes.push(pending as u8);
        let sign = if self.sign < 0 { Sign::Minus } else { Sign::Plus };
        BigInt::from_bytes_le(sign, &bytes)
    }
}

/// Cuts the input into tokens.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lexer<'de> {
    pub(super) input: &'de [u8],
    pub(super) at: usize,
}

impl<'de> Lexer<'de> {
    // Inlined, so that a token is taken apart where it is put together: decoding takes a third less time.
    #[inline(always)]
    pub(super) fn next(&mut self) -> Result<Token<'de>, Error> {
        let start = self.at;
        let code = self.peek().ok_or_else(|| no_object(start))?;
        self.at += 1;
        Ok(match code {
            b'0' => Token::Null,
            b'N' => Token::None,
            b'T' => Token::True,
            b'F' => Token::False,
            b'S' => Token::StopIteration,
            b'.' => Token::Ellipsis,
            b'i' => Token::Int(self.i32()?.into()),
            b'I' => Token::Int(i64::from_le_bytes(self.array()?)),
            b'l' => Token::Long(self.long()?),
            b'f' => Token::Float(self.float_text()?),
            b'g' => Token::Float(self.float()?),
            b'x' => Token::Complex(self.float_text()?, self.float_text()?),
            b'y' => Token::Complex(self.float()?, self.float()?),
            b's' => Token::Bytes(self.sized("bytes object")?),
            b't' => Token::Interned(self.sized("string")?),
            b'u' => Token::Text(self.sized("string")?),
            b'a' | b'A' => Token::Latin1(self.sized("string")?),
            b'z' | b'Z' => Token::Latin1(self.short()?),
            b'(' => self.sequence(Kind::Tuple)?,
            b')' => Token::Sequence(Sequence {
                kind: Kind::Tuple,
                count: self.u8()?.into(),
            }),
            b'[' => self.sequence(Kind::List)?,
            b'<' => self.sequence(Kind::Set)?,
            b'>' => self.sequence(Kind::FrozenSet)?,
            b'{' => Token::Dict,
            b':' => Token::Slice,
            b'r' => Token::Reference(self.i32()?.into()),
            b'R' => Token::StringReference(self.i32()?.into()),
            _ => return Err(unknown(code, start)),
        })
    }

    /// The next type byte without its flag; `None` at the end.
    pub(super) fn peek(&self) -> Option<u8> {
        self.input.get(self.at).map(|code| code & !FLAG_REF)
    }

    fn take(&mut self, count: usize) -> Result<&'de [u8], Error> {
        let rest = &self.input[self.at..];
        let taken = rest.get(..count).ok_or_else(|| too_short(self.at))?;
        self.at += count;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let (array, _) = self.input[self.at..]
            .split_first_chunk()
            .ok_or_else(|| too_short(self.at))?;
        self.at += N;
        Ok(*array)
    }

    fn u8(&mut self) -> Result<u8, Error> {
        self.array().map(|[byte]| byte)
    }

    fn i32(&mut self) -> Result<i32, Error> {
        self.array().map(i32::from_le_bytes)
    }

    fn size(&mut self, of: &str) -> Result<usize, Error> {
        let start = self.at;
        usize::try_from(self.i32()?).map_err(|_| bad_data(&format!("{of} size out of range"), start))
    }

    fn sized(&mut self, of: &str) -> Result<&'de [u8], Error> {
        let size = self.size(of)?;
        self.take(size)
    }

    fn short(&mut self) -> Result<&'de [u8], Error> {
        let size = self.u8()?;
        self.take(size.into())
    }

    fn sequence(&mut self, kind: Kind) -> Result<Token<'de>, Error> {
        let mut sequence = Sequence { kind, count: 0 };
        sequence.count = self.size(sequence.name())?;
        Ok(Token::Sequence(sequence))
    }

    fn float(&mut self) -> Result<f64, Error> {
        self.array().map(f64::from_le_bytes)
    }

    fn float_text(&mut self) -> Result<f64, Error> {
        let start = self.at;
        let text = self.short()?;
        let number = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
        number.ok_or_else(|| {
            let text = String::from_utf8_lossy(text);
            Error::syntax(format!("could not convert string to float: {text:?}"), start)
        })
    }

    fn long(&mut self) -> Result<Long<'de>, Error> {
        let start = self.at;
        let count = self.i32()?;
        if count == i32::MIN {
            return Err(bad_data("long size out of range", start));
        }
        let sign = if count < 0 { -1 } else { 1 };
        let digits = self.take(count.unsigned_abs() as usize * 2)?;
        if digits.chunks_exact(2).any(|digit| digit[1] >= 0x80) {
            return Err(bad_data("digit out of range in long", start));
        }
        if digits.ends_with(&[0, 0]) {
            return Err(bad_data("unnormalized long data", start));
        }
        Ok(Long { sign, digits })
    }
}

#[cold]
fn no_object(position: usize) -> Error {
    Error::eof("EOF read where object expected", position)
}

#[cold]
fn too_short(position: usize) -> Error {
    Error::eof("marshal data too short", position)
}

#[cold]
fn bad_data(what: &str, position: usize) -> Error {
    Error::syntax(format!("bad marshal data ({what})"), position)
}

#[cold]
fn unknown(code: u8, position: usize) -> Error {
    if code == b'c' {
        let message = "a code object stands in the marshal data; code is never accepted";
        return Error::at(ErrorKind::Unsupported, message, position);
    }
    bad_data("unknown type code", position)
}

/// The positions of the objects that references name.
///
/// They are looked for only once a reference turns up. Tokens follow each other without gaps and objects are numbered in the order of their heads, so
/// one flat walk over what stands before the reference finds them all; decoding itself has no books to keep, nor has skipping.
#[derive(Debug, Default)]
pub(super) struct References {
    /// Up to here all have been found.
    scanned: usize,
    flagged: Vec<usize>,
    interned: Vec<usize>,
}

impl References {
    /// The position of the object that is named by `reference`, which stands at `at`.
    pub(super) fn object(&mut self, input: &[u8], reference: i64, at: usize) -> Result<usize, Error> {
        self.scan(input, at)?;
        before(&self.flagged, reference, at)
    }

    /// As [`Self::object`], for references of Python 2 to interned strings.
    pub(super) fn string(&mut self, input: &[u8], reference: i64, at: usize) -> Result<usize, Error> {
        self.scan(input, at)?;
        before(&self.interned, reference, at)
    }

    fn scan(&mut self, input: &[u8], end: usize) -> Result<(), Error> {
        let mut lexer = Lexer {
            input,
            at: self.scanned,
        };
        while lexer.at < end {
            let start = lexer.at;
            let token = lexer.next()?;
            if input[start] & FLAG_REF != 0 && token.is_numbered() {
                self.flagged.push(start);
            }
            if matches!(token, Token::Interned(_)) {
                self.interned.push(start);
            }
        }
        self.scanned = lexer.at;
        Ok(())
    }
}

fn before(positions: &[usize], reference: i64, at: usize) -> Result<usize, Error> {
    usize::try_from(reference)
        .ok()
        .and_then(|nr| positions.get(nr))
        .copied()
        .filter(|position| *position < at)
        .ok_or_else(|| bad_data("invalid reference", at))
}
