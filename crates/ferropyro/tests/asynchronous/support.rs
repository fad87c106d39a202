//! One object on every server that there is.

use ferropyro::{Daemon, DaemonBuilder, Error, Object, Proxy, Result, RunningDaemon, Uri, Value};

/// The servers that run async methods each in their own way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A thread for each connection.
    Thread,
    /// An event loop that runs one call after the other.
    Multiplex,
    /// An event loop that runs several calls at a time.
    Workers,
}

pub(crate) const KINDS: [Kind; 3] = [Kind::Thread, Kind::Multiplex, Kind::Workers];

/// Those that run several calls at a time.
pub(crate) const CONCURRENT: [Kind; 2] = [Kind::Thread, Kind::Workers];

impl Kind {
    pub(crate) fn builder(self) -> DaemonBuilder {
        match self {
            Kind::Thread => Daemon::builder(),
            Kind::Multiplex => Daemon::builder().multiplex(),
            Kind::Workers => Daemon::builder().multiplex().workers(4),
        }
    }

    pub(crate) fn serve(self, object: impl Object) -> Result<Server> {
        Server::start(self.builder(), object)
    }
}

/// A running server of one object.
pub(crate) struct Server {
    pub(crate) uri: Uri,
    _daemon: RunningDaemon,
}

impl Server {
    pub(crate) fn start(builder: DaemonBuilder, object: impl Object) -> Result<Server> {
        let daemon = builder.bind()?;
        let uri = daemon.register("object", object)?;
        Ok(Server {
            uri,
            _daemon: daemon.start(),
        })
    }

    pub(crate) fn proxy(&self) -> Result<Proxy> {
        Proxy::new(self.uri.clone())
    }
}

/// The class name and text of the exception that a call raises.
pub(crate) fn raised(result: Result<Value, Error>) -> (String, String) {
    let error = result.expect_err("an exception");
    let remote = error.as_remote().expect("an exception of the other side");
    (remote.class_name().to_owned(), remote.message().to_owned())
}
