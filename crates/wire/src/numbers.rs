//! The numbers in a header: message kinds, flags and serializer ids.
//!
//! The wire may carry any number, so each is an open newtype; the known ones are constants or, for serializers, a
//! closed enum.

use std::fmt;
use std::ops::{BitOr, BitOrAssign};
use std::str::FromStr;

use crate::Dialect;

/// The type of a message. The known ones have the same number in every dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageKind(pub u16);

impl MessageKind {
    /// A client's greeting.
    pub const CONNECT: MessageKind = MessageKind(1);
    /// The server accepts the client.
    pub const CONNECTOK: MessageKind = MessageKind(2);
    /// The server refuses the client; the payload is a text that says why.
    pub const CONNECTFAIL: MessageKind = MessageKind(3);
    /// A call.
    pub const INVOKE: MessageKind = MessageKind(4);
    /// The result of a call, or its exception.
    pub const RESULT: MessageKind = MessageKind(5);
    /// A sign of life, both ways. Its payload is never deserialised.
    pub const PING: MessageKind = MessageKind(6);
}

impl fmt::Display for MessageKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The flags of a message, independent of the dialect.
///
/// Pyro4 and Pyro5 give the bits 16, 32 and 64 different meanings; [`Flags::from_bits`] and [`Flags::to_bits`]
/// translate. Bits that no dialect defines survive the way through both.
///
/// ```
/// use ferropyro_wire::{Dialect, Flags};
/// let flags = Flags::EXCEPTION | Flags::ITEMSTREAMRESULT;
/// assert_eq!(flags.to_bits(Dialect::V48), 33);
/// assert_eq!(flags.to_bits(Dialect::V502), 17);
/// assert_eq!(Flags::from_bits(17, Dialect::V502), flags);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Flags(u32); // the low 16 bits as Pyro4 has them, above them what only Pyro5 knows

const SHARED: u16 = 0b1111;
const UNKNOWN: u16 = !0b111_1111;

impl Flags {
    /// No flag at all.
    pub const NONE: Flags = Flags(0);
    /// The payload is an exception.
    pub const EXCEPTION: Flags = Flags(1);
    /// The payload travels (or travelled) as a zlib stream.
    pub const COMPRESSED: Flags = Flags(1 << 1);
    /// No reply is wanted.
    pub const ONEWAY: Flags = Flags(1 << 2);
    /// The payload is a batch of calls, or their results.
    pub const BATCH: Flags = Flags(1 << 3);
    /// CONNECT asks for the object's metadata, CONNECTOK carries it. Pyro4 only: dropped when written as Pyro5, where
    /// it always is so.
    pub const META_ON_CONNECT: Flags = Flags(1 << 4);
    /// The result is a stream of items; its id is in the annotation `STRM`.
    pub const ITEMSTREAMRESULT: Flags = Flags(1 << 5);
    /// The arguments are a serialised blob; what it is for stands in the annotation `BLBI`.
    pub const KEEPSERIALIZED: Flags = Flags(1 << 6);
    /// The header carries a correlation id. Pyro5 only: dropped when written as Pyro4, which has an annotation for it.
    pub const CORR_ID: Flags = Flags(1 << 16);

    /// The meaning of the bits in a header of this dialect.
    #[must_use]
    pub const fn from_bits(bits: u16, dialect: Dialect) -> Flags {
        if !dialect.is_pyro5() {
            return Flags(bits as u32);
        }
        let same = (bits & (SHARED | UNKNOWN)) as u32;
        let moved = ((bits & 0b11_0000) as u32) << 1;
        let correlated = ((bits & 0b100_0000) as u32) << 10;
        Flags(same | moved | correlated)
    }

    /// The bits for a header of this dialect. A flag that the dialect does not have is left out.
    #[must_use]
    pub const fn to_bits(self, dialect: Dialect) -> u16 {
        let low = self.0 as u16;
        if !dialect.is_pyro5() {
            return low;
        }
        let same = low & (SHARED | UNKNOWN);
        let moved = (low & 0b110_0000) >> 1;
        let correlated = ((self.0 >> 10) as u16) & 0b100_0000;
        same | moved | correlated
    }

    /// True when all of these flags are set.
    #[must_use]
    pub const fn contains(self, flags: Flags) -> bool {
        self.0 & flags.0 == flags.0
    }

    /// These flags and those.
    #[must_use]
    pub const fn with(self, flags: Flags) -> Flags {
        Flags(self.0 | flags.0)
    }

    /// These flags, except those.
    #[must_use]
    pub const fn without(self, flags: Flags) -> Flags {
        Flags(self.0 & !flags.0)
    }

    /// The bits that no dialect gives a meaning to (128 and above), as they stood in the header.
    #[must_use]
    pub const fn unknown_bits(self) -> u16 {
        self.0 as u16 & UNKNOWN
    }
}

impl BitOr for Flags {
    type Output = Flags;

    fn bitor(self, other: Flags) -> Flags {
        self.with(other)
    }
}

impl BitOrAssign for Flags {
    fn bitor_assign(&mut self, other: Flags) {
        *self = self.with(other);
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = NAMES
            .iter()
            .filter(|(flag, _)| self.contains(*flag))
            .map(|(_, name)| *name);
        f.write_str("Flags")?;
        let mut set = f.debug_set();
        set.entries(names);
        if self.unknown_bits() != 0 {
            set.entry(&self.unknown_bits());
        }
        set.finish()
    }
}

const NAMES: [(Flags, &str); 8] = [
    (Flags::EXCEPTION, "EXCEPTION"),
    (Flags::COMPRESSED, "COMPRESSED"),
    (Flags::ONEWAY, "ONEWAY"),
    (Flags::BATCH, "BATCH"),
    (Flags::META_ON_CONNECT, "META_ON_CONNECT"),
    (Flags::ITEMSTREAMRESULT, "ITEMSTREAMRESULT"),
    (Flags::KEEPSERIALIZED, "KEEPSERIALIZED"),
    (Flags::CORR_ID, "CORR_ID"),
];

/// The serializer's number as it stands in the header. What it means depends on the dialect: see [`Serializer`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SerializerId(pub u16);

impl SerializerId {
    /// What Pyro's own clients put into a PING, which is never deserialised.
    pub const PING: SerializerId = SerializerId(42);

    /// The serializer behind the number; `None` for a number that the dialect does not define.
    #[must_use]
    pub const fn kind(self, dialect: Dialect) -> Option<Serializer> {
        Serializer::from_id(dialect, self)
    }
}

impl fmt::Display for SerializerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The serializers that Pyro knows.
///
/// The family of pickle ([`is_pickle`](Serializer::is_pickle)) is Pyro4's alone, and off unless a program asks for it: Python runs code that stands in a pickle.
///
/// ```
/// use ferropyro_wire::{Dialect, SerializerId, Serializer};
/// assert_eq!(Serializer::Marshal.id(Dialect::V48), Some(SerializerId(3)));
/// assert_eq!(Serializer::Marshal.id(Dialect::V502), Some(SerializerId(2)));
/// assert_eq!(Serializer::Pickle.id(Dialect::V502), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Serializer {
    /// Pyro's default: Python literals as text.
    #[default]
    Serpent,
    /// JSON.
    Json,
    /// Python's marshal: the fastest for bytes.
    Marshal,
    /// Python's pickle. Pyro4 only.
    Pickle,
    /// The pickle of the package dill. Pyro4 from 4.45.
    Dill,
    /// MessagePack. Pyro4 from 4.56, and Pyro5.
    Msgpack,
    /// The pickle of the package cloudpickle. Pyro4 from 4.62.
    Cloudpickle,
}

impl Serializer {
    /// The number of this serializer in the dialect; `None` where the dialect has no such serializer.
    #[must_use]
    pub const fn id(self, dialect: Dialect) -> Option<SerializerId> {
        use Serializer as K;
        let id = match (self, dialect) {
            (K::Serpent, _) => 1,
            (K::Marshal, Dialect::V502) => 2,
            (K::Json, Dialect::V502) => 3,
            (K::Msgpack, Dialect::V502) => 4,
            (_, Dialect::V502) => return None,
            (K::Json, _) => 2,
            (K::Marshal, _) => 3,
            (K::Pickle, _) => 4,
            (K::Dill, Dialect::V48) => 5,
            (K::Msgpack, Dialect::V48) => 6,
            (K::Cloudpickle, Dialect::V48) => 7,
            _ => return None,
        };
        Some(SerializerId(id))
    }

    /// The serializer that a number means in the dialect.
    #[must_use]
    pub const fn from_id(dialect: Dialect, id: SerializerId) -> Option<Serializer> {
        use Serializer as K;
        Some(match (dialect, id.0) {
            (_, 1) => K::Serpent,
            (Dialect::V502, 2) => K::Marshal,
            (Dialect::V502, 3) => K::Json,
            (Dialect::V502, 4) => K::Msgpack,
            (Dialect::V502, _) => return None,
            (_, 2) => K::Json,
            (_, 3) => K::Marshal,
            (_, 4) => K::Pickle,
            (Dialect::V48, 5) => K::Dill,
            (Dialect::V48, 6) => K::Msgpack,
            (Dialect::V48, 7) => K::Cloudpickle,
            _ => return None,
        })
    }

    /// The name that Pyro's settings use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Serializer::Serpent => "serpent",
            Serializer::Json => "json",
            Serializer::Marshal => "marshal",
            Serializer::Pickle => "pickle",
            Serializer::Dill => "dill",
            Serializer::Msgpack => "msgpack",
            Serializer::Cloudpickle => "cloudpickle",
        }
    }

    /// The serializer that Pyro's settings call by this name. [`FromStr`] has an error for other names.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Serializer> {
        Serializer::ALL.into_iter().find(|serializer| serializer.name() == name)
    }

    /// Whether this is pickle, or one of the two that make pickles of more: dill and cloudpickle.
    #[must_use]
    pub const fn is_pickle(self) -> bool {
        matches!(self, Serializer::Pickle | Serializer::Dill | Serializer::Cloudpickle)
    }

    /// Every serializer, in the order of Pyro4's numbers.
    pub const ALL: [Serializer; 7] = [
        Serializer::Serpent,
        Serializer::Json,
        Serializer::Marshal,
        Serializer::Pickle,
        Serializer::Dill,
        Serializer::Msgpack,
        Serializer::Cloudpickle,
    ];
}

impl fmt::Display for Serializer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Reads the name in Pyro's settings.
impl FromStr for Serializer {
    type Err = UnknownSerializer;

    fn from_str(name: &str) -> Result<Serializer, UnknownSerializer> {
        Serializer::from_name(name).ok_or_else(|| UnknownSerializer(name.to_owned()))
    }
}

/// There is no serializer of this name. The text is Pyro's, and tells those that are safe and that both generations have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownSerializer(String);

impl fmt::Display for UnknownSerializer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.0;
        write!(
            f,
            "serializer '{name}' is unknown or not available; use serpent, json, marshal or msgpack"
        )
    }
}

impl std::error::Error for UnknownSerializer {}
