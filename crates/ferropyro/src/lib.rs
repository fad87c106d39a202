//! Pyro (Python Remote Objects) in Rust: Rust programs call Python objects, and Python programs call Rust objects, over the wire protocols of Pyro4 and Pyro5.
//!
//! A [`Daemon`] offers objects; [`expose`] makes one of an `impl` block. A [`Proxy`] calls objects; [`remote`] makes a typed client of a trait. The
//! [`naming`] module finds objects by name. Either end may be Python: any Pyro4 program (protocol 48) and any Pyro5 program (502) talks
//! to this library as to its own kind, on one port.
#![forbid(unsafe_code)]

pub mod aio;
mod arguments;
mod blob;
mod classes;
pub mod config;
mod connection;
pub mod context;
mod daemon;
mod description;
mod error;
pub mod futures;
#[cfg(doctest)]
mod guide;
pub mod logging;
pub mod naming;
pub mod network;
mod object;
mod panics;
mod peer;
mod proxy;
mod ration;
mod serializer;
mod server;
mod session;
pub mod tls;
mod transport;
pub mod uri;

pub use arguments::{Arguments, Parameters, Text};
pub use blob::SerializedBlob;
pub use config::Config;
pub use connection::{Connection, Resource};
pub use context::Context;
pub use daemon::event_loop::EventLoop;
pub use daemon::failed_call::{FailedCall, Statistics};
pub use daemon::registered::Registered;
pub use daemon::registry::{DAEMON_ID, InstanceMode};
pub use daemon::{Daemon, DaemonBuilder, RunningDaemon};
pub use description::{
    AttributeDescription, Description, MethodDescription, ParameterDescription, SignatureDescription,
};
pub use error::{Error, ErrorKind, Raise, RemoteError, Result};
pub use ferropyro_formats as formats;
pub use ferropyro_formats::{
    BigInt, ByteArray, Bytes, Complex, Date, DateTime, Decimal, Dict, Exception, Instance, Set, Str, Time, TimeDelta,
    Value,
};
#[doc = include_str!("../docs/class.md")]
pub use ferropyro_macros::PyroClass;
#[doc = include_str!("../docs/expose.md")]
pub use ferropyro_macros::expose;
#[doc = include_str!("../docs/remote.md")]
pub use ferropyro_macros::remote;
pub use ferropyro_wire::{self as wire, Dialect, Serializer};
pub use naming::{NameServer, locate_ns, resolve};
pub use object::answer::{Answer, ItemStream};
pub use object::members::{Attribute, Members, Method, Param};
pub use object::{BoxFuture, Call, Class, Object, Reply};
pub use peer::Peer;
pub use proxy::{AnyReply, Batch, BatchResults, FromReply, Items, Proxy, ProxyBuilder, RawReply, RawValue};
pub use session::metadata::Metadata;
#[cfg(unix)]
pub use transport::ConnectedSocket;
pub use transport::ListeningSocket;
pub use uri::{Location, Uri};

/// For bindings to other languages, which read results straight into objects of their own: what a [`FromReply`] of theirs is given.
pub mod foreign {
    pub use crate::arguments::ForeignCall;
    pub use crate::proxy::items::RemoteStream;
    pub use crate::proxy::reply::Payload;
}

/// What the code that the macros write calls. Not for use by hand: it changes without notice.
#[doc(hidden)]
pub mod __private {
    pub use serde;

    pub use crate::classes::dict::{
        Attributes, Classes, ReadObject, WriteObject, from_remote, raise, read_exception, read_object, write_exception,
        write_object,
    };
    pub use crate::proxy::RemoteResult;
}
