//! CPython's marshal format: reads versions 0 to 5 and what Python 2.7 writes, writes versions 2 to 4.
//!
//! | Python | written as | reads as |
//! |---|---|---|
//! | None, bool, float (also -0.0, inf, and nan with its bits), complex | itself | itself |
//! | int | itself, any size | itself |
//! | str | itself, lone surrogates included | itself ([`Surrogates`](crate::Surrogates) where lone ones are in it) |
//! | bytes | itself | itself |
//! | bytearray | bytes | bytes |
//! | list, tuple, set, frozenset, dict with any keys | itself | itself; a dict's last of equal keys wins |
//! | `...`, `StopIteration` | itself | itself ([`Value::Ellipsis`](crate::Value), `Type("builtins.StopIteration")`) |
//! | slice (version 5) | class dict | class dict `{'start', 'stop', 'step', '__class__': 'builtins.slice'}` |
//! | exceptions, instances | class dict, at any depth (Pyro: only at the top) | dict |
//! | UUID | text (Pyro: only at the top) | str |
//! | datetime, date, time, timedelta, Decimal, other classes and functions | "unmarshallable object" | |
//! | code objects | | refused |
//!
//! Marshal can say that an object occurs again. Python writes these references wherever one object is reachable twice; here they read as equal values, once for
//! each occurrence, and a value that contains itself is an error, "recursive value". None are written. Nor is the mark of objects that could be referred to:
//! where Python sets it depends on its reference counts, and means nothing to a reader.
//!
//! As in Python, bytes behind the value are ignored.
//!
//! # Python 2
//!
//! A `str` of Python 2 reads as bytes, or as text when Python 2 had it interned and it is UTF-8: the form of interned strings is text in Python 3, and
//! nothing in the data tells which Python wrote it. Where a text is asked for (`String`, field names, keys, variants), bytes in UTF-8 do as well.
//! With [`Options::python2`] only forms that Python 2.7 can read are written; text arrives there as `unicode`, bytes as `str`.
//!
//! # Example
//!
//! ```
//! use ferropyro_formats::{Value, marshal};
//!
//! let bytes = marshal::to_vec(&("spam", [1, 300], None::<f64>))?;
//! assert_eq!(bytes, b")\x03z\x04spam)\x02i\x01\0\0\0i\x2c\x01\0\0N");
//!
//! let (name, numbers, _): (&str, Vec<u16>, Option<f64>) = marshal::from_slice(&bytes)?;
//! assert_eq!((name, numbers), ("spam", vec![1, 300]));
//! assert_eq!(marshal::from_slice::<Value>(&bytes)?.to_string(), "('spam', (1, 300), None)");
//! # Ok::<(), ferropyro_formats::Error>(())
//! ```

mod de;
mod ser;
mod token;

use serde::{Deserialize, Serialize};

pub use de::Deserializer;
pub use ser::Serializer;

use crate::{ClassNames, Error, Limits, same_class_names};

/// The limits of CPython: it refuses 2000 containers within each other, since it counts what stands in the innermost one too.
pub const LIMITS: Limits = Limits::with_depth(1999);

/// How to write.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// The version of the format, 2 to 4. Python 3.4 to 3.13 write 4, which has forms for short
    /// texts and tuples that 2 and 3 lack; without references these two are alike. Python 2.7 reads only 2. Anything below is taken as 2, above as 4.
    pub version: u8,
    /// Translates the names in class dicts.
    pub class_names: ClassNames,
    /// Write only what Python 2.7 can read, whatever `version` says.
    pub python2: bool,
}

impl Default for Options {
    /// What Python 3 writes.
    fn default() -> Options {
        Options {
            version: 4,
            class_names: same_class_names,
            python2: false,
        }
    }
}

/// The marshal form of `value`, with the default [`Options`].
///
/// Fails with Python's text "unmarshallable object" for what marshal lacks, and beyond the depth of [`LIMITS`].
pub fn to_vec<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, Error> {
    let mut out = Vec::with_capacity(128);
    append(&mut out, value, &Options::default())?;
    Ok(out)
}

/// Appends the marshal form of `value` to `out`, which is as before when this fails. Fails as [`to_vec`].
pub fn append<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T, options: &Options) -> Result<(), Error> {
    crate::ser::append(out, |out| value.serialize(&mut Serializer::new(out, *options)))
}

/// Decodes the value at the start of `input` under [`LIMITS`].
///
/// Fails with Python's texts when the input is not marshal data, and when it does not fit `T`.
pub fn from_slice<'de, T: Deserialize<'de>>(input: &'de [u8]) -> Result<T, Error> {
    from_slice_with(input, &LIMITS)
}

/// As [`from_slice`], under these limits.
pub fn from_slice_with<'de, T: Deserialize<'de>>(input: &'de [u8], limits: &Limits) -> Result<T, Error> {
    T::deserialize(&mut Deserializer::new(input, limits))
}
