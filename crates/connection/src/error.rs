//! What can go wrong with a connection.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use ferropyro_formats as formats;

use crate::Digest;

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, in one line that says what to do next.
///
/// Each variant is an exception class of Python's modules, which is named with it.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// `AuthenticationError`: one of the ends has not proved that it has the key, or not in an acceptable way.
    Authentication(AuthenticationError),
    /// `BufferTooShort`: the message is longer than the buffer that it was to be read into. It is in here, and the connection goes on.
    BufferTooShort(BufferTooShort),
    /// `EOFError`: the other end has closed the connection, and there are no more messages.
    Eof,
    /// `OSError`: what arrives is no message, or one that is too long; or the connection was cut off inside one.
    Protocol(String),
    /// An operation has taken longer than it may: `TimeoutError`. (Python's connections wait for ever.)
    TimedOut(String),
    /// `OSError`: this end has closed the connection ("handle is closed") or the listener ("listener is closed"), or has sent a message only in part.
    Closed(&'static str),
    /// `ValueError`: an address or a family of addresses that makes no sense, or not here.
    Address(String),
    /// `PicklingError`, `UnpicklingError`: a value that cannot be sent, or a message that is no acceptable pickle.
    Pickle(formats::Error),
    /// `OSError`: the system's own errors, with what was tried.
    Io(String, io::Error),
}

/// One end has not proved that it has the key (Python's exception of this name).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthenticationError {
    pub(crate) text: String,
    pub(crate) refused: Option<Digest>,
}

/// A message was longer than the buffer for it (Python's exception of this name, whose `args[0]` is the message).
#[derive(Clone, PartialEq, Eq)]
pub struct BufferTooShort(pub(crate) Vec<u8>);

impl Error {
    pub(crate) fn authentication(text: impl Into<String>) -> Error {
        Error::Authentication(AuthenticationError::new(text))
    }

    pub(crate) fn io(what: impl fmt::Display, error: io::Error) -> Error {
        Error::Io(what.to_string(), error)
    }

    /// Whether it is about proving who has the key.
    pub fn is_authentication(&self) -> bool {
        matches!(self, Error::Authentication(_))
    }

    /// Whether the time was too short.
    pub fn is_timeout(&self) -> bool {
        matches!(self, Error::TimedOut(_))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Authentication(error) => error.fmt(f),
            Error::BufferTooShort(error) => error.fmt(f),
            Error::Eof => f.write_str("the other end has closed the connection"),
            Error::Protocol(text) | Error::TimedOut(text) | Error::Address(text) => f.write_str(text),
            Error::Closed(text) => f.write_str(text),
            Error::Pickle(error) => error.fmt(f),
            Error::Io(what, error) => write!(f, "{what}: {error}"),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Error::Authentication(error) => Some(error),
            Error::BufferTooShort(error) => Some(error),
            Error::Pickle(error) => Some(error),
            Error::Io(_, error) => Some(error),
            _ => None,
        }
    }
}

impl From<AuthenticationError> for Error {
    fn from(error: AuthenticationError) -> Error {
        Error::Authentication(error)
    }
}

impl From<BufferTooShort> for Error {
    fn from(error: BufferTooShort) -> Error {
        Error::BufferTooShort(error)
    }
}

impl From<formats::Error> for Error {
    fn from(error: formats::Error) -> Error {
        Error::Pickle(error)
    }
}

impl fmt::Display for AuthenticationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl StdError for AuthenticationError {}

impl AuthenticationError {
    pub(crate) fn new(text: impl Into<String>) -> AuthenticationError {
        AuthenticationError {
            text: text.into(),
            refused: None,
        }
    }

    /// The digest that would have been right, if it is only not acceptable here: [`Options::allow`](crate::Options::allow) makes it so.
    pub fn refused_digest(&self) -> Option<Digest> {
        self.refused
    }
}

impl BufferTooShort {
    /// The whole message.
    pub fn message(&self) -> &[u8] {
        &self.0
    }

    /// The whole message.
    pub fn into_message(self) -> Vec<u8> {
        self.0
    }
}

impl fmt::Display for BufferTooShort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the buffer is too short for the message, which has {} bytes",
            self.0.len()
        )
    }
}

/// Its length alone: messages can be long.
impl fmt::Debug for BufferTooShort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BufferTooShort({} bytes)", self.0.len())
    }
}

impl StdError for BufferTooShort {}
