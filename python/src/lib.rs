//! The Rust half of the Python package `ferropyro`: the module `ferropyro._ferropyro`.
//!
//! Python's objects are written straight into messages and read straight out of them (`write.rs`, `read.rs`); Python's lock is released for every wait. What programs see is
//! written in Python, around the classes here.

mod blob;
mod commands;
mod config;
mod connection;
mod context;
mod daemon;
mod errors;
mod exit;
mod log;
mod nameserver;
mod package;
mod pending;
mod pickle_file;
mod pickle_parts;
mod pickles;
mod proxy;
mod read;
mod remote_method;
mod remote_object;
mod reply;
mod request_loop;
mod serializers;
mod slot;
mod stream;
mod uri;
mod waiting;
mod write;

use pyo3::prelude::*;

/// What the Python half is made of.
// Not tried without Python's lock: a free-threaded Python switches it on for this module, and says so.
#[pymodule(name = "_ferropyro", gil_used = true)]
mod module {
    #[pymodule_export]
    use crate::blob::SerializedBlob;
    #[pymodule_export]
    use crate::commands::run_command;
    #[pymodule_export]
    use crate::config::Config;
    #[pymodule_export]
    use crate::connection::{ConnectionOptions, MessageConnection, MessageListener, connect, loads_data};
    #[pymodule_export]
    use crate::context::{CallContext, Connection};
    #[pymodule_export]
    use crate::daemon::{Daemon, EventLoop};
    #[pymodule_export]
    use crate::exit::{end, forget_threads};
    #[pymodule_export]
    use crate::log::{end_log, hold_log, log_names, release_log, set_log_levels, take_log};
    #[pymodule_export]
    use crate::nameserver::NameServer;
    #[pymodule_export]
    use crate::pickle_file::PickleFile;
    #[pymodule_export]
    use crate::pickle_parts::take_apart;
    #[pymodule_export]
    use crate::proxy::{Proxy, locate_ns, resolve};
    #[pymodule_export]
    use crate::remote_method::{ProxyBase, RemoteMethod};
    #[pymodule_export]
    use crate::remote_object::Members;
    #[pymodule_export]
    use crate::serializers::{contains, dumps, dumps_call, from_base64, loads, loads_call};
    #[pymodule_export]
    use crate::stream::Items;
    #[pymodule_export]
    use crate::uri::Uri;
}
