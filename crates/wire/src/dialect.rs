//! The protocol versions that this crate can read and write.

use std::fmt;

/// One version of Pyro's wire protocol.
///
/// ```
/// use ferropyro_wire::Dialect;
/// assert_eq!(Dialect::from_version(502), Some(Dialect::V502));
/// assert_eq!(Dialect::V48.to_string(), "Pyro4 (protocol 48)");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dialect {
    /// Pyro4 4.22 to 4.25. The server speaks first.
    V46,
    /// Pyro4 4.26 to 4.37. The server speaks first.
    V47,
    /// Pyro4 4.38 to 4.82.
    V48,
    /// Pyro5.
    V502,
}

impl Dialect {
    /// Every dialect, oldest first.
    pub const ALL: [Dialect; 4] = [Dialect::V46, Dialect::V47, Dialect::V48, Dialect::V502];

    /// The number that stands in the header.
    #[must_use]
    pub const fn version(self) -> u16 {
        match self {
            Dialect::V46 => 46,
            Dialect::V47 => 47,
            Dialect::V48 => 48,
            Dialect::V502 => 502,
        }
    }

    /// The dialect of a version number; `None` for one that is not spoken here.
    #[must_use]
    pub const fn from_version(version: u16) -> Option<Dialect> {
        match version {
            46 => Some(Dialect::V46),
            47 => Some(Dialect::V47),
            48 => Some(Dialect::V48),
            502 => Some(Dialect::V502),
            _ => None,
        }
    }

    /// True for Pyro5, false for every Pyro4 protocol.
    #[must_use]
    pub const fn is_pyro5(self) -> bool {
        matches!(self, Dialect::V502)
    }

    /// True for 46 and 47, whose server greets a client that says nothing.
    #[must_use]
    pub const fn server_speaks_first(self) -> bool {
        matches!(self, Dialect::V46 | Dialect::V47)
    }

    /// Bytes of a message's header: 24 in Pyro4, 40 in Pyro5.
    #[must_use]
    pub const fn header_len(self) -> usize {
        if self.is_pyro5() { 40 } else { 24 }
    }

    /// Bytes in front of an annotation's value: 4 of key and 2 (Pyro4) or 4 (Pyro5) of length.
    #[must_use]
    pub const fn chunk_header_len(self) -> usize {
        if self.is_pyro5() { 8 } else { 6 }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let generation = if self.is_pyro5() { "Pyro5" } else { "Pyro4" };
        write!(f, "{generation} (protocol {})", self.version())
    }
}
