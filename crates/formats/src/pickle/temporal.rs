//! The types of Python's module datetime: how they stand in a pickle.

use jiff::civil;
use jiff::tz::Offset;

use super::document::{By, Document, Node, Object};
use super::write::Writer;
use crate::{Date, DateTime, Error, Time, TimeDelta, Value};

/// The value that this class of datetime makes of its arguments.
pub(super) fn read(document: &Document<'_>, class: &str, args: &[Node<'_>]) -> Option<Value> {
    let (state, zone) = match args {
        [state] => (state, None),
        [state, zone] => (state, Some(offset(document, *zone)?)),
        [days, seconds, microseconds] if class == "timedelta" => {
            return timedelta(document, [*days, *seconds, *microseconds]).map(Value::TimeDelta);
        }
        _ => return None,
    };
    let state = document.bytes(*state)?;
    match (class, &*state) {
        ("date", [high, low, month, day]) => {
            let date = date([*high, *low], *month, *day)?;
            Some(Value::Date(Date(date)))
        }
        ("datetime", [high, low, month, day, time @ ..]) => Some(Value::DateTime(Box::new(DateTime {
            civil: date([*high, *low], month & !FOLD, *day)?.to_datetime(clock(time)?),
            offset: zone,
            fold: month & FOLD != 0,
        }))),
        ("time", [hour, rest @ ..]) => Some(Value::Time(Box::new(Time {
            civil: clock(&[&[hour & !FOLD], rest].concat())?,
            offset: zone,
            fold: hour & FOLD != 0,
        }))),
        _ => None,
    }
}

/// Marks a month or an hour where Python's `fold` is set.
const FOLD: u8 = 0x80;

fn date(year: [u8; 2], month: u8, day: u8) -> Option<civil::Date> {
    let year = i16::from_be_bytes(year);
    let date = civil::Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
    (1..=9999).contains(&year).then_some(date)
}

fn clock(bytes: &[u8]) -> Option<civil::Time> {
    let [hour, minute, second, micros @ ..] = bytes else {
        return None;
    };
    let [high, middle, low] = <[u8; 3]>::try_from(micros).ok()?;
    let micros = i32::from_be_bytes([0, high, middle, low]);
    let part = |part: u8| i8::try_from(part).ok();
    let nanos = Some(micros).filter(|micros| *micros < 1_000_000)? * 1000;
    civil::Time::new(part(*hour)?, part(*minute)?, part(*second)?, nanos).ok()
}

fn timedelta(document: &Document<'_>, [days, seconds, microseconds]: [Node<'_>; 3]) -> Option<TimeDelta> {
    let int = |node| document.small_int(node);
    TimeDelta::new(int(days)?, int(seconds)?, int(microseconds)?)
}

/// The offset of a `datetime.timezone`. Its name, if it has one of its own, does not count.
fn offset(document: &Document<'_>, zone: Node<'_>) -> Option<Offset> {
    let (delta, _name) = arguments(document, zone, "timezone")?.split_first()?;
    let delta = arguments(document, *delta, "timedelta")?;
    let delta = timedelta(document, delta.try_into().ok()?)?;
    let seconds = delta.days().checked_mul(86_400)?.checked_add(delta.seconds())?;
    let whole = delta.microseconds() == 0;
    Offset::from_seconds(seconds).ok().filter(|_| whole)
}

/// The arguments, if the node is a call of this class of datetime.
fn arguments<'a, 'de>(document: &'a Document<'de>, node: Node<'de>, class: &str) -> Option<&'a [Node<'de>]> {
    match document.object(node)? {
        Object::Made(made) if made.by == By::Call && made.steps.is_empty() => {
            document
                .global(made.callee)
                .filter(|callee| callee.is("datetime", class))?;
            document.tuple(made.args)
        }
        _ => None,
    }
}

/// Writes a `datetime.datetime`.
pub(super) fn write_datetime(writer: &mut Writer<'_>, moment: &DateTime) -> Result<(), Error> {
    let mut state = date_bytes(moment.civil.date()).to_vec();
    state.extend_from_slice(&clock_bytes(moment.civil.time()));
    if moment.fold && writer.protocol > 3 {
        state[2] |= FOLD;
    }
    write(writer, "datetime", &state, moment.offset)
}

/// Writes a `datetime.date`.
pub(super) fn write_date(writer: &mut Writer<'_>, date: Date) -> Result<(), Error> {
    write(writer, "date", &date_bytes(date.0), None)
}

/// Writes a `datetime.time`.
pub(super) fn write_time(writer: &mut Writer<'_>, time: &Time) -> Result<(), Error> {
    let mut state = clock_bytes(time.civil);
    if time.fold && writer.protocol > 3 {
        state[0] |= FOLD;
    }
    write(writer, "time", &state, time.offset)
}

/// Writes a `datetime.timedelta`.
pub(super) fn write_timedelta(writer: &mut Writer<'_>, delta: TimeDelta) -> Result<(), Error> {
    writer.start_call("datetime", "timedelta", 3)?;
    for part in [delta.days(), delta.seconds(), delta.microseconds()] {
        writer.int(part.into());
    }
    writer.end_call(3);
    Ok(())
}

fn write(writer: &mut Writer<'_>, class: &str, state: &[u8], offset: Option<Offset>) -> Result<(), Error> {
    let arguments = 1 + usize::from(offset.is_some());
    writer.start_call("datetime", class, arguments)?;
    writer.bytes(state)?;
    if let Some(offset) = offset {
        writer.start_call("datetime", "timezone", 1)?;
        let delta = TimeDelta::new(0, offset.seconds().into(), 0).unwrap_or_default();
        write_timedelta(writer, delta)?;
        writer.end_call(1);
    }
    writer.end_call(arguments);
    Ok(())
}

fn date_bytes(date: civil::Date) -> [u8; 4] {
    let [high, low] = date.year().to_be_bytes();
    [high, low, date.month() as u8, date.day() as u8]
}

fn clock_bytes(time: civil::Time) -> [u8; 6] {
    let [_, high, middle, low] = (time.subsec_nanosecond() / 1000).to_be_bytes();
    [
        time.hour() as u8,
        time.minute() as u8,
        time.second() as u8,
        high,
        middle,
        low,
    ]
}
