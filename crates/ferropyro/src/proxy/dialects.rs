//! Which dialect to speak to a server: those to try, what a failed attempt means, and what is remembered.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use ferropyro_wire::{Dialect, FrameErrorKind, Serializer};

use super::failure;
use super::settings::Settings;
use crate::serializer::no_pickle;
use crate::{Error, ErrorKind, Location, Result};

/// How long a server is listened to that perhaps speaks 46 or 47. One of these speaks at once; any other never will.
const LISTENING_TIME: Duration = Duration::from_secs(1);

/// The attempts to reach a server, one dialect after the other until it agrees. Each is a connection of its own.
///
/// A server of 46 or 47 speaks first, whatever the client does, so that any attempt finds it out. Its words may get lost, though, when it resets the connection
/// of somebody who speaks another dialect.
pub(crate) struct Attempts<'a> {
    location: &'a Location,
    serializer: Serializer,
    /// Those to try, the first one last.
    candidates: Vec<Dialect>,
    /// Whether the dialect is still to be found out; it was not chosen by the program, nor told by the server.
    open: bool,
    listening: Listening,
    reason: Option<Error>,
}

/// Whether the server was listened to, without a word of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Listening {
    NotYet,
    Now,
    Done,
}

impl<'a> Attempts<'a> {
    /// A key is only known to Pyro4.
    pub(crate) fn new(settings: &Settings, location: &'a Location) -> Attempts<'a> {
        let known = known_dialects().get(location).copied();
        let mut candidates = match (settings.dialect, &settings.hmac_key, known) {
            (Some(dialect), _, _) => vec![dialect],
            (None, Some(_), _) => vec![Dialect::V48],
            (None, None, Some(Dialect::V48)) => vec![Dialect::V502, Dialect::V48],
            (None, None, None) if settings.tries_pyro4_first => vec![Dialect::V502, Dialect::V48],
            (None, None, _) => vec![Dialect::V48, Dialect::V502],
        };
        let open = settings.dialect.is_none();
        let silent = known.filter(|known| open && known.server_speaks_first());
        candidates.extend(silent);
        candidates.retain(|dialect| settings.codec(*dialect).check().is_ok());
        Attempts {
            location,
            serializer: settings.serializer,
            candidates,
            open,
            listening: match silent {
                Some(_) => Listening::Now,
                None => Listening::NotYet,
            },
            reason: None,
        }
    }

    /// How long to wait for the server's first words in this attempt, when that is less than otherwise.
    pub(crate) fn patience(&self) -> Option<Duration> {
        (self.listening == Listening::Now).then_some(LISTENING_TIME)
    }

    /// The dialect to try now.
    ///
    /// # Errors
    /// When there is none left: why the attempts have failed.
    pub(crate) fn next(&mut self) -> Result<Dialect> {
        let dialect = self.candidates.pop();
        dialect.ok_or_else(|| match self.reason.take() {
            Some(reason) => reason,
            None => no_pickle(self.serializer),
        })
    }

    /// The server speaks this one. The next connection will begin with it.
    pub(crate) fn succeeded(&self, dialect: Dialect) {
        remember(&mut known_dialects(), self.location, dialect);
    }

    /// Judges an error of the handshake.
    ///
    /// # Errors
    /// When another dialect would not help: the error as Pyro words it.
    pub(crate) fn failed(&mut self, error: Error) -> Result<()> {
        if self.listening == Listening::Now {
            self.listening = Listening::Done;
            if error.kind() == ErrorKind::Timeout {
                return Ok(());
            }
        }
        let error = match judge(error, self.location) {
            Judgement::Final(error) => return Err(error),
            Judgement::Stranger(error) => error,
        };
        let told = foreign_version(&error).and_then(Dialect::from_version);
        if told == Some(Dialect::V502) && self.serializer.is_pickle() {
            return Err(cannot_connect(self.location, &no_pickle(self.serializer).to_string()));
        }
        if let Some(told) = told
            && self.open
            && told.server_speaks_first()
        {
            self.candidates = vec![told];
            self.open = false;
        }
        let was_told = [Some(&error), self.reason.as_ref()]
            .into_iter()
            .flatten()
            .any(|error| foreign_version(error).is_some());
        if self.open && self.candidates.is_empty() && self.listening == Listening::NotYet && !was_told {
            self.candidates.push(Dialect::V47);
            self.listening = Listening::Now;
        }
        // That the other side speaks another dialect is no reason once that one has been tried.
        if self
            .reason
            .as_ref()
            .is_none_or(|first| foreign_version(first).is_some())
        {
            self.reason = Some(error);
        }
        Ok(())
    }
}

/// Why a handshake has failed.
enum Judgement {
    /// Another dialect would not help.
    Final(Error),
    /// The other side may speak another dialect.
    Stranger(Error),
}

/// Judges an error of the handshake, and words it as Pyro does.
fn judge(error: Error, location: &Location) -> Judgement {
    if let Some(version) = foreign_version(&error) {
        return match Dialect::from_version(version) {
            Some(_) => Judgement::Stranger(error.with("the server speaks protocol version", version)),
            None => Judgement::Final(error.with("the server speaks protocol version", version)),
        };
    }
    match error.kind() {
        ErrorKind::ConnectionClosed if failure::is_about_tls(&error) => {
            Judgement::Final(cannot_connect(location, &error.to_string()))
        }
        // A server that does not understand the first bytes may close before its answer has got through.
        ErrorKind::ConnectionClosed => Judgement::Stranger(cannot_connect(location, &error.to_string())),
        // From the session: the text of a refusal.
        ErrorKind::Communication => {
            let place = place(location);
            Judgement::Final(Error::new(
                ErrorKind::Communication,
                format!("connection to {place} rejected: {error}"),
            ))
        }
        ErrorKind::Security => Judgement::Final(cannot_connect(location, &error.to_string())),
        _ => Judgement::Final(error),
    }
}

fn foreign_version(error: &Error) -> Option<u16> {
    let frame = std::error::Error::source(error)?.downcast_ref::<ferropyro_wire::FrameError>()?;
    match frame.kind() {
        FrameErrorKind::BadVersion(version) => Some(*version),
        _ => None,
    }
}

pub(super) fn cannot_connect(location: &Location, reason: &str) -> Error {
    Error::new(
        ErrorKind::Communication,
        format!("cannot connect to {}: {reason}", place(location)),
    )
}

/// A location as Python's error texts have it.
fn place(location: &Location) -> String {
    match location {
        Location::Tcp { host, port } => format!("('{host}', {port})"),
        Location::Unix(path) => path.clone(),
    }
}

/// Locations whose dialect is remembered. A program may meet any number of them in its life; to forget one costs it one more connection.
const MAX_KNOWN: usize = 4096;

fn remember(known: &mut HashMap<Location, Dialect>, location: &Location, dialect: Dialect) {
    if known.len() >= MAX_KNOWN && !known.contains_key(location) {
        known.clear();
    }
    known.insert(location.clone(), dialect);
}

/// Which dialect was spoken where, so that the next connection begins with the right one.
fn known_dialects() -> MutexGuard<'static, HashMap<Location, Dialect>> {
    static KNOWN: OnceLock<Mutex<HashMap<Location, Dialect>>> = OnceLock::new();
    let known = KNOWN.get_or_init(Mutex::default);
    known.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_of_dialects_has_a_bound() {
        let mut known = HashMap::new();
        for number in 0..=MAX_KNOWN {
            remember(&mut known, &Location::unix(format!("/{number}")), Dialect::V48);
            assert!(known.len() <= MAX_KNOWN);
        }
        let last = Location::unix(format!("/{MAX_KNOWN}"));
        remember(&mut known, &last, Dialect::V502);
        assert_eq!(known, HashMap::from([(last, Dialect::V502)]));
    }
}
