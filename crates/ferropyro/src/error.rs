//! The library's one error type, and the exceptions that travel between programs.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use ferropyro_formats::{self as formats, Exception, Value};
use ferropyro_wire::{self as wire, Serializer};

/// The result of the library's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, in one line that says what to do next. One pointer wide.
///
/// [`Error::kind`] sorts errors as Python's Pyro sorts its exception classes; an exception that the other side raised is
/// in [`Error::as_remote`], whatever its kind. A clone shares the cause.
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    message: String,
    context: Vec<(&'static str, String)>,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
    remote: Option<RemoteError>,
}

/// The sorts of errors: Pyro's exception classes (module `Pyro4.errors` or `Pyro5.errors`), those of Python's own that Pyro raises
/// itself, and `Remote` for every other exception of the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// `PyroError`, the root: bad URIs among others.
    Pyro,
    /// `CommunicationError`: the network, or a peer that refused the connection.
    Communication,
    /// `ConnectionClosedError`: the connection broke.
    ConnectionClosed,
    /// `TimeoutError`: no answer in time.
    Timeout,
    /// `ProtocolError`: the peer's bytes are not as they should be.
    Protocol,
    /// `MessageTooLargeError`.
    MessageTooLarge,
    /// `SerializeError`: a value could not be written or read.
    Serialize,
    /// `NamingError`: the name server, or a name.
    Naming,
    /// `DaemonError`: an object in the daemon.
    Daemon,
    /// `SecurityError`: a wrong key, or a value that must not be read.
    Security,
    /// Python's `AttributeError`: no such method or attribute.
    Attribute,
    /// Python's `TypeError`: arguments that do not fit.
    Type,
    /// Python's `ValueError`: a setting or argument with a value that cannot be.
    Value,
    /// Python's `RuntimeError`: something that cannot be done, or not any more, such as a future that has been cancelled; and code that panicked.
    Runtime,
    /// Any other exception that the remote method raised: see [`Error::as_remote`].
    Remote,
}

impl ErrorKind {
    /// The class above, as in Python: `ConnectionClosed` is a `Communication` is a `Pyro`.
    pub fn parent(self) -> Option<ErrorKind> {
        use ErrorKind::*;
        match self {
            Pyro | Attribute | Type | Value | Runtime | Remote => None,
            Communication | Naming | Daemon | Security => Some(Pyro),
            ConnectionClosed | Timeout | Protocol => Some(Communication),
            MessageTooLarge | Serialize => Some(Protocol),
        }
    }

    /// Whether an `except` clause of Python with the class `other` would catch this.
    ///
    /// ```
    /// use ferropyro::ErrorKind;
    /// assert!(ErrorKind::Timeout.is_a(ErrorKind::Communication));
    /// assert!(!ErrorKind::Naming.is_a(ErrorKind::Communication));
    /// ```
    pub fn is_a(self, other: ErrorKind) -> bool {
        self == other || self.parent().is_some_and(|parent| parent.is_a(other))
    }

    /// The full name of Python's class; Pyro's own are named as in Pyro5.
    pub fn class(self) -> &'static str {
        match self {
            ErrorKind::Pyro | ErrorKind::Remote => "Pyro5.errors.PyroError",
            ErrorKind::Communication => "Pyro5.errors.CommunicationError",
            ErrorKind::ConnectionClosed => "Pyro5.errors.ConnectionClosedError",
            ErrorKind::Timeout => "Pyro5.errors.TimeoutError",
            ErrorKind::Protocol => "Pyro5.errors.ProtocolError",
            ErrorKind::MessageTooLarge => "Pyro5.errors.MessageTooLargeError",
            ErrorKind::Serialize => "Pyro5.errors.SerializeError",
            ErrorKind::Naming => "Pyro5.errors.NamingError",
            ErrorKind::Daemon => "Pyro5.errors.DaemonError",
            ErrorKind::Security => "Pyro5.errors.SecurityError",
            ErrorKind::Attribute => "builtins.AttributeError",
            ErrorKind::Type => "builtins.TypeError",
            ErrorKind::Value => "builtins.ValueError",
            ErrorKind::Runtime => "builtins.RuntimeError",
        }
    }

    /// The kind of an exception class, whichever generation of Pyro it comes from. Classes that are none of ours are [`ErrorKind::Remote`].
    pub fn of_class(class: &str) -> ErrorKind {
        let class = crate::classes::pyro5_name(class);
        let own = [
            ErrorKind::Pyro,
            ErrorKind::Communication,
            ErrorKind::ConnectionClosed,
            ErrorKind::Timeout,
            ErrorKind::Protocol,
            ErrorKind::MessageTooLarge,
            ErrorKind::Serialize,
            ErrorKind::Naming,
            ErrorKind::Daemon,
            ErrorKind::Security,
        ];
        own.into_iter()
            .find(|kind| kind.class() == class)
            .unwrap_or(ErrorKind::Remote)
    }
}

impl Error {
    /// An error of this kind.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Error {
        Error(Box::new(Inner {
            kind,
            message: message.into(),
            context: Vec::new(),
            source: None,
            remote: None,
        }))
    }

    /// The same with a detail behind the text, such as an address that was tried.
    #[must_use]
    pub fn with(mut self, name: &'static str, detail: impl fmt::Display) -> Error {
        self.0.context.push((name, detail.to_string()));
        self
    }

    /// The same with its cause.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
        self.0.source = Some(Arc::from(source.into()));
        self
    }

    /// The error that a remote exception becomes.
    pub(crate) fn remote(remote: RemoteError) -> Error {
        let kind = ErrorKind::of_class(&remote.exception.class);
        let message = remote.to_string();
        Error(Box::new(Inner {
            kind,
            message,
            context: Vec::new(),
            source: None,
            remote: Some(remote),
        }))
    }

    /// The same with the addresses that were tried in vain on the way to this error as its details; the last failure is the cause.
    pub(crate) fn after(self, failure: Error) -> Error {
        let mut tried: Vec<String> = failure.tried().map(str::to_owned).collect();
        if tried.is_empty() {
            tried.push(failure.message().to_owned());
        }
        self.having_tried(tried).caused_by(failure)
    }

    /// The same with what was tried in vain on the way to this error, each once.
    pub(crate) fn having_tried(mut self, tried: impl IntoIterator<Item = String>) -> Error {
        for text in tried {
            if !self.tried().any(|known| known == text) {
                self.0.context.push((TRIED, text));
            }
        }
        self
    }

    /// What was tried in vain on the way to this error: addresses, each with the reason.
    pub(crate) fn tried(&self) -> impl Iterator<Item = &str> {
        let tried = self.0.context.iter().filter(|(name, _)| *name == TRIED);
        tried.map(|(_, text)| text.as_str())
    }

    /// The sort of error.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether Python would catch this with the class of `kind`.
    pub fn is_a(&self, kind: ErrorKind) -> bool {
        self.0.kind.is_a(kind)
    }

    /// The text without details: what Python shows as the exception's argument.
    pub fn message(&self) -> &str {
        match &self.0.remote {
            Some(remote) => remote.message(),
            None => &self.0.message,
        }
    }

    /// The exception, when the other side raised it; `None` when the error arose here.
    pub fn as_remote(&self) -> Option<&RemoteError> {
        self.0.remote.as_ref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        for (name, detail) in &self.0.context {
            write!(f, "; {name}: {detail}")?;
        }
        match &self.0.remote {
            Some(remote) if f.alternate() => write!(f, "\n{}", remote.traceback()),
            _ => Ok(()),
        }
    }
}

/// Everything: kind, text, details, cause, and the remote traceback.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {self}", self.0.kind)?;
        if let Some(source) = &self.0.source {
            write!(f, "\ncaused by: {source}")?;
        }
        match &self.0.remote {
            Some(remote) => write!(f, "\nremote traceback:\n{}", remote.traceback()),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

/// An exception that the other side raised.
#[derive(Debug, Clone, PartialEq)]
pub struct RemoteError {
    exception: Exception,
    message: String,
}

impl RemoteError {
    pub(crate) fn new(mut exception: Exception) -> RemoteError {
        exception.class = crate::classes::exception_class(exception.class);
        RemoteError {
            message: exception.text(),
            exception,
        }
    }

    /// The class with its module, such as `builtins.ZeroDivisionError`.
    pub fn class(&self) -> &str {
        &self.exception.class
    }

    /// The class without its module: `ZeroDivisionError`.
    pub fn class_name(&self) -> &str {
        self.exception.class_name()
    }

    /// The arguments of the exception.
    pub fn args(&self) -> &[Value] {
        &self.exception.args
    }

    /// An attribute that was set on the exception.
    pub fn attribute(&self, name: &str) -> Option<&Value> {
        self.exception.attributes.get(name)
    }

    /// What Python's `str()` gives for the exception.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The traceback on the other side, as Python prints it; empty when none was sent.
    pub fn traceback(&self) -> String {
        let lines = self
            .attribute(TRACEBACK)
            .and_then(Value::as_sequence)
            .unwrap_or_default();
        lines.iter().filter_map(Value::as_str).collect()
    }

    /// The exception itself.
    pub fn exception(&self) -> &Exception {
        &self.exception
    }
}

/// The name of the detail that is an address, and why there was nobody.
pub(crate) const TRIED: &str = "tried";

/// The attribute in which a Pyro server puts the traceback.
pub(crate) const TRACEBACK: &str = "_pyroTraceback";

/// As Python prints an exception: `ValueError: the text`.
impl fmt::Display for RemoteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.message.as_str() {
            "" => f.write_str(self.class_name()),
            text => write!(f, "{}: {text}", self.class_name()),
        }
    }
}

impl std::error::Error for RemoteError {}

/// What a method gives back when it fails: an exception of Python.
///
/// A method marked with [`expose`](crate::expose) may return `Result<T, E>` with any `E` that becomes a `Raise`: this type itself, an
/// [`Exception`] of a class of your choice, a text (a `RuntimeError`), the common errors of the standard library, or your own error type with
/// `impl From<MyError> for Raise`.
#[derive(Debug, Clone, PartialEq)]
pub struct Raise(pub Exception, Option<Arc<Written>>);

/// An exception that is written already.
#[derive(Debug, PartialEq)]
struct Written {
    serializer: Serializer,
    payload: Vec<u8>,
}

impl Raise {
    /// An exception of this class (`ValueError`, or `module.Class`) with one text.
    pub fn new(class: &str, text: impl Into<String>) -> Raise {
        Exception::new(class, text).into()
    }

    /// The same, written already, traceback and all, for clients that use this serializer. For bindings to other languages, which have writers of their own; all other clients get
    /// the exception as it stands here.
    #[must_use]
    pub fn written(self, serializer: Serializer, payload: Vec<u8>) -> Raise {
        Raise(self.0, Some(Arc::new(Written { serializer, payload })))
    }

    /// The bytes for a client that uses this serializer, if they were written already.
    pub(crate) fn payload(&self, serializer: Serializer) -> Option<&[u8]> {
        let written = self.1.as_ref()?;
        (written.serializer == serializer).then_some(&written.payload)
    }
}

impl fmt::Display for Raise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.class_name(), self.0.text())
    }
}

impl From<Exception> for Raise {
    fn from(exception: Exception) -> Raise {
        Raise(exception, None)
    }
}

/// A remote exception goes on as it came; every other error becomes the class of its kind.
impl From<Error> for Raise {
    fn from(error: Error) -> Raise {
        match error.0.remote {
            Some(remote) => remote.exception.into(),
            None => Raise::new(error.0.kind.class(), error.to_string()),
        }
    }
}

macro_rules! raise_from {
    ($($error:ty => $class:literal;)*) => {
        $(impl From<$error> for Raise {
            fn from(error: $error) -> Raise {
                Raise::new($class, error.to_string())
            }
        })*
    };
}

raise_from! {
    String => "RuntimeError";
    &str => "RuntimeError";
    Cow<'_, str> => "RuntimeError";
    Box<dyn std::error::Error> => "RuntimeError";
    Box<dyn std::error::Error + Send + Sync> => "RuntimeError";
    fmt::Error => "RuntimeError";
    std::io::Error => "OSError";
    std::num::ParseIntError => "ValueError";
    std::num::ParseFloatError => "ValueError";
    std::num::TryFromIntError => "OverflowError";
    std::str::Utf8Error => "ValueError";
    std::string::FromUtf8Error => "ValueError";
    std::time::SystemTimeError => "ValueError";
    std::sync::mpsc::RecvError => "RuntimeError";
}

impl From<std::convert::Infallible> for Raise {
    fn from(never: std::convert::Infallible) -> Raise {
        match never {}
    }
}

impl From<std::convert::Infallible> for Error {
    fn from(never: std::convert::Infallible) -> Error {
        match never {}
    }
}

impl From<formats::Error> for Error {
    fn from(error: formats::Error) -> Error {
        let (kind, text) = match error.kind() {
            // In Pyro's own words, without the position.
            formats::ErrorKind::Security => (ErrorKind::Security, error.message().to_owned()),
            _ => (ErrorKind::Serialize, error.to_string()),
        };
        Error::new(kind, text).caused_by(error)
    }
}

impl From<wire::UnknownSerializer> for Error {
    fn from(error: wire::UnknownSerializer) -> Error {
        Error::new(ErrorKind::Serialize, error.to_string()).caused_by(error)
    }
}

impl From<wire::FrameError> for Error {
    fn from(error: wire::FrameError) -> Error {
        use wire::FrameErrorKind as Kind;
        let kind = match error.kind() {
            Kind::TooLarge { .. } => ErrorKind::MessageTooLarge,
            _ if error.is_security() => ErrorKind::Security,
            _ => ErrorKind::Protocol,
        };
        Error::new(kind, error.to_string()).caused_by(error)
    }
}

impl From<wire::EncodeError> for Error {
    fn from(error: wire::EncodeError) -> Error {
        let kind = match error {
            wire::EncodeError::TooLarge { .. } => ErrorKind::MessageTooLarge,
            wire::EncodeError::PayloadTooLong { .. } => ErrorKind::Value,
            _ => ErrorKind::Protocol,
        };
        Error::new(kind, error.to_string()).caused_by(error)
    }
}

impl From<crate::uri::InvalidUri> for Error {
    fn from(error: crate::uri::InvalidUri) -> Error {
        Error::new(ErrorKind::Pyro, error.to_string()).caused_by(error)
    }
}

impl From<crate::config::InvalidConfig> for Error {
    fn from(error: crate::config::InvalidConfig) -> Error {
        Error::new(ErrorKind::Value, error.to_string()).caused_by(error)
    }
}
