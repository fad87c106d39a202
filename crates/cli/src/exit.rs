//! Exit statuses, and the one place where errors get theirs.

use std::error::Error as _;
use std::fmt;

use ferropyro::{Error, ErrorKind};

use crate::output;

/// The exit status of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// It did what it was asked.
    Ok = 0,
    /// The other side raised an exception, or something failed that has no status of its own.
    Failed = 1,
    /// The command line or the environment makes no sense.
    Usage = 2,
    /// No such name, object, method or attribute.
    NotFound = 3,
    /// Nobody there: cannot connect, or no name server.
    Unreachable = 4,
    /// No answer in time.
    TimedOut = 5,
    /// The key is wrong or missing, or a certificate, or encryption altogether.
    Refused = 6,
    /// What should be gone on with is not known any more: some of it is missing.
    Lost = 7,
}

/// What a command ends with: usually `Ok(Exit::Ok)`.
pub(crate) type Outcome = Result<Exit, Failure>;

/// Why a command could not do what it was asked: a text for standard error, and a status.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    text: String,
}

impl Exit {
    /// The status for an error of the library.
    pub(crate) fn of(error: &Error) -> Exit {
        if is_about_keys(error) || is_about_certificates(error) {
            return Exit::Refused;
        }
        match error.kind() {
            ErrorKind::Communication if error.message().ends_with("rejected: unknown object") => Exit::NotFound,
            _ if error.as_remote().is_some() => Exit::Failed,
            ErrorKind::Timeout => Exit::TimedOut,
            ErrorKind::Naming if is_about_registrations(error) => Exit::NotFound,
            ErrorKind::Naming | ErrorKind::Communication | ErrorKind::ConnectionClosed | ErrorKind::Protocol => {
                Exit::Unreachable
            }
            ErrorKind::Attribute => Exit::NotFound,
            ErrorKind::Pyro => Exit::Usage,
            _ => Exit::Failed,
        }
    }
}

/// Python's clients cannot read a refusal that is signed with another key, so that all they have is one of these texts.
fn is_about_keys(error: &Error) -> bool {
    let is_refusal =
        |text: &str| text.contains("hmac key config not symmetric") || text.contains("message hmac mismatch");
    let own = error.as_remote().is_none() && (error.kind() == ErrorKind::Security || is_refusal(error.message()));
    let cause = error.source().and_then(|source| source.downcast_ref::<Error>());
    own || cause.is_some_and(is_about_keys)
}

/// One end does not trust the other, or they do not agree on encryption (TLS).
fn is_about_certificates(error: &Error) -> bool {
    let texts = [
        "the certificate of the other side is refused",
        "the other side refuses the connection",
        "the other side does not speak TLS",
        "this server accepts encrypted connections only",
    ];
    error.as_remote().is_none() && texts.iter().any(|text| error.to_string().contains(text))
}

fn is_about_registrations(error: &Error) -> bool {
    error.message().starts_with("no registrations available")
}

impl Failure {
    /// A failure with this status.
    pub(crate) fn new(exit: Exit, text: impl fmt::Display) -> Failure {
        Failure {
            exit,
            text: text.to_string(),
        }
    }

    /// The command line or the environment makes no sense.
    pub(crate) fn usage(text: impl fmt::Display) -> Failure {
        Failure::new(Exit::Usage, text)
    }

    /// The same with one more remark.
    pub(crate) fn with(mut self, remark: impl fmt::Display) -> Failure {
        self.text = format!("{} ({remark})", self.text);
        self
    }

    /// What is wrong.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Tells the user, and gives the exit status.
    pub(crate) fn report(&self) -> Exit {
        output::note(format_args!("error: {}", self.text));
        self.exit
    }
}

/// With the remote traceback, when there is one.
impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        let exit = Exit::of(&error);
        let traceback = error.as_remote().map(|remote| remote.traceback()).unwrap_or_default();
        match traceback.trim_end() {
            "" => Failure::new(exit, error),
            traceback => Failure::new(exit, format_args!("{error}\n\nremote traceback:\n{traceback}")),
        }
    }
}
