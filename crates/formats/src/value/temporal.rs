use std::fmt::{self, Display};
use std::str::FromStr;

use jiff::civil;
use jiff::tz::Offset;
use serde::de::{self, EnumAccess, VariantAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::text::{OwnedBytes, RawBytes};
use crate::tag::{Tag, read_tag};

/// A `datetime.datetime`, to the microsecond. Its text is Python's `isoformat()`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DateTime {
    /// Date and time of day.
    pub civil: civil::DateTime,
    /// The offset from UTC; `None` for a naive datetime.
    pub offset: Option<Offset>,
    /// Python's `fold`: the second of two equal local times when a clock is put back.
    pub fold: bool,
}

/// A `datetime.date`. Its text is Python's `isoformat()`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Date(pub civil::Date);

/// A `datetime.time`, to the microsecond. Its text is Python's `isoformat()`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Time {
    /// The time of day.
    pub civil: civil::Time,
    /// The offset from UTC; `None` for a naive time.
    pub offset: Option<Offset>,
    /// As in [`DateTime`].
    pub fold: bool,
}

/// A `datetime.timedelta` in Python's normal form: only the days may be negative.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TimeDelta {
    days: i32,
    seconds: i32,
    microseconds: i32,
}

/// A text that is no date or time of the kind that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidTemporal(String);

impl Display for InvalidTemporal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidTemporal {}

/// Takes `YYYY-MM-DD`, `T` or a blank, and the texts of [`Time`].
impl FromStr for DateTime {
    type Err = InvalidTemporal;

    fn from_str(text: &str) -> Result<DateTime, InvalidTemporal> {
        let invalid = || InvalidTemporal(format!("not a date and time in ISO 8601: {text:?}"));
        let (date, time) = text.split_once(['T', ' ']).ok_or_else(invalid)?;
        let date: Date = date.parse().map_err(|_| invalid())?;
        let time: Time = time.parse().map_err(|_| invalid())?;
        Ok(DateTime {
            civil: date.0.to_datetime(time.civil),
            offset: time.offset,
            fold: time.fold,
        })
    }
}

impl Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = Time {
            civil: self.civil.time(),
            offset: self.offset,
            fold: self.fold,
        };
        write!(f, "{}T{time}", Date(self.civil.date()))
    }
}

/// Takes `YYYY-MM-DD`.
impl FromStr for Date {
    type Err = InvalidTemporal;

    fn from_str(text: &str) -> Result<Date, InvalidTemporal> {
        let invalid = || InvalidTemporal(format!("not a date in ISO 8601: {text:?}"));
        let mut parts = text.splitn(3, '-');
        let mut part = |digits| parts.next().and_then(|part| number(part, digits)).ok_or_else(invalid);
        let (year, month, day) = (part(4)?, part(2)?, part(2)?);
        if year == 0 {
            return Err(invalid());
        }
        civil::Date::new(year as i16, month as i8, day as i8)
            .map(Date)
            .map_err(|_| invalid())
    }
}

impl Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.0.year(), self.0.month(), self.0.day())
    }
}

/// Takes `HH:MM:SS`, behind it perhaps `.ffffff`, behind that perhaps `+HH:MM` or `+HH:MM:SS`.
impl FromStr for Time {
    type Err = InvalidTemporal;

    fn from_str(text: &str) -> Result<Time, InvalidTemporal> {
        parse_time(text).ok_or_else(|| InvalidTemporal(format!("not a time in ISO 8601: {text:?}")))
    }
}

fn parse_time(text: &str) -> Option<Time> {
    let (text, fold) = match text.strip_suffix(FOLD) {
        Some(text) => (text, true),
        None => (text, false),
    };
    let (clock, offset) = match text.find(['+', '-']) {
        Some(at) => (&text[..at], Some(parse_offset(&text[at..])?)),
        None => (text, None),
    };
    let (clock, micros) = match clock.split_once('.') {
        Some((clock, fraction)) => (clock, number(fraction, 6)?),
        None => (clock, 0),
    };
    let mut parts = clock.splitn(3, ':');
    let mut part = || number(parts.next()?, 2);
    let (hour, minute, second) = (part()?, part()?, part()?);
    let civil = civil::Time::new(hour as i8, minute as i8, second as i8, micros * 1000).ok()?;
    Some(Time { civil, offset, fold })
}

fn parse_offset(text: &str) -> Option<Offset> {
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let mut seconds = 0;
    let mut unit = 3600;
    for part in text[1..].splitn(3, ':') {
        seconds += unit * number(part, 2)?;
        unit /= 60;
    }
    Offset::from_seconds(sign * seconds).ok()
}

/// The number that exactly this many digits stand for.
fn number(text: &str, digits: usize) -> Option<i32> {
    if text.len() != digits || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// Marks `fold` in the private form that travels through serde; no text of Python has it.
const FOLD: &str = ";fold=1";

impl Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = self.civil;
        write!(f, "{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second())?;
        let micros = time.subsec_nanosecond() / 1000;
        if micros != 0 {
            write!(f, ".{micros:06}")?;
        }
        self.offset.map_or(Ok(()), |offset| write_offset(f, offset))
    }
}

fn write_offset(f: &mut fmt::Formatter<'_>, offset: Offset) -> fmt::Result {
    let seconds = offset.seconds();
    let sign = if seconds < 0 { '-' } else { '+' };
    let seconds = seconds.abs();
    write!(f, "{sign}{:02}:{:02}", seconds / 3600, seconds / 60 % 60)?;
    if seconds % 60 != 0 {
        write!(f, ":{:02}", seconds % 60)?;
    }
    Ok(())
}

impl TimeDelta {
    /// The time difference of so many days, seconds and microseconds, brought into normal form. `None` beyond Python's ± 999,999,999 days.
    pub fn new(days: i64, seconds: i64, microseconds: i64) -> Option<TimeDelta> {
        let seconds = seconds.checked_add(microseconds.div_euclid(1_000_000))?;
        let days = days.checked_add(seconds.div_euclid(86_400))?;
        let days = i32::try_from(days).ok().filter(|days| days.abs() <= 999_999_999)?;
        Some(TimeDelta {
            days,
            seconds: seconds.rem_euclid(86_400) as i32,
            microseconds: microseconds.rem_euclid(1_000_000) as i32,
        })
    }

    /// The days, negative for a negative difference.
    pub fn days(self) -> i32 {
        self.days
    }

    /// The seconds beside the days, 0 to 86,399.
    pub fn seconds(self) -> i32 {
        self.seconds
    }

    /// The microseconds beside the seconds, 0 to 999,999.
    pub fn microseconds(self) -> i32 {
        self.microseconds
    }

    /// Python's `total_seconds()`.
    pub fn total_seconds(self) -> f64 {
        let micros =
            (i128::from(self.days) * 86_400 + i128::from(self.seconds)) * 1_000_000 + i128::from(self.microseconds);
        micros as f64 / 1e6
    }

    pub(super) fn to_bytes(self) -> [u8; 12] {
        let mut bytes = [0; 12];
        for (chunk, part) in bytes
            .chunks_exact_mut(4)
            .zip([self.days, self.seconds, self.microseconds])
        {
            chunk.copy_from_slice(&part.to_le_bytes());
        }
        bytes
    }

    pub(crate) fn from_bytes(bytes: [u8; 12]) -> TimeDelta {
        let part = |at: usize| i32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        TimeDelta {
            days: part(0),
            seconds: part(4),
            microseconds: part(8),
        }
    }
}

impl Serialize for TimeDelta {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(Tag::TimeDelta.name(), &RawBytes(&self.to_bytes()))
    }
}

/// Takes a timedelta, and the number of seconds that serpent makes of one.
impl<'de> Deserialize<'de> for TimeDelta {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<TimeDelta, D::Error> {
        deserializer.deserialize_newtype_struct(Tag::TimeDelta.name(), TimeDeltaVisitor)
    }
}

struct TimeDeltaVisitor;

impl<'de> Visitor<'de> for TimeDeltaVisitor {
    type Value = TimeDelta;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a time difference")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<TimeDelta, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_i64<E: de::Error>(self, seconds: i64) -> Result<TimeDelta, E> {
        TimeDelta::new(0, seconds, 0).ok_or_else(|| E::custom("more than 999999999 days"))
    }

    fn visit_f64<E: de::Error>(self, seconds: f64) -> Result<TimeDelta, E> {
        let days = (seconds / 86_400.0).floor();
        if days.is_nan() || days.abs() > 999_999_999.0 {
            return Err(E::custom("more than 999999999 days"));
        }
        let micros = ((seconds - days * 86_400.0) * 1e6).round_ties_even();
        TimeDelta::new(days as i64, 0, micros as i64).ok_or_else(|| E::custom("more than 999999999 days"))
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<TimeDelta, E> {
        let bytes = bytes.try_into().map_err(|_| E::invalid_length(bytes.len(), &self))?;
        Ok(TimeDelta::from_bytes(bytes))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<TimeDelta, A::Error> {
        match read_tag(data)? {
            (Tag::TimeDelta, content) => self.visit_bytes(&content.newtype_variant::<OwnedBytes>()?.0),
            (tag, _) => Err(super::de::wrong_tag(tag, &self)),
        }
    }
}

/// The text that travels through serde.
pub(super) trait PrivateText {
    fn private_text(&self) -> String;
}

impl PrivateText for Date {
    fn private_text(&self) -> String {
        self.to_string()
    }
}

impl PrivateText for DateTime {
    fn private_text(&self) -> String {
        format!("{self}{}", if self.fold { FOLD } else { "" })
    }
}

impl PrivateText for Time {
    fn private_text(&self) -> String {
        format!("{self}{}", if self.fold { FOLD } else { "" })
    }
}

super::de::text_type!(DateTime, Tag::DateTime, "a date and time", PrivateText::private_text);
super::de::text_type!(Date, Tag::Date, "a date", PrivateText::private_text);
super::de::text_type!(Time, Tag::Time, "a time", PrivateText::private_text);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iso_texts_of_python_come_back_as_they_were() {
        for text in [
            "2024-02-29T12:34:56",
            "0001-01-01T00:00:00",
            "9999-12-31T23:59:59.999999",
            "2024-02-29T12:34:56.000001+05:30",
            "2024-02-29T12:34:56-00:00:01",
        ] {
            assert_eq!(text.parse::<DateTime>().unwrap().to_string(), text);
        }
        for text in [
            "2024-02-30T00:00:00",
            "2024-2-3T00:00:00",
            "0000-01-01T00:00:00",
            "2024-02-03",
            "2024-02-03T24:00:00",
            "",
        ] {
            assert!(text.parse::<DateTime>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_negative_difference_has_only_negative_days() {
        let delta = TimeDelta::new(0, -1, -1).unwrap();
        assert_eq!(
            (delta.days(), delta.seconds(), delta.microseconds()),
            (-1, 86_398, 999_999)
        );
        assert_eq!(delta.total_seconds(), -1.000001);
        assert_eq!(TimeDelta::from_bytes(delta.to_bytes()), delta);
        assert_eq!(TimeDelta::new(1_000_000_000, 0, 0), None);
    }
}
