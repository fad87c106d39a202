//! The protocol's logic without any IO: bytes in, bytes out.

pub(crate) mod client;
mod handshake;
pub(crate) mod metadata;
pub(crate) mod server;
