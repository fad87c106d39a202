//! What goes wrong with connections, in words, and what it means for them.

use std::io;

use super::dialects::cannot_connect;
use crate::transport::interrupt::is_ended_by_program;
use crate::transport::is_timeout;
use crate::{Error, ErrorKind, Location, Result, tls};

/// An error of reading from a connection.
pub(crate) fn receiving(error: io::Error) -> Error {
    if is_timeout(&error) {
        return Error::new(ErrorKind::Timeout, "receiving: timeout");
    }
    lost("receiving: connection lost", error)
}

/// An error of writing to a connection.
pub(crate) fn sending(error: io::Error) -> Error {
    if is_timeout(&error) {
        return Error::new(ErrorKind::Timeout, "sending: timeout");
    }
    lost("sending: connection lost", error)
}

/// The other side has closed the connection.
pub(crate) fn hung_up() -> Error {
    Error::new(ErrorKind::ConnectionClosed, "receiving: not enough data")
}

pub(crate) fn lost(what: &str, error: io::Error) -> Error {
    if is_ended_by_program(&error) {
        // Nothing that could be tried again.
        return Error::new(ErrorKind::Runtime, error.to_string()).caused_by(error);
    }
    let reason = tls::explain(&error).unwrap_or_else(|| error.to_string());
    Error::new(ErrorKind::ConnectionClosed, format!("{what}: {reason}")).caused_by(error)
}

/// An error of the TLS handshake.
pub(crate) fn no_encryption(location: &Location, error: io::Error) -> Error {
    if is_timeout(&error) {
        let text = "no answer in time in the TLS handshake";
        return Error::new(ErrorKind::Timeout, cannot_connect(location, text).message());
    }
    let reason = tls::explain(&error).unwrap_or_else(|| error.to_string());
    cannot_connect(location, &reason).caused_by(error)
}

/// Whether the connection was lost because one of its ends refuses the other, in which no dialect helps.
pub(super) fn is_about_tls(error: &Error) -> bool {
    io_source(error).is_some_and(|source| tls::explain(source).is_some())
}

fn io_source(error: &Error) -> Option<&io::Error> {
    std::error::Error::source(error).and_then(|source| source.downcast_ref())
}

/// Whether nobody can know any more where the connection stands. Also when the other side raised the error: it has closed the connection then.
pub(crate) fn ends_connection(error: &Error) -> bool {
    let is_the_peers = error.is_a(ErrorKind::Communication) || error.is_a(ErrorKind::Security);
    (is_the_peers && !is_about_data(error)) || io_source(error).is_some_and(is_ended_by_program)
}

/// Arguments that were not sent, because they cannot be, and results that have arrived but are of another type: the connection is as it was, and so
/// is the instance that the server keeps for it.
fn is_about_data(error: &Error) -> bool {
    let source = std::error::Error::source(error);
    source.is_some_and(|source| source.is::<ferropyro_formats::Error>() || source.is::<ferropyro_wire::EncodeError>())
}

/// Whether sending the call again may help.
pub(crate) fn is_transient(error: &Error) -> bool {
    error.as_remote().is_none() && matches!(error.kind(), ErrorKind::ConnectionClosed | ErrorKind::Timeout)
}

/// Whether another attempt of [`Proxy::reconnect`](crate::Proxy::reconnect) may help.
pub(crate) fn is_worth_another_try(error: &Error) -> bool {
    error.is_a(ErrorKind::Communication) || error.is_a(ErrorKind::Naming)
}

pub(crate) fn failed_to_reconnect(last: Option<Error>) -> Error {
    let error = Error::new(ErrorKind::ConnectionClosed, "failed to reconnect");
    match last {
        Some(failure) => error.after(failure),
        None => error,
    }
}

pub(crate) fn lost_while_reconnecting() -> Error {
    let text = "the connection was lost again while its on_reconnect hook ran";
    Error::new(ErrorKind::ConnectionClosed, text)
}

/// What stands for the answer that nobody sends, or why nothing does.
pub(crate) fn oneway_result<R>(result: Result<R>, method: &str) -> Result<R> {
    result.map_err(|error| error.with("reason", format_args!("{method} is oneway and gives no result")))
}
