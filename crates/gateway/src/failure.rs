//! Why there is no result.

use ferropyro::{Error, ErrorKind, Exception, Raise, Value};
use hyper::StatusCode;

/// What a request fails with, in the form of an exception.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    cause: Cause,
    pub(crate) exception: Exception,
}

/// Whose fault it is, for the status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The name server does not know the name.
    UnknownName,
    /// There is no name server.
    NoNameServer,
    /// The object's server is not there, or does not speak Pyro.
    Unreachable,
    /// The object does not answer.
    Silent,
    /// The object has no such member.
    UnknownMember,
    /// The result is an iterator, and events were not asked for.
    Iterator,
    /// The method raised it, or something else went wrong.
    Raised,
}

impl Failure {
    pub(crate) fn new(cause: Cause, exception: Exception) -> Failure {
        Failure { cause, exception }
    }

    /// For the routes that Pyro's gateways have too, and its manual's table of statuses.
    pub(crate) fn pyro_status(&self) -> StatusCode {
        match self.cause {
            Cause::UnknownName => StatusCode::NOT_FOUND,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// For the routes of our own.
    pub(crate) fn status(&self) -> StatusCode {
        match self.cause {
            Cause::UnknownName | Cause::UnknownMember => StatusCode::NOT_FOUND,
            Cause::NoNameServer => StatusCode::SERVICE_UNAVAILABLE,
            Cause::Unreachable => StatusCode::BAD_GATEWAY,
            Cause::Silent => StatusCode::GATEWAY_TIMEOUT,
            Cause::Iterator => StatusCode::NOT_ACCEPTABLE,
            Cause::Raised => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What is wrong, in a sentence.
    pub(crate) fn text(&self) -> String {
        match self.exception.args.first() {
            Some(Value::Str(text)) => text.to_string(),
            _ => self.exception.class.clone(),
        }
    }

    /// The name server's answer to a look-up, or the lack of one.
    pub(crate) fn of_lookup(error: Error) -> Failure {
        let is_unknown = error
            .as_remote()
            .is_some_and(|remote| remote.class_name() == "NamingError");
        let cause = match is_unknown {
            true => Cause::UnknownName,
            false => Cause::NoNameServer,
        };
        Failure::new(cause, exception(error))
    }
}

/// An error of an object, or of the connection to it.
impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        let cause = match error.kind() {
            _ if error.as_remote().is_some() => Cause::Raised,
            ErrorKind::Attribute => Cause::UnknownMember,
            ErrorKind::Timeout => Cause::Silent,
            ErrorKind::Communication | ErrorKind::ConnectionClosed | ErrorKind::Protocol => Cause::Unreachable,
            _ => Cause::Raised,
        };
        Failure::new(cause, exception(error))
    }
}

/// In the words of Python's gateways, which have no details.
fn exception(error: Error) -> Exception {
    match error.as_remote() {
        Some(_) => Raise::from(error).0,
        None => Exception::new(error.kind().class(), error.message()),
    }
}
