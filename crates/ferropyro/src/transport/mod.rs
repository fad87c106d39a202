//! Sockets: blocking streams over TCP and Unix domain sockets, with TLS or without, and the buffer that bytes are read into.

mod asynchronous;
mod asynchronous_connect;
mod connect;
#[cfg(unix)]
mod connected;
mod entry;
mod inbox;
pub(crate) mod interrupt;
mod listener;
mod stream;
mod tls;

use std::io;
use std::time::Duration;

pub(crate) use asynchronous::{AsyncListener, AsyncStream};
pub(crate) use asynchronous_connect::within;
pub(crate) use connect::addresses_of;
#[cfg(unix)]
pub(crate) use connected::BlockingAgain;
#[cfg(unix)]
pub use connected::ConnectedSocket;
pub(crate) use entry::Entry;
pub(crate) use inbox::Inbox;
pub(crate) use listener::Listener;
pub use listener::ListeningSocket;
pub(crate) use stream::Stream;
pub(crate) use tls::TlsStream;

/// The host in the URI of a proxy over a connected socket of the program's own: Pyro's word for it.
pub(crate) const CONNECTED_SOCKET: &str = "<<connected-socket>>";

/// What a socket takes as a time limit: zero would be none, or an error.
fn not_at_once(timeout: Duration) -> Duration {
    timeout.max(Duration::from_millis(1))
}

/// Whether a read or write ended because of the socket's timeout.
pub(crate) fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}
