//! Python's pickle format, as data: reads and writes protocols 0 to 5, with the names of Python 2 and 3. Nothing is ever called or imported.
//!
//! A pickle is a program for a machine with a stack, and most of what it makes it makes by calls. The machine here only remembers these: a call is an object with a
//! callee, arguments and what was done to it afterwards. Those of a fixed list are known for what they mean, and read as values; all others are data.
//!
//! | Python | written as | reads as |
//! |---|---|---|
//! | None, bool, int of any size, float, str, list, tuple, dict | itself | itself, a dict's last of equal keys |
//! | bytes, bytearray, set, frozenset, complex | itself, in the way of the protocol | itself, in the way of any protocol |
//! | str with lone surrogates | itself | itself |
//! | `str` of Python 2 | never | a text if it is UTF-8, else bytes; bytes where bytes are asked for |
//! | datetime, date, time, timedelta | itself (`fold` from protocol 4 on) | itself; the name of a `timezone` does not count |
//! | Decimal, UUID, Ellipsis | itself | itself |
//! | class, function | its name | [`Value::Type`](crate::Value) |
//! | exception | its class, arguments, attributes | the same: classes of Python and Pyro, names that end as theirs do, and what has a `_pyroTraceback` |
//! | instance whose state is a dict | its class and attributes | [`Instance`](crate::Instance) |
//! | Pyro4's URI, Proxy, Daemon; slice, range | itself, from its class dict | its class dict, as in the other formats |
//! | OrderedDict, defaultdict, Counter | | dict |
//! | deque, array | | list; an array of bytes a bytearray, one of characters a str |
//! | array or scalar of numpy, with the feature `numpy` | | lists of numbers, a number |
//! | everything else | | [`Value::Pickled`](crate::Value), which is written again as it came |
//!
//! What is in the last line are objects of classes that make or fill them in ways of their own (a named tuple, a member of an enum, a class with `__slots__`, a
//! subclass of list), and functions and classes that cloudpickle or dill pickle by value. A type of Rust reads the attributes of those that have some.
//! [`Deserializer::refuse_unknown`] refuses classes and functions beyond the known ones altogether.
//!
//! An object that occurs several times reads as equal values; a value that contains itself is an error, "recursive value", unless it is within a
//! [`Pickled`](crate::Pickled). Buffers outside the pickle, persistent ids and extension codes are refused. As in Python, bytes behind the pickle are ignored.
//!
//! Rust's structs are dicts, its tuples are tuples, its enums are as in serde_json.
//!
//! # Why there is a pickle here
//!
//! The crate serde-pickle was tried first. It has no limit for nesting (40 KB of nested lists end the process), refuses objects that are referred to twice and all
//! classes but a few, and reads no dates; and values of Pyro would have had to be converted on both ways.
//!
//! # Limits
//!
//! What the memo repeats counts as often as it is read: values against `items`, and the bytes of texts, beyond twice the length of the pickle, against `bytes`.
//!
//! # Example
//!
//! ```
//! use ferropyro_formats::{Value, pickle};
//!
//! let bytes = pickle::to_vec(&("spam", [1, 300], None::<f64>))?;
//! assert_eq!(bytes, b"\x80\x05\x8c\x04spamK\x01M\x2c\x01\x86N\x87.");
//! assert_eq!(pickle::from_slice::<(&str, Vec<u16>, Option<f64>)>(&bytes)?.1, [1, 300]);
//!
//! // os.system('ls') would be called by Python, and is data here.
//! let call: Value = pickle::from_slice(b"cos\nsystem\n(Vls\ntR.")?;
//! assert_eq!(call.to_string(), "<pickled object of os.system>");
//! # Ok::<(), ferropyro_formats::Error>(())
//! ```

mod array;
mod class;
mod containers;
mod contents;
mod de;
mod document;
mod effects;
mod escape;
mod graph;
mod input;
mod machine;
mod memo;
mod names;
#[cfg(feature = "numpy")]
mod numpy;
mod object;
mod opcode;
mod parts;
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
    let mut out = Vec::with_capacity(128);
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

/// The protocol that the pickle at the start of `input` says it has; 0 for one that says nothing, as those of protocols 0 and 1.
pub fn protocol(input: &[u8]) -> u8 {
    match input {
        [opcode::PROTO, protocol, ..] => *protocol,
        _ => 0,
    }
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
