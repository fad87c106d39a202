//! JSON as Python's `json` module and Pyro's json serializer write and read it.
//!
//! | Python | is written as | reads as |
//! |---|---|---|
//! | None, True, False | `null`, `true`, `false` | the same |
//! | int of any size (at most 4300 digits) | `-12` | the same; `-0` is `0` |
//! | float | `1.0`, `1e+16`, `-0.0`, `NaN`, `Infinity`, `-Infinity` | the same; NaN in one form only |
//! | str | `"ä\n\u0000"`: only quotes, backslashes and control characters are escaped | the same; `"\ud800"` is a lone surrogate |
//! | a str with lone surrogates | refused | |
//! | list, tuple, set | `[1, 2]` | list |
//! | dict | `{"a": 1}` | dict; of equal keys the last one counts |
//! | dict keys None, True, 1, 1.5 | `"null"`, `"true"`, `"1"`, `"1.5"` | str (a map with number or bool keys takes them back) |
//! | other dict keys | refused | |
//! | datetime, date | `"2024-02-29T12:34:56+00:00"` | str |
//! | Decimal, UUID | `"1.50"` | str |
//! | exception, instance | its class dict | dict |
//! | bytes, bytearray, frozenset, complex, time, timedelta, class, Ellipsis | refused | |
//!
//! Rust's structs are dicts, its tuples are lists, its enums are as in serde_json.
//!
//! ```
//! use ferropyro_formats::{Value, json};
//!
//! let bytes = json::to_vec(&("täxt", [1.5, f64::NAN], None::<bool>))?;
//! assert_eq!(bytes, r#"["täxt", [1.5, NaN], null]"#.as_bytes());
//! assert_eq!(json::from_slice::<(String, Vec<f64>, Option<bool>)>(&bytes)?.0, "täxt");
//! assert_eq!(json::from_slice::<Value>(b"[1, {}]")?.to_string(), "[1, {}]");
//! # Ok::<(), ferropyro_formats::Error>(())
//! ```

mod de;
mod scan;
mod ser;

use serde::{Deserialize, Serialize};

pub use de::Deserializer;
pub use ser::Serializer;

use crate::{ClassNames, Error, Limits, same_class_names};

/// The limits under which Python's decoder works, with its usual recursion limit.
pub const LIMITS: Limits = Limits::with_depth(992);

/// How to write.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Translates the class names of class dicts.
    pub class_names: ClassNames,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            class_names: same_class_names,
        }
    }
}

/// The JSON text of a value.
///
/// Errors: what JSON cannot hold (see the [module](self)), with Python's text; nesting deeper than [`LIMITS`].
pub fn to_vec<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, Error> {
    let mut out = Vec::with_capacity(128);
    append(&mut out, value, &Options::default())?;
    Ok(out)
}

/// Appends the JSON text of a value to `out`, which is left as it was when that fails. Errors: as [`to_vec`].
pub fn append<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T, options: &Options) -> Result<(), Error> {
    crate::ser::append(out, |out| value.serialize(&mut Serializer::new(out, *options)))
}

/// The value of a JSON text, under [`LIMITS`].
///
/// Errors: what Python's `json.loads` refuses, with its text; and what does not fit the type.
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
