use std::fmt::{self, Display};
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use num_bigint::BigInt as Number;
use serde::de::{self, EnumAccess, SeqAccess, VariantAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::tag::{Tag, read_tag};

/// A Python int of any size.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BigInt(pub Number);

impl BigInt {
    /// The number when it fits 64 bits.
    pub fn to_i64(&self) -> Option<i64> {
        i64::try_from(&self.0).ok()
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        self.0.to_signed_bytes_le()
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> BigInt {
        BigInt(Number::from_signed_bytes_le(bytes))
    }
}

macro_rules! from {
    ($($small:ty)*) => { $(impl From<$small> for BigInt {
        fn from(number: $small) -> BigInt { BigInt(number.into()) }
    })* };
}

from!(i8 i16 i32 i64 i128 u8 u16 u32 u64 u128);

impl From<Number> for BigInt {
    fn from(number: Number) -> BigInt {
        BigInt(number)
    }
}

impl Display for BigInt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for BigInt {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.to_i64() {
            Some(small) => serializer.serialize_i64(small),
            None => serializer.serialize_newtype_struct(Tag::BigInt.name(), &super::text::RawBytes(&self.to_bytes())),
        }
    }
}

impl<'de> Deserialize<'de> for BigInt {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<BigInt, D::Error> {
        deserializer.deserialize_newtype_struct(Tag::BigInt.name(), BigIntVisitor)
    }
}

struct BigIntVisitor;

impl<'de> Visitor<'de> for BigIntVisitor {
    type Value = BigInt;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an integer")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<BigInt, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<BigInt, E> {
        Ok(number.into())
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<BigInt, E> {
        Ok(number.into())
    }

    fn visit_i128<E: de::Error>(self, number: i128) -> Result<BigInt, E> {
        Ok(number.into())
    }

    fn visit_u128<E: de::Error>(self, number: u128) -> Result<BigInt, E> {
        Ok(number.into())
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<BigInt, E> {
        Ok(BigInt::from_bytes(bytes))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<BigInt, A::Error> {
        match read_tag(data)? {
            (Tag::BigInt, content) => Ok(BigInt::from_bytes(
                &content.newtype_variant::<super::text::OwnedBytes>()?.0,
            )),
            (tag, _) => Err(super::de::wrong_tag(tag, &self)),
        }
    }
}

/// A Python complex number. Equality is of bits, as in [`Value`](crate::Value).
#[derive(Debug, Clone, Copy, Default)]
pub struct Complex {
    /// The real part.
    pub re: f64,
    /// The imaginary part.
    pub im: f64,
}

impl Complex {
    pub(crate) fn to_bytes(self) -> [u8; 16] {
        (u128::from(self.re.to_bits()) | u128::from(self.im.to_bits()) << 64).to_le_bytes()
    }

    pub(crate) fn from_bytes(bytes: [u8; 16]) -> Complex {
        let bits = u128::from_le_bytes(bytes);
        Complex {
            re: f64::from_bits(bits as u64),
            im: f64::from_bits((bits >> 64) as u64),
        }
    }
}

impl PartialEq for Complex {
    fn eq(&self, other: &Complex) -> bool {
        self.to_bytes() == other.to_bytes()
    }
}

impl Eq for Complex {}

impl Hash for Complex {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.to_bytes().hash(state);
    }
}

impl Serialize for Complex {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(Tag::Complex.name(), &super::text::RawBytes(&self.to_bytes()))
    }
}

impl<'de> Deserialize<'de> for Complex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Complex, D::Error> {
        deserializer.deserialize_newtype_struct(Tag::Complex.name(), ComplexVisitor)
    }
}

struct ComplexVisitor;

impl<'de> Visitor<'de> for ComplexVisitor {
    type Value = Complex;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a complex number")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Complex, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Complex, E> {
        Ok(Complex {
            re: number as f64,
            im: 0.0,
        })
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Complex, E> {
        Ok(Complex {
            re: number as f64,
            im: 0.0,
        })
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Complex, E> {
        Ok(Complex { re: number, im: 0.0 })
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Complex, E> {
        let bytes = bytes.try_into().map_err(|_| E::invalid_length(bytes.len(), &self))?;
        Ok(Complex::from_bytes(bytes))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Complex, A::Error> {
        let re = seq.next_element()?.ok_or_else(|| de::Error::invalid_length(0, &self))?;
        let im = seq.next_element()?.ok_or_else(|| de::Error::invalid_length(1, &self))?;
        Ok(Complex { re, im })
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<Complex, A::Error> {
        match read_tag(data)? {
            (Tag::Complex, content) => content.newtype_variant_seed(super::de::Through(self)),
            (tag, _) => Err(super::de::wrong_tag(tag, &self)),
        }
    }
}

/// A `decimal.Decimal`: the text that Python prints for it, such as `1.50`, `-1E+6`, `NaN` or `Infinity`. Of any precision.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Decimal(String);

impl Decimal {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is zero, of either sign and any exponent.
    pub(super) fn is_zero(&self) -> bool {
        let mantissa = self.0.split(['e', 'E']).next().unwrap_or_default();
        mantissa.bytes().all(|byte| matches!(byte, b'0' | b'.' | b'+' | b'-'))
    }

    fn is_valid(text: &str) -> bool {
        let body = text.strip_prefix(['+', '-']).unwrap_or(text);
        let lower = body.to_ascii_lowercase();
        if matches!(lower.as_str(), "inf" | "infinity") {
            return true;
        }
        if let Some(payload) = lower.strip_prefix("snan").or_else(|| lower.strip_prefix("nan")) {
            return payload.bytes().all(|byte| byte.is_ascii_digit());
        }
        let (mantissa, exponent) = lower.split_once('e').unwrap_or((&lower, "0"));
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        !(whole.is_empty() && fraction.is_empty())
            && digits(whole)
            && digits(fraction)
            && !exponent.is_empty()
            && digits(exponent)
    }
}

/// Takes the texts that Python's `Decimal(text)` takes. The error is the refused text.
impl FromStr for Decimal {
    type Err = String;

    fn from_str(text: &str) -> Result<Decimal, String> {
        if Decimal::is_valid(text) {
            Ok(Decimal(text.to_owned()))
        } else {
            Err(format!("not a decimal number: {text:?}"))
        }
    }
}

impl Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

super::de::text_type!(Decimal, Tag::Decimal, "a decimal number", ToString::to_string);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_decimals_that_python_takes() {
        for text in [
            "1", "-1.50", "+.5", "1.", "1E+6", "1e-7", "NaN", "-sNaN12", "Infinity", "-inf",
        ] {
            assert!(text.parse::<Decimal>().is_ok(), "{text}");
        }
        for text in ["", ".", "1e", "1.2.3", "abc", "0x1", "infinit", "1 "] {
            assert!(text.parse::<Decimal>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_big_number_survives_its_bytes() {
        for text in [
            "0",
            "-1",
            "170141183460469231731687303715884105728",
            "-99999999999999999999999999999",
        ] {
            let number = BigInt(text.parse().unwrap());
            assert_eq!(BigInt::from_bytes(&number.to_bytes()), number);
        }
    }
}
