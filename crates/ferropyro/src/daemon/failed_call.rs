//! What a program can learn about calls that failed.

use crate::context::Context;
use crate::error::Raise;

/// A call that failed: see [`DaemonBuilder::on_error`](crate::DaemonBuilder::on_error).
#[derive(Debug)]
pub struct FailedCall<'a> {
    pub(crate) object: &'a str,
    pub(crate) method: &'a str,
    pub(crate) is_callback: bool,
    pub(crate) error: &'a Raise,
    pub(crate) context: &'a Context,
}

impl<'a> FailedCall<'a> {
    /// The id of the object; `?` when the call could not even be read.
    pub fn object(&self) -> &'a str {
        self.object
    }

    /// The name of the method, as the caller gave it.
    pub fn method(&self) -> &'a str {
        self.method
    }

    /// Whether the method is a `callback`, whose errors concern this program as much as the caller.
    pub fn is_callback(&self) -> bool {
        self.is_callback
    }

    /// Whether the caller does not learn of it, because the call was oneway.
    pub fn is_oneway(&self) -> bool {
        self.context.flags().contains(ferropyro_wire::Flags::ONEWAY)
    }

    /// The exception that the caller got, or would have got.
    pub fn error(&self) -> &'a Raise {
        self.error
    }

    /// The call: its peer, its correlation id.
    pub fn context(&self) -> &'a Context {
        self.context
    }
}

/// What a daemon has done and is doing: see [`Daemon::statistics`](crate::Daemon::statistics).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Statistics {
    /// Objects and classes that are registered, the daemon's own object among them.
    pub objects: usize,
    /// Connections that are being served.
    pub connections: usize,
    /// Item streams that are open, or may be taken up again.
    pub streams: usize,
    /// Calls that raised an exception since the daemon was made, oneway calls among them.
    pub failed_calls: u64,
    /// Oneway calls that raised an exception: nobody but the log and [`DaemonBuilder::on_error`](crate::DaemonBuilder::on_error) heard of it.
    pub failed_oneway_calls: u64,
}
