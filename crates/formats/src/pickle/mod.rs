//! Python's pickle format, as data: reads and writes protocols 0 to 5, and never calls or imports anything.

mod array;
mod class;
mod de;
mod document;
mod escape;
mod graph;
mod input;
mod machine;
mod memo;
mod names;
mod object;
mod opcode;
mod pyro;
mod python2;
mod reader;
mod ser;
mod special;
mod temporal;
mod write;

use serde::{Deserialize, Serialize};

pub use de::Deserializer;
pub use ser::Serializer;

use crate::{ClassNames, Error, Limits, same_class_names};

/// The highest protocol that there is: that of Python 3.8 and later.
pub const HIGHEST_PROTOCOL: u8 = 5;

/// The limits of the other formats' CPython: pickle itself has none, but a value that is nested deeper is not usable there either.
pub const LIMITS: Limits = Limits::with_depth(1999);

/// How to write.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// The protocol, 0 to 5; anything above is taken as 5. Python 2 reads those up to 2, Python 3.0 to 3.3 up to 3, Python 3.4 to 3.7 up to 4.
    pub protocol: u8,
    /// Translates the class names of exceptions and instances.
    pub class_names: ClassNames,
}

impl Default for Options {
    /// The highest protocol.
    fn default() -> Options {
        Options {
            protocol: HIGHEST_PROTOCOL,
            class_names: same_class_names,
        }
    }
}

/// The pickle of `value`, with the default [`Options`].
///
/// Fails beyond the depth of [`LIMITS`].
pub fn to_vec<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    append(&mut out, value, &Options::default())?;
    Ok(out)
}

/// Appends the pickle of `value` to `out`, which is as before when this fails. Fails as [`to_vec`].
pub fn append<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T, options: &Options) -> Result<(), Error> {
    crate::ser::append(out, |out| {
        let mut serializer = Serializer::new(out, *options);
        value.serialize(&mut serializer)?;
        serializer.end();
        Ok(())
    })
}

/// Decodes the pickle at the start of `input` under [`LIMITS`].
///
/// Fails with Python's texts when the input is no pickle, and when it does not fit `T`.
pub fn from_slice<'de, T: Deserialize<'de>>(input: &'de [u8]) -> Result<T, Error> {
    from_slice_with(input, &LIMITS)
}

/// As [`from_slice`], under these limits.
pub fn from_slice_with<'de, T: Deserialize<'de>>(input: &'de [u8], limits: &Limits) -> Result<T, Error> {
    T::deserialize(&mut Deserializer::new(input, limits))
}
