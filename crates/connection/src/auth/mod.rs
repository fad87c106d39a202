//! How the two ends of a connection prove to each other that they have the same key, without sending it. No IO in here.
//!
//! The listener challenges first, then the client: a random message, the keyed digest of it as the answer, and a welcome or a failure. There are three dialects of
//! this. `processing` 0.52 has tags and a digest (SHA-1) of its own. Python's multiprocessing has other tags; up to Python 3.11 the digest is MD5, and from 3.12 on it is
//! named in braces, in the challenge and in the answer. Who knows no names takes them for a part of the random message, so that one challenge does for old and new.

mod challenge;
mod digest;
mod handshake;
mod key;
#[cfg(test)]
mod tests;

use crate::AuthenticationError;

pub use digest::{Digest, Digests};
pub(crate) use handshake::{Handshake, Part, Then};
pub use key::{AuthKey, hand_down_process_key, process_key, set_process_key};

/// No message is longer while the ends authenticate.
pub(crate) const LONGEST_MESSAGE: usize = 256;

/// What an end needs to authenticate.
#[derive(Debug, Clone)]
pub(crate) struct Auth {
    pub(crate) key: AuthKey,
    pub(crate) digests: Digests,
}

/// Whose tags the messages have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Processing,
    Multiprocessing,
}

impl Dialect {
    const BOTH: [Dialect; 2] = [Dialect::Multiprocessing, Dialect::Processing];

    /// The one that a listener begins with: only processing has SHA-1, and a listener that accepts it challenges in that dialect.
    pub(crate) fn of_listener(digests: Digests) -> Dialect {
        match digests.has(Digest::Sha1) {
            true => Dialect::Processing,
            false => Dialect::Multiprocessing,
        }
    }

    fn challenge(self) -> &'static [u8] {
        match self {
            Dialect::Processing => b"#CHALLENGE:",
            Dialect::Multiprocessing => b"#CHALLENGE#",
        }
    }

    fn welcome(self) -> &'static [u8] {
        match self {
            Dialect::Processing => b"#WELCOME",
            Dialect::Multiprocessing => b"#WELCOME#",
        }
    }

    fn failure(self) -> &'static [u8] {
        match self {
            Dialect::Processing => b"#AUTHENTICATION_FAILED",
            Dialect::Multiprocessing => b"#FAILURE#",
        }
    }
}

/// Whether this is what a listener with a key says first, to whom has none.
pub(crate) fn is_challenge(message: &[u8]) -> bool {
    message.len() <= LONGEST_MESSAGE
        && Dialect::BOTH
            .iter()
            .any(|dialect| message.starts_with(dialect.challenge()))
}
