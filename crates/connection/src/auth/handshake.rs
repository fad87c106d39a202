//! The order of the messages.

use std::collections::VecDeque;

use super::challenge::{Challenge, answer};
use super::{Auth, AuthenticationError, Dialect, Digest};
use crate::{Error, Result};

/// One end's part of the handshake. Its driver does what each [`Turn`] says, until one finishes.
#[derive(Debug)]
pub(crate) struct Handshake {
    auth: Auth,
    parts: VecDeque<Part>,
    /// Of the challenges of this end; that of a client is the one in which it has been challenged.
    dialect: Dialect,
    /// What its challenges ask for; that of a client, if it has been named one, is the one that it has been asked for.
    digest: Digest,
    /// The other end knows no names of digests: it is processing, or a Python up to 3.11.
    is_with_old: bool,
    /// The only one that the other end may use.
    expected: Option<Dialect>,
    awaited: Awaited,
}

/// What an end does, one after the other.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Part {
    /// Challenges the other end.
    Deliver,
    /// Answers the challenge of the other end.
    Answer,
}

/// What the next message is.
#[derive(Debug)]
enum Awaited {
    Nothing,
    TheirChallenge,
    Verdict,
    Answer(Challenge),
}

/// What a driver is to do.
#[derive(Debug)]
pub(crate) struct Turn {
    /// A message to send first.
    pub(crate) send: Option<Vec<u8>>,
    pub(crate) then: Then,
}

#[derive(Debug)]
pub(crate) enum Then {
    /// Hand over the next message.
    Receive,
    /// Nothing more: that is how it has gone.
    Finish(Result<()>),
}

impl Handshake {
    /// A listener's.
    pub(crate) fn of_listener(auth: Auth) -> Handshake {
        let dialect = Dialect::of_listener(auth.digests);
        Handshake::new(auth, [Part::Deliver, Part::Answer], dialect, Some(dialect))
    }

    /// A client's: it speaks the dialect of whoever it meets.
    pub(crate) fn of_client(auth: Auth) -> Handshake {
        Handshake::new(auth, [Part::Answer, Part::Deliver], Dialect::Multiprocessing, None)
    }

    /// One part alone.
    pub(crate) fn of_part(auth: Auth, part: Part) -> Handshake {
        let dialect = Dialect::of_listener(auth.digests);
        Handshake::new(auth, [part], dialect, None)
    }

    fn new(auth: Auth, parts: impl Into<VecDeque<Part>>, dialect: Dialect, expected: Option<Dialect>) -> Handshake {
        Handshake {
            digest: auth.digests.preferred(),
            auth,
            parts: parts.into(),
            dialect,
            is_with_old: false,
            expected,
            awaited: Awaited::Nothing,
        }
    }

    /// The first turn.
    pub(crate) fn begin(&mut self) -> Turn {
        self.next_part(None)
    }

    /// The turn after this message of the other end.
    pub(crate) fn receive(&mut self, message: &[u8]) -> Turn {
        match std::mem::replace(&mut self.awaited, Awaited::Nothing) {
            Awaited::TheirChallenge => match answer(message, &self.auth, self.expected) {
                Ok(answer) => {
                    self.dialect = answer.dialect;
                    self.is_with_old |= answer.named.is_none();
                    self.digest = answer.named.unwrap_or(self.digest);
                    self.awaited = Awaited::Verdict;
                    Turn::receive(Some(answer.bytes))
                }
                Err(error) => Turn::fail(None, error),
            },
            Awaited::Verdict if message == self.dialect.welcome() => self.next_part(None),
            Awaited::Verdict => Turn::fail(
                None,
                AuthenticationError::new(
                    "digest sent was rejected: the other end has another key, or does not accept this digest",
                ),
            ),
            Awaited::Answer(challenge) => match challenge.check(message, &self.auth) {
                Ok(named) => {
                    self.is_with_old |= named.is_none();
                    self.next_part(Some(self.dialect.welcome().to_vec()))
                }
                Err(error) => Turn::fail(Some(self.dialect.failure().to_vec()), error),
            },
            Awaited::Nothing => self.next_part(None),
        }
    }

    /// Whether the other end may be a Python 2, as far as is known: it is processing, or a multiprocessing that knows no names of digests.
    pub(crate) fn is_with_old(&self) -> bool {
        self.is_with_old
    }

    fn next_part(&mut self, send: Option<Vec<u8>>) -> Turn {
        match self.parts.pop_front() {
            None => Turn {
                send,
                then: Then::Finish(Ok(())),
            },
            Some(Part::Answer) => {
                self.awaited = Awaited::TheirChallenge;
                Turn::receive(send)
            }
            // Nothing is left to send before: this end was waiting for a verdict, or is the first to speak.
            Some(Part::Deliver) => match Challenge::new(self.dialect, self.digest) {
                Ok(challenge) => {
                    let send = challenge.to_bytes();
                    self.awaited = Awaited::Answer(challenge);
                    Turn::receive(Some(send))
                }
                Err(error) => Turn::fail(None, error),
            },
        }
    }
}

impl Turn {
    fn receive(send: Option<Vec<u8>>) -> Turn {
        Turn {
            send,
            then: Then::Receive,
        }
    }

    fn fail(send: Option<Vec<u8>>, error: impl Into<Error>) -> Turn {
        Turn {
            send,
            then: Then::Finish(Err(error.into())),
        }
    }
}
