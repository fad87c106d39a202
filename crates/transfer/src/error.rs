//! What can go wrong at the client's end of a transfer.

use std::fmt;
use std::io;

/// The result of the client's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a transfer came to nothing.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A call of the file server failed, see [`ferropyro::Error::as_remote`] for what it said.
    Call(ferropyro::Error),
    /// A file at this end cannot be read or written.
    File {
        /// The file.
        path: String,
        /// Why not.
        source: io::Error,
    },
    /// The raw socket failed.
    Socket {
        /// Where the server has opened it.
        address: String,
        /// Why.
        source: io::Error,
    },
    /// The bytes that came are not those of the file, or the file has changed meanwhile. What was there before is still there.
    Damaged {
        /// The file.
        path: String,
        /// What does not fit.
        what: String,
    },
}

impl Error {
    pub(crate) fn file(path: impl fmt::Display) -> impl FnOnce(io::Error) -> Error {
        move |source| Error::File {
            path: path.to_string(),
            source,
        }
    }

    pub(crate) fn socket(address: impl fmt::Display) -> impl FnOnce(io::Error) -> Error {
        move |source| Error::Socket {
            address: address.to_string(),
            source,
        }
    }

    pub(crate) fn damaged(path: impl fmt::Display, what: impl fmt::Display) -> Error {
        Error::Damaged {
            path: path.to_string(),
            what: what.to_string(),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Call(error) => error.fmt(f),
            Error::File { path, source } => write!(f, "{path}: {source}"),
            Error::Socket { address, source } => write!(f, "the raw socket at {address}: {source}"),
            Error::Damaged { path, what } => write!(f, "{path}: {what}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Call(error) => Some(error),
            Error::File { source, .. } | Error::Socket { source, .. } => Some(source),
            Error::Damaged { .. } => None,
        }
    }
}

impl From<ferropyro::Error> for Error {
    fn from(error: ferropyro::Error) -> Error {
        Error::Call(error)
    }
}
