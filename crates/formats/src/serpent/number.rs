use num_bigint::BigUint;

use super::scan::{Scanner, is_name};
use crate::Error;
use crate::value::{BigInt, Complex};

/// A number of any of Python's types.
pub(super) enum Number {
    Int(i64),
    /// Beyond `i64`.
    Unsigned(u64),
    /// Beyond `u64`.
    Big(BigInt),
    Float(f64),
    Complex(Complex),
}

/// A number as it is written, without sign.
struct Literal<'de> {
    text: &'de [u8],
    kind: Kind,
    underscores: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Decimal,
    /// With a prefix such as `0x`; its number of bits per digit.
    Radix(u32),
    Float,
    Imaginary,
}

impl<'de> Scanner<'de> {
    /// Takes a number with its sign, and what may be added to it to make a complex number.
    pub(super) fn number(&mut self) -> Result<Number, Error> {
        if let Some(number) = self.short_int() {
            return Ok(Number::Int(number));
        }
        let negative = self.sign();
        let literal = self.literal()?;
        let left = self.value_of(&literal, negative)?;
        match self.peek() {
            b'+' | b'-' => self.sum(left),
            _ => Ok(left),
        }
    }

    /// Takes an int as most of them are: of at most 18 decimal digits, with a comma or bracket behind it. Nothing if it is not that plain.
    fn short_int(&mut self) -> Option<i64> {
        let rest = &self.input[self.at..];
        let negative = rest.first() == Some(&b'-');
        let digits = &rest[usize::from(negative)..];
        let mut number = 0;
        for (length, byte) in digits.iter().take(19).enumerate() {
            match byte {
                b'0'..=b'9' if length < 18 => number = number * 10 + i64::from(byte - b'0'),
                b',' | b']' | b')' | b'}' | b':' if length == 1 || length > 0 && digits[0] != b'0' => {
                    self.at += usize::from(negative) + length;
                    return Some(if negative { -number } else { number });
                }
                _ => return None,
            }
        }
        None
    }

    pub(super) fn skip_number(&mut self) -> Result<(), Error> {
        self.sign();
        self.literal()?;
        if matches!(self.peek(), b'+' | b'-') {
            self.sign();
            self.sign();
            self.literal()?;
        }
        Ok(())
    }

    /// Takes a sign if there is one. True for minus.
    fn sign(&mut self) -> bool {
        let sign = self.byte(0);
        if matches!(sign, b'+' | b'-') {
            self.at += 1;
            self.peek();
        }
        sign == b'-'
    }

    fn sum(&mut self, left: Number) -> Result<Number, Error> {
        let start = self.at;
        let malformed = || Error::syntax("malformed node or string: a sum that is no complex number", start);
        let re = match left {
            Number::Int(number) => number as f64,
            Number::Unsigned(number) => number as f64,
            Number::Float(number) => number,
            Number::Big(number) => to_float(&number).ok_or_else(|| Error::syntax(TOO_LARGE, start))?,
            Number::Complex(_) => return Err(malformed()),
        };
        let negative = self.sign();
        // Python 2 writes `(1.0+-0.0j)`.
        let im_negative = self.sign();
        let literal = self.literal()?;
        if literal.kind != Kind::Imaginary {
            return Err(malformed());
        }
        let im = self.float_of(&literal)?;
        let im = if im_negative { -im } else { im };
        // As Python computes it up to 3.13, where this is a sum of two complex numbers: some signs of zeros are lost.
        Ok(Number::Complex(match negative {
            false => Complex {
                re: re + 0.0,
                im: 0.0 + im,
            },
            true => Complex { re, im: 0.0 - im },
        }))
    }

    fn literal(&mut self) -> Result<Literal<'de>, Error> {
        let start = self.at;
        let (kind, underscores) = match (self.byte(0), self.byte(1)) {
            (b'0', b'x' | b'X') => (Kind::Radix(4), self.radix_digits(16)?),
            (b'0', b'o' | b'O') => (Kind::Radix(3), self.radix_digits(8)?),
            (b'0', b'b' | b'B') => (Kind::Radix(1), self.radix_digits(2)?),
            (b'0'..=b'9', _) | (b'.', b'0'..=b'9') => self.decimal()?,
            _ => return Err(self.unexpected("a number")),
        };
        let text = &self.input[start..self.at];
        if is_name(self.byte(0)) {
            return Err(Error::syntax("invalid number literal", start));
        }
        if text.len() > self.limits.bytes {
            return Err(self.limit(format!("a number of more than {} bytes", self.limits.bytes)));
        }
        if kind == Kind::Decimal && text[0] == b'0' && text.iter().any(|digit| !matches!(digit, b'0' | b'_')) {
            return Err(Error::syntax(
                "leading zeros in decimal integer literals are not permitted; use an 0o prefix for octal integers",
                start,
            ));
        }
        Ok(Literal {
            text,
            kind,
            underscores,
        })
    }

    /// Takes the digits behind a prefix, and gives whether there are underscores between them.
    fn radix_digits(&mut self, radix: u32) -> Result<bool, Error> {
        self.at += 2;
        let start = self.at;
        if self.byte(0) == b'_' {
            self.at += 1;
        }
        let underscores = self.digits(|byte| char::from(byte).is_digit(radix))?;
        Ok(underscores || self.input[start] == b'_')
    }

    fn decimal(&mut self) -> Result<(Kind, bool), Error> {
        let mut kind = Kind::Decimal;
        let mut underscores = false;
        if self.byte(0) != b'.' {
            underscores = self.decimal_digits()?;
        }
        if self.byte(0) == b'.' {
            kind = Kind::Float;
            self.at += 1;
            if self.byte(0).is_ascii_digit() {
                underscores |= self.decimal_digits()?;
            }
        }
        if matches!(self.byte(0), b'e' | b'E') {
            kind = Kind::Float;
            self.at += 1;
            if matches!(self.byte(0), b'+' | b'-') {
                self.at += 1;
            }
            underscores |= self.decimal_digits()?;
        }
        if matches!(self.byte(0), b'j' | b'J') {
            kind = Kind::Imaginary;
            self.at += 1;
        }
        Ok((kind, underscores))
    }

    fn decimal_digits(&mut self) -> Result<bool, Error> {
        self.digits(|byte| byte.is_ascii_digit())
    }

    /// Takes digits, at least one, with single underscores between them. True when there are any of these.
    fn digits(&mut self, is_digit: impl Fn(u8) -> bool) -> Result<bool, Error> {
        let mut underscores = false;
        loop {
            let start = self.at;
            self.at += self.input[start..].iter().take_while(|byte| is_digit(**byte)).count();
            if self.at == start {
                return Err(self.unexpected("a digit"));
            }
            if self.byte(0) != b'_' {
                return Ok(underscores);
            }
            underscores = true;
            self.at += 1;
        }
    }

    fn value_of(&self, literal: &Literal<'de>, negative: bool) -> Result<Number, Error> {
        match literal.kind {
            Kind::Decimal if literal.text.len() <= 18 && !literal.underscores => {
                let digit = |number: i64, byte: &u8| number * 10 + i64::from(byte - b'0');
                let number = literal.text.iter().fold(0, digit);
                Ok(Number::Int(if negative { -number } else { number }))
            }
            Kind::Decimal | Kind::Radix(_) => self.big(literal, negative),
            Kind::Float => {
                let number = self.float_of(literal)?;
                Ok(Number::Float(if negative { -number } else { number }))
            }
            Kind::Imaginary => {
                let im = self.float_of(literal)?;
                Ok(Number::Complex(match negative {
                    false => Complex { re: 0.0, im },
                    true => Complex { re: -0.0, im: -im },
                }))
            }
        }
    }

    fn big(&self, literal: &Literal<'de>, negative: bool) -> Result<Number, Error> {
        let digits: Vec<u8> = literal.text.iter().copied().filter(|byte| *byte != b'_').collect();
        let magnitude = match literal.kind {
            Kind::Radix(bits) => BigUint::parse_bytes(&digits[2..], 1 << bits),
            _ if digits.len() > self.limits.int_digits => {
                return Err(self.limit(format!(
                    "Exceeds the limit ({} digits) for integer string conversion: value has {} digits",
                    self.limits.int_digits,
                    digits.len()
                )));
            }
            _ => BigUint::parse_bytes(&digits, 10),
        };
        let magnitude = num_bigint::BigInt::from(magnitude.ok_or_else(|| self.unexpected("a number"))?);
        let number = if negative { -magnitude } else { magnitude };
        Ok(match (i64::try_from(&number), u64::try_from(&number)) {
            (Ok(number), _) => Number::Int(number),
            (_, Ok(number)) => Number::Unsigned(number),
            _ => Number::Big(BigInt(number)),
        })
    }

    fn float_of(&self, literal: &Literal<'de>) -> Result<f64, Error> {
        let digits = match literal.kind {
            Kind::Imaginary => &literal.text[..literal.text.len() - 1],
            _ => literal.text,
        };
        let text = std::str::from_utf8(digits).map_err(|_| self.unexpected("a number"))?;
        let number = match literal.underscores {
            true => text.replace('_', "").parse(),
            false => text.parse(),
        };
        number.map_err(|_| self.unexpected("a number"))
    }
}

const TOO_LARGE: &str = "int too large to convert to float";

/// The nearest float; `None` beyond the range of floats.
pub(super) fn to_float(number: &BigInt) -> Option<f64> {
    number
        .to_string()
        .parse()
        .ok()
        .filter(|number: &f64| number.is_finite())
}
