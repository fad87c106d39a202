//! The protocol's logic without any IO: bytes in, bytes out. No socket, no clock, no thread: a [`Runner`] is told what is to run.

pub(crate) mod client;
mod failure;
mod handshake;
mod member;
pub(crate) mod metadata;
pub(crate) mod request;
pub(crate) mod server;
#[cfg(test)]
mod tests;

/// Annotations of a message that is received. More than a Pyro4 message has room for; Pyro5 has no limit, this is one for us.
const MAX_ANNOTATIONS: usize = 1 << 16;

/// Where a server's calls run.
pub(crate) trait Runner {
    /// Runs a call that its connection waits for, as soon as it is its turn.
    fn run<T>(&self, call: impl FnOnce() -> T) -> T;

    /// Runs a oneway call that its connection does not wait for.
    fn run_apart(&self, call: request::Oneway);
}
