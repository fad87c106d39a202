//! The protocol's logic without any IO: bytes in, bytes out. No socket, no clock, no thread. What runs a call is the
//! driver's business: it gets an [`Incoming`](incoming::Incoming) one, and a [`Runner`] for those that nobody waits for.

pub(crate) mod client;
mod failure;
mod handshake;
pub(crate) mod incoming;
mod legacy;
mod member;
pub(crate) mod metadata;
pub(crate) mod oneway;
mod request;
pub(crate) mod server;
#[cfg(test)]
mod tests;

/// Annotations of a message that is received. More than a Pyro4 message has room for; Pyro5 has no limit, this is one for us.
const MAX_ANNOTATIONS: usize = 1 << 16;

/// What a client of ours that pickles calls the protocol which it reads, in the dict of its greeting.
const PICKLE_PROTOCOL: &str = "pickle_protocol";

/// Where oneway calls run.
pub(crate) trait Runner {
    /// Runs a oneway call that its connection does not wait for. Gives it back if there is no room for it: then the connection has to run it, and wait.
    fn run_apart(&self, call: oneway::Oneway) -> Result<(), oneway::Oneway>;
}
