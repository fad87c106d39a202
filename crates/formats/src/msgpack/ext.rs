//! The extension types: those of Pyro, and the timestamp of MessagePack itself.

use jiff::civil::{self, date};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp};
use num_bigint::BigInt as Number;

use crate::refusal::check_digits;
use crate::value::repr::write_bytes;
use crate::value::{BigInt, Complex, Date, DateTime, Dict, Instance, Value};
use crate::{Error, ErrorKind, Limits};

pub(super) const COMPLEX: i8 = 0x30;
pub(super) const LONG: i8 = 0x31;
pub(super) const DATETIME: i8 = 0x32;
pub(super) const DATE: i8 = 0x33;
const TIMESTAMP: i8 = -1;

const EPOCH: civil::DateTime = date(1970, 1, 1).at(0, 0, 0, 0);
/// The ordinal of 1970-01-01; that of 0001-01-01 is 1.
const EPOCH_ORDINAL: i64 = 719_163;
const LAST_ORDINAL: i64 = 3_652_059;

/// The value of an extension's bytes.
pub(super) fn read(code: i8, data: &[u8], limits: &Limits, time_zone: fn() -> TimeZone) -> Result<Value, Error> {
    let value = match code {
        COMPLEX => complex(data),
        LONG => return long(data, limits),
        DATETIME => array(data).and_then(|bytes| datetime(f64::from_le_bytes(bytes), &time_zone())),
        DATE => date_of(data),
        TIMESTAMP => timestamp(data),
        _ => Err(format!("invalid ext code for msgpack: {code}")),
    };
    value.map_err(|message| Error::new(ErrorKind::Data, message))
}

fn array<const N: usize>(data: &[u8]) -> Result<[u8; N], String> {
    data.try_into()
        .map_err(|_| format!("unpack requires a buffer of {N} bytes"))
}

fn complex(data: &[u8]) -> Result<Value, String> {
    Ok(Value::Complex(Complex::from_bytes(array(data)?)))
}

/// An int as Python's `int()` reads it: with blanks around it, and underscores between digits.
fn long(data: &[u8], limits: &Limits) -> Result<Value, Error> {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t'..=b'\r');
    let start = data.iter().position(|byte| !is_blank(byte)).unwrap_or(data.len());
    let end = data
        .iter()
        .rposition(|byte| !is_blank(byte))
        .map_or(start, |last| last + 1);
    let signed = &data[start..end];
    let unsigned = match signed {
        [b'+' | b'-', rest @ ..] => rest,
        _ => signed,
    };
    let is_number = unsigned
        .split(|&byte| byte == b'_')
        .all(|part| !part.is_empty() && part.iter().all(u8::is_ascii_digit));
    if !is_number {
        return Err(Error::new(ErrorKind::Data, invalid_literal(data)));
    }
    check_digits(unsigned.iter().filter(|&&byte| byte != b'_').count(), limits)?;
    let number = Number::parse_bytes(signed, 10);
    let number = number.ok_or_else(|| Error::new(ErrorKind::Data, invalid_literal(data)))?;
    Ok(BigInt(number).into())
}

fn invalid_literal(data: &[u8]) -> String {
    let mut message = "invalid literal for int() with base 10: ".to_owned();
    // A String takes all that is written.
    let _ = write_bytes(&mut message, data);
    message
}

fn date_of(data: &[u8]) -> Result<Value, String> {
    let ordinal = match <[u8; 4]>::try_from(data) {
        // A C long of Windows.
        Ok(bytes) => i32::from_le_bytes(bytes).into(),
        Err(_) => i64::from_le_bytes(array(data)?),
    };
    match ordinal {
        ..1 => Err("ordinal must be >= 1".to_owned()),
        1..=LAST_ORDINAL => days_after_epoch(ordinal - EPOCH_ORDINAL).map(Value::Date),
        _ => Err(format!("ordinal {ordinal} is out of range")),
    }
}

fn days_after_epoch(days: i64) -> Result<Date, String> {
    let moment = EPOCH.checked_add(SignedDuration::from_hours(days * 24));
    moment
        .map(|moment| Date(moment.date()))
        .map_err(|error| error.to_string())
}

/// The bytes of a date.
pub(super) fn date_bytes(date: Date) -> [u8; 8] {
    let days = EPOCH.date().duration_until(date.0).as_hours() / 24;
    (EPOCH_ORDINAL + days).to_le_bytes()
}

/// Python's `datetime.fromtimestamp()`.
fn datetime(seconds: f64, time_zone: &TimeZone) -> Result<Value, String> {
    let out_of_range = || format!("timestamp {seconds:?} is out of range for a datetime");
    if !(-1e12..1e12).contains(&seconds) {
        return Err(out_of_range());
    }
    let micros = (seconds.fract() * 1e6).round_ties_even() as i64;
    let whole = seconds.trunc() as i64 + micros.div_euclid(1_000_000);
    let micros = micros.rem_euclid(1_000_000);

    // Near its ends, Python's range is wider than that of a `Timestamp`.
    let near = whole.clamp(Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
    let timestamp = Timestamp::from_second(near).map_err(|_| out_of_range())?;
    let offset = time_zone.to_offset(timestamp);
    let local = SignedDuration::new(whole + i64::from(offset.seconds()), (micros * 1000) as i32);
    let civil = EPOCH.checked_add(local).map_err(|_| out_of_range())?;
    if civil.year() < 1 {
        return Err(out_of_range());
    }
    let fold = matches!(
        time_zone.to_ambiguous_timestamp(civil).offset(),
        AmbiguousOffset::Fold { after, .. } if after == offset
    );
    Ok(Value::DateTime(Box::new(DateTime {
        civil,
        offset: None,
        fold,
    })))
}

/// The bytes of a naive datetime: Python's `timestamp()`.
pub(super) fn datetime_bytes(moment: DateTime, time_zone: &TimeZone) -> Result<[u8; 8], Error> {
    if moment.offset.is_some() {
        return Err(Error::unsupported(
            "msgpack cannot serialize datetime with timezone info",
        ));
    }
    // Python looks at the offset of the day before.
    if moment.civil.date() <= date(1, 1, 1) {
        return Err(Error::unsupported("year 0 is out of range"));
    }
    let offset = match time_zone.to_ambiguous_timestamp(moment.civil).offset() {
        AmbiguousOffset::Unambiguous { offset } => offset,
        AmbiguousOffset::Gap { before, after } | AmbiguousOffset::Fold { before, after } => {
            if moment.fold {
                after
            } else {
                before
            }
        }
    };
    let local = EPOCH.duration_until(moment.civil);
    // Not rounded towards zero: the microseconds always count forwards.
    let micros = i64::from(moment.civil.subsec_nanosecond() / 1000);
    let whole = local.as_micros().div_euclid(1_000_000) as i64 - i64::from(offset.seconds());
    Ok((whole as f64 + micros as f64 / 1e6).to_le_bytes())
}

/// MessagePack's own timestamp, as the object that msgpack for Python makes of it.
fn timestamp(data: &[u8]) -> Result<Value, String> {
    let (seconds, nanoseconds) = match data.len() {
        4 => (u32::from_be_bytes(array(data)?).into(), 0),
        8 => {
            let bits = u64::from_be_bytes(array(data)?);
            ((bits & 0x3_FFFF_FFFF) as i64, (bits >> 34) as u32)
        }
        12 => (
            i64::from_be_bytes(array(&data[4..])?),
            u32::from_be_bytes(array(&data[..4])?),
        ),
        _ => return Err("Timestamp type can only be created from 32, 64, or 96-bit byte objects".to_owned()),
    };
    if nanoseconds >= 1_000_000_000 {
        return Err("nanoseconds must be a non-negative integer less than 999999999.".to_owned());
    }
    Ok(Value::from(Instance {
        class: "msgpack.ext.Timestamp".to_owned(),
        attributes: Dict::from([("seconds", seconds), ("nanoseconds", nanoseconds.into())]),
    }))
}
