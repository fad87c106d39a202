//! MessagePack as Pyro's msgpack serializer writes and reads it.
//!
//! | Python | is written as | reads as |
//! |---|---|---|
//! | None, True, False | nil, true, false | the same |
//! | int from -2⁶³ to 2⁶⁴-1 | the smallest int form | the same |
//! | other ints (at most 4300 digits) | extension 0x31: decimal digits | the same |
//! | float | float 64; bits are kept | the same, from float 32 too |
//! | str | the str family | the same |
//! | a str with lone surrogates | refused | |
//! | bytes, bytearray | the bin family | bytes |
//! | list, tuple, set | the array family | list (as dict key: tuple) |
//! | dict | the map family, in order | dict; of equal keys the last one counts |
//! | complex | extension 0x30: two little-endian doubles | the same |
//! | naive datetime | extension 0x32: seconds since the epoch as a little-endian double | the same, in the reader's time zone |
//! | aware datetime | refused | |
//! | date | extension 0x33: its ordinal as a little-endian 64-bit int | the same, from 32 bits too (Windows) |
//! | Decimal, UUID | str | str |
//! | exception, instance | its class dict | dict |
//! | frozenset, time, timedelta, class, Ellipsis | refused | |
//! | (no type of Python's own) | | extension -1: an instance of `msgpack.ext.Timestamp` with `seconds` and `nanoseconds` |
//!
//! Rust's structs are dicts, its tuples are lists, its enums are as in serde_json.
//!
//! A naive datetime travels as a moment, so both sides must live in the same time zone if it is to stay the same. The real Pyro refuses to read
//! dicts whose keys are neither str nor bytes; here that is so only on request ([`Deserializer::strict_map_key`]). A real Pyro4 server does
//! not decode the extensions in the arguments of a call.
//!
//! ```
//! use ferropyro_formats::{Value, msgpack};
//!
//! let bytes = msgpack::to_vec(&("täxt", [1_u8, 200], None::<bool>))?;
//! assert_eq!(bytes, b"\x93\xa5t\xc3\xa4xt\x92\x01\xcc\xc8\xc0");
//! assert_eq!(msgpack::from_slice::<(String, Vec<u8>, Option<bool>)>(&bytes)?.0, "täxt");
//! assert_eq!(msgpack::from_slice::<Value>(b"\x81\xa1a\xc4\x01b")?.to_string(), "{'a': b'b'}");
//! # Ok::<(), ferropyro_formats::Error>(())
//! ```

mod de;
mod ext;
mod read;
mod ser;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

pub use de::Deserializer;
pub use ser::Serializer;

use crate::{ClassNames, Error, Limits, same_class_names};

/// The limits under which msgpack for Python works.
pub const LIMITS: Limits = Limits::with_depth(1024);

/// How to write.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Translates the class names of class dicts.
    pub class_names: ClassNames,
    /// Gives the time zone of naive datetimes; that of the system, unless set.
    pub time_zone: fn() -> TimeZone,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            class_names: same_class_names,
            time_zone: TimeZone::system,
        }
    }
}

/// The bytes of a value.
///
/// Errors: what Pyro's msgpack refuses (see the [module](self)), with its text; nesting deeper than [`LIMITS`].
pub fn to_vec<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, Error> {
    let mut out = Vec::with_capacity(128);
    append(&mut out, value, &Options::default())?;
    Ok(out)
}

/// Appends the bytes of a value to `out`, which is left as it was when that fails. Errors: as [`to_vec`].
pub fn append<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T, options: &Options) -> Result<(), Error> {
    crate::ser::append(out, |out| value.serialize(&mut Serializer::new(out, *options)))
}

/// The value of some bytes, under [`LIMITS`].
///
/// Errors: bytes that are no MessagePack, unknown extensions, and what does not fit the type.
pub fn from_slice<'de, T: Deserialize<'de>>(input: &'de [u8]) -> Result<T, Error> {
    from_slice_with(input, &LIMITS)
}

/// As [`from_slice`], under other limits.
pub fn from_slice_with<'de, T: Deserialize<'de>>(input: &'de [u8], limits: &Limits) -> Result<T, Error> {
    let mut deserializer = Deserializer::new(input, limits);
    let value = T::deserialize(&mut deserializer).map_err(|error| error.or_at(deserializer.position()))?;
    deserializer.end()?;
    Ok(value)
}
