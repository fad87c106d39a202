//! Python's data in Rust, and the formats in which Pyro programs exchange it.
//!
//! Each format is a complete serde data format: [`serpent`], [`json`], [`marshal`], [`msgpack`], [`pickle`]. Types that derive serde's traits go straight
//! to bytes and back; [`Value`] holds whatever Python may send when no type is known.
//!
//! Python has types that serde's data model lacks: sets, complex numbers, integers of any size, dates. The wrapper types of this crate
//! ([`Set`], [`Complex`], [`BigInt`], [`DateTime`], ...) travel through serde as newtype structs with private names that the formats of this crate
//! recognise. In any other serde format they appear as their plain contents.
//!
//! Nothing that is decoded is ever executed or imported, and every decoder works under [`Limits`].
#![forbid(unsafe_code)]

mod capture;
mod de;
mod error;
pub mod json;
mod limits;
pub mod marshal;
pub mod msgpack;
pub mod pickle;
mod plain;
mod refusal;
mod ser;
pub mod serpent;
mod stack;
pub mod tag;
mod value;
mod variant;

pub use error::{Error, ErrorKind};
pub use limits::Limits;
pub use value::{
    BigInt, ByteArray, Bytes, BytesRef, ClassDict, ClassName, Complex, Date, DateTime, Decimal, Dict, Exception,
    Instance, InvalidTemporal, Pickled, Set, Str, Surrogates, Time, TimeDelta, Value, ValueEntries, ValueItems,
    ValueSerializer, from_value, to_value,
};

/// Translates the class name of a class dict while it is written, for example from Pyro5's names to Pyro4's.
///
/// It is called with the name that the value carries and gives the name to write.
pub type ClassNames = fn(&str) -> std::borrow::Cow<'_, str>;

/// The [`ClassNames`] that changes nothing.
pub fn same_class_names(name: &str) -> std::borrow::Cow<'_, str> {
    std::borrow::Cow::Borrowed(name)
}
