//! One challenge and its answer.

use ferropyro_formats::Value;

use super::key::random_bytes;
use super::{Auth, AuthenticationError, Dialect, Digest, Digests};
use crate::Result;

/// A challenge of this end.
#[derive(Debug)]
pub(super) struct Challenge {
    dialect: Dialect,
    /// What is digested: all but the tag, the name of the digest included.
    message: Vec<u8>,
}

/// The random bytes of a challenge. Up to Python 3.11 there are as many in multiprocessing as in processing; that is how a challenge of those Pythons is recognised.
const OLD_RANDOM: usize = 20;
const RANDOM: usize = 40;

/// The length of an answer without a name, which is one of MD5.
const MD5_LEN: usize = 16;

impl Challenge {
    /// One that asks for this digest, where challenges name one.
    pub(super) fn new(dialect: Dialect, digest: Digest) -> Result<Challenge> {
        let message = match dialect {
            Dialect::Processing => random_bytes(OLD_RANDOM)?,
            Dialect::Multiprocessing => [digest.in_braces(), random_bytes(RANDOM)?].concat(),
        };
        Ok(Challenge { dialect, message })
    }

    /// One with this message.
    #[cfg(test)]
    pub(super) fn of(dialect: Dialect, message: &[u8]) -> Challenge {
        Challenge {
            dialect,
            message: message.to_vec(),
        }
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        [self.dialect.challenge(), &self.message].concat()
    }

    /// Whether this answer proves that the other end has the key; gives the digest that it names, if it is not too old for that.
    pub(super) fn check(&self, answer: &[u8], auth: &Auth) -> Result<Option<Digest>, AuthenticationError> {
        let (digest, mac, named) = match self.dialect {
            Dialect::Processing => (Digest::Sha1, answer, None),
            // The lengths by which Python decides; with the longer one no digest can be right.
            Dialect::Multiprocessing if [MD5_LEN, OLD_RANDOM].contains(&answer.len()) => (Digest::Md5, answer, None),
            Dialect::Multiprocessing => {
                let (digest, mac) = Digest::named_in(answer).ok_or_else(|| unsupported(answer))?;
                (digest, mac, Some(digest))
            }
        };
        if !digest.accepts(&auth.key, &self.message, mac) {
            return Err(AuthenticationError::new(
                "digest received was wrong: the other end has another key, or none",
            ));
        }
        // It has the key, and may know why it is refused all the same.
        acceptable(digest, auth.digests, "the other end answers with")?;
        Ok(named)
    }
}

/// What a challenge of the other end leads to.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) bytes: Vec<u8>,
    pub(super) dialect: Dialect,
    /// The digest that the challenge named.
    pub(super) named: Option<Digest>,
}

/// The answer to a challenge of the other end; `expected`: the only dialect that there may be.
pub(super) fn answer(challenge: &[u8], auth: &Auth, expected: Option<Dialect>) -> Result<Answer, AuthenticationError> {
    let mut dialects = Dialect::BOTH.into_iter();
    let found = dialects.find_map(|dialect| Some((dialect, challenge.strip_prefix(dialect.challenge())?)));
    let (dialect, message) = match (found, expected) {
        (Some(found), None) => found,
        (Some(found), Some(expected)) if found.0 == expected => found,
        _ => return Err(no_challenge(challenge)),
    };
    if message.len() < OLD_RANDOM {
        return Err(AuthenticationError::new(format!(
            "challenge too short: {} bytes",
            message.len()
        )));
    }
    let (digest, named) = match dialect {
        Dialect::Processing => (Digest::Sha1, None),
        Dialect::Multiprocessing if message.len() == OLD_RANDOM => (Digest::Md5, None),
        Dialect::Multiprocessing => {
            let (digest, _) = Digest::named_in(message).ok_or_else(|| unsupported(message))?;
            (digest, Some(digest))
        }
    };
    acceptable(digest, auth.digests, "the other end asks for")?;
    let name = named.map(Digest::in_braces).unwrap_or_default();
    Ok(Answer {
        bytes: [name, digest.mac(&auth.key, message)].concat(),
        dialect,
        named,
    })
}

fn acceptable(digest: Digest, digests: Digests, what: &str) -> Result<(), AuthenticationError> {
    if digests.has(digest) {
        return Ok(());
    }
    let who = match digest {
        Digest::Md5 => ", which is all that Python's multiprocessing knows up to Python 3.11",
        Digest::Sha1 => ", which is all that processing 0.52 knows",
        _ => "",
    };
    Err(AuthenticationError {
        text: format!(
            "{what} HMAC-{}{who}, and which is not acceptable here unless Options::allow says so",
            digest.name().to_uppercase().replace('_', "-")
        ),
        refused: Some(digest),
    })
}

fn no_challenge(message: &[u8]) -> AuthenticationError {
    AuthenticationError::new(format!(
        "Protocol error, expected challenge: message={}; the other end has no key, or speaks another dialect",
        shown(message)
    ))
}

fn unsupported(message: &[u8]) -> AuthenticationError {
    AuthenticationError::new(format!(
        "unsupported message length, missing digest prefix, or unsupported digest: message={}; the other end has no key, probably",
        shown(message)
    ))
}

/// As Python shows bytes.
fn shown(message: &[u8]) -> Value {
    Value::Bytes(message.to_vec())
}
