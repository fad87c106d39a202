//! The protocol's logic without any IO: bytes in, bytes out.

pub(crate) mod client;
mod failure;
mod handshake;
mod member;
pub(crate) mod metadata;
mod request;
pub(crate) mod server;
