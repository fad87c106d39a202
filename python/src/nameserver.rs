//! A name server within the program.

use ferropyro::config::Generation;
use ferropyro_nameserver::{NameServerBuilder, NameServerDaemon};
use pyo3::prelude::*;

use crate::config::Config;
use crate::daemon::Daemon;
use crate::errors::raise;
use crate::uri::Uri;

/// A name server that listens. It serves when its daemon does.
#[pyclass(frozen, module = "ferropyro._ferropyro")]
pub(crate) struct NameServer(NameServerDaemon);

#[pymethods]
impl NameServer {
    #[new]
    #[pyo3(signature = (config, *, host=None, port=None, broadcast=true, broadcast_host=None, broadcast_port=None, unix_socket=None, nat_host=None, nat_port=None, storage=None, hmac_key=None))]
    #[expect(clippy::too_many_arguments, reason = "they have names in Python")]
    fn new(
        py: Python<'_>,
        config: &Config,
        host: Option<String>,
        port: Option<u16>,
        broadcast: bool,
        broadcast_host: Option<String>,
        broadcast_port: Option<u16>,
        unix_socket: Option<String>,
        nat_host: Option<String>,
        nat_port: Option<u16>,
        storage: Option<String>,
        hmac_key: Option<Vec<u8>>,
    ) -> PyResult<NameServer> {
        let mut builder = NameServerBuilder::new().config(config.0.clone()).broadcast(broadcast);
        if let Some(host) = host {
            builder = builder.host(host);
        }
        if let Some(port) = port {
            builder = builder.port(port);
        }
        if let Some(host) = broadcast_host {
            builder = builder.broadcast_host(host);
        }
        if let Some(port) = broadcast_port {
            builder = builder.broadcast_port(port);
        }
        if let Some(path) = unix_socket {
            builder = builder.unix_socket(path);
        }
        if let Some(host) = nat_host {
            builder = builder.nat_host(host);
        }
        if let Some(port) = nat_port {
            builder = builder.nat_port(port);
        }
        if let Some(storage) = storage {
            builder = builder.storage(storage);
        }
        if let Some(key) = hmac_key {
            builder = builder.hmac_key(key);
        }
        let bound = py.detach(|| builder.bind());
        bound.map(NameServer).map_err(|error| raise(py, error))
    }

    /// The daemon that it is in.
    #[getter]
    fn daemon(&self) -> Daemon {
        Daemon::of(self.0.daemon().clone())
    }

    /// The URI for clients.
    #[getter]
    fn uri(&self) -> Uri {
        Uri(self.0.uri().clone())
    }

    /// Where it answers broadcasts: host and port; None if it does not.
    #[getter]
    fn broadcast_address(&self) -> Option<(String, u16)> {
        self.0
            .broadcast_address()
            .map(|address| (address.ip().to_string(), address.port()))
    }

    /// The number of the socket on which it does; None if it does not.
    #[cfg(unix)]
    #[getter]
    fn broadcast_descriptor(&self) -> Option<i32> {
        self.0.broadcast_descriptor()
    }

    /// The lines that Pyro4's name server prints when it starts.
    fn start_lines(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        py.detach(|| self.0.start_lines(Generation::Pyro4))
            .map_err(|error| raise(py, error))
    }

    /// Stops it, and closes its store.
    fn shutdown(&self, py: Python<'_>) {
        py.detach(|| self.0.shutdown());
    }
}
