use std::fmt::{self, Display};

use crate::refusal::{HARMLESS_CLASS, refused_class};

/// Why a value could not be encoded or decoded. One pointer wide.
///
/// Its text is one line, made for the person who meets it, and ends with the position when there is one.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: String,
    position: Option<usize>,
}

/// What sort of failure an [`Error`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The input ends in the middle of a value.
    Eof,
    /// The input is not of this format.
    Syntax,
    /// A limit of [`Limits`](crate::Limits), or one of the format, was exceeded.
    Limit,
    /// The value has no form in this format.
    Unsupported,
    /// The input is well formed but does not fit the type that was asked for.
    Data,
    /// The input has an object of a class that is never read: one with double underscores in its name.
    Security,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Error {
        Error(Box::new(Inner {
            kind,
            message: message.into(),
            position: None,
        }))
    }

    /// An error about the input at byte `position`.
    pub(crate) fn at(kind: ErrorKind, message: impl Into<String>, position: usize) -> Error {
        Error(Box::new(Inner {
            kind,
            message: message.into(),
            position: Some(position),
        }))
    }

    pub(crate) fn syntax(message: impl Into<String>, position: usize) -> Error {
        Error::at(ErrorKind::Syntax, message, position)
    }

    pub(crate) fn eof(message: impl Into<String>, position: usize) -> Error {
        Error::at(ErrorKind::Eof, message, position)
    }

    pub(crate) fn limit(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Limit, message)
    }

    pub(crate) fn unsupported(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Unsupported, message)
    }

    /// Adds the position unless the error has one already: called while an error travels outwards.
    pub(crate) fn or_at(mut self, position: usize) -> Error {
        self.0.position.get_or_insert(position);
        self
    }

    /// What sort of failure this is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The text without the position.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The offset in the input, in bytes from its start, where the failure was noticed; `None` when encoding.
    pub fn position(&self) -> Option<usize> {
        self.0.position
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        match self.0.position {
            Some(position) => write!(f, " (at byte {position})"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("message", &self.0.message)
            .field("position", &self.0.position)
            .finish()
    }
}

impl std::error::Error for Error {}

impl serde::de::Error for Error {
    fn custom<T: Display>(message: T) -> Self {
        Error::new(ErrorKind::Data, message.to_string())
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        match expected {
            HARMLESS_CLASS => refused_class(variant),
            _ => Error::custom(serde::de::value::Error::unknown_variant(variant, expected)),
        }
    }
}

impl serde::ser::Error for Error {
    fn custom<T: Display>(message: T) -> Self {
        Error::new(ErrorKind::Unsupported, message.to_string())
    }
}
