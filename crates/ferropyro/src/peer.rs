//! Who is at the other end.

use std::fmt;
use std::net::SocketAddr;

/// The other end of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Peer {
    /// A TCP connection from this address.
    Tcp(SocketAddr),
    /// A Unix domain socket; its clients have no names.
    Unix,
    /// Nobody: this program itself, see [`Context::detached`](crate::Context::detached).
    Nobody,
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Peer::Tcp(address) => address.fmt(f),
            Peer::Unix => f.write_str("unix socket"),
            Peer::Nobody => f.write_str("nobody"),
        }
    }
}
