//! serpent, Pyro's usual format: the text of a Python literal, under one comment line as header.
//!
//! | Python | written as | reads as |
//! |---|---|---|
//! | None, bool, int | `None` `True` `12` | itself; ints of any size, up to 4300 digits |
//! | float | `1.5` `1e+16` `-0.0` | itself |
//! | float inf, nan | `1e30000`, `{'__class__':'float','value':'nan'}` | itself, where a float or a [`Value`](crate::Value) is wanted |
//! | complex | `(1.0-2.5j)` | itself, but a real part of -0.0 becomes 0.0 (as in Python up to 3.13); with a nan part a class dict like that of nan |
//! | str | `'it\n'`, `"it's"`, as Python's `repr()` | itself, lone surrogates included |
//! | bytes, bytearray | `{'data': 'AAE=', 'encoding': 'base64'}` | that dict; the bytes where bytes are wanted |
//! | with [`Options::bytes_repr`] | `b'\x00\x01'` | bytes |
//! | list, tuple | `[1,2]` `(1,2)` `(1,)` `()` | itself |
//! | dict | `{'a':1}` | itself, in order; of equal keys the last counts |
//! | set, frozenset | `{1,2}`; empty: `()` | a set; empty: a tuple |
//! | datetime, date, time, Decimal, UUID | their text | a text, or that type where it is wanted |
//! | timedelta | its seconds, as float | a float, or a timedelta where it is wanted |
//! | exception, instance | a class dict | a dict |
//! | class, function, Ellipsis | refused | `...` reads as Ellipsis |
//!
//! Dict keys and members of sets are refused unless they are bool, bytes, str, tuple or a number; so is nesting beyond 200 levels.
//!
//! Reading takes the grammar of Python's `ast.literal_eval`: what any Python wrote (Python 2 writes its `str` as text, bytes 0x80 to 0xFF as `\x80` to
//! `\xff`), and what a person types. It differs from Python in these:
//! - `\N{NAME}` is refused; so are a sign before parentheses and a sum with a part in parentheses of its own.
//! - The keys `1`, `1.0` and `True` are different keys.
//! - `(1.0+-0.0j)` is read, since Python 2 writes it.
//! - Invalid UTF-8 in a comment, a backslash at the very end and blanks on the last line do not matter.
//!
//! ```
//! use ferropyro_formats::{serpent, Value};
//!
//! let bytes = serpent::to_vec(&("add", vec![1, 2], Some(0.5)))?;
//! assert_eq!(bytes, b"# serpent utf-8 python3.2\n('add',[1,2],0.5)");
//! let (method, numbers, scale): (&str, Vec<i32>, Option<f64>) = serpent::from_slice(&bytes)?;
//! assert_eq!((method, numbers.len(), scale), ("add", 2, Some(0.5)));
//!
//! let value: Value = serpent::from_slice(b"{'name': 'x', 0x1F: None}")?;
//! assert_eq!(value.to_string(), "{'name': 'x', 31: None}");
//! # Ok::<(), ferropyro_formats::Error>(())
//! ```

mod de;
mod dicts;
mod number;
mod scan;
mod ser;
mod text;

use serde::{Deserialize, Serialize};

use crate::{ClassNames, Error, Limits, same_class_names};

pub use de::Deserializer;
pub use ser::Serializer;

/// What a receiver on Python accepts: 200 brackets within each other.
pub const LIMITS: Limits = Limits::with_depth(200);

/// The first line, as Python 3 writes it.
const HEADER: &[u8] = b"# serpent utf-8 python3.2\n";

/// How to write.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Translates the class names of class dicts.
    pub class_names: ClassNames,
    /// Writes bytes as `b'...'` in place of the base64 dict: Pyro5's setting `SERPENT_BYTES_REPR`.
    pub bytes_repr: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            class_names: same_class_names,
            bytes_repr: false,
        }
    }
}

/// The value as serpent text, with header.
pub fn to_vec<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, Error> {
    let mut out = Vec::with_capacity(128);
    append(&mut out, value, &Options::default())?;
    Ok(out)
}

/// Appends the value as serpent text, with header. After an error `out` is as it was.
///
/// The errors are Python's: dict keys that serpent does not take, types it does not know, nesting beyond [`LIMITS`].
pub fn append<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T, options: &Options) -> Result<(), Error> {
    crate::ser::append(out, |out| value.serialize(&mut Serializer::new(out, *options)))
}

/// The bytes that stand as this base64 text under `data` in the dict that they are written as.
///
/// ```
/// assert_eq!(ferropyro_formats::serpent::bytes_of("AAE=")?, [0, 1]);
/// # Ok::<(), ferropyro_formats::Error>(())
/// ```
pub fn bytes_of(text: &str) -> Result<Vec<u8>, Error> {
    crate::value::decode_base64(text).map_err(serde::de::Error::custom)
}

/// Reads a value from serpent text, or from any Python literal, within [`LIMITS`].
pub fn from_slice<'de, T: Deserialize<'de>>(input: &'de [u8]) -> Result<T, Error> {
    from_slice_with(input, &LIMITS)
}

/// As [`from_slice`], within other limits.
pub fn from_slice_with<'de, T: Deserialize<'de>>(input: &'de [u8], limits: &Limits) -> Result<T, Error> {
    let mut deserializer = Deserializer::new(input, limits);
    match deserializer.whole() {
        Err(_) if Deserializer::new(input, limits).is_bare_tuple() => Deserializer::bare_tuple(input, limits).whole(),
        result => result,
    }
}
