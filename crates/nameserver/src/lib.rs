//! The Pyro name server: a phone book of names and object URIs, for programs of Pyro4 and Pyro5 alike.
//!
//! [`NameServerBuilder`] makes a daemon with a [`NameServerObject`] in it, as Pyro's `startNS` does (manual chapter "Name Server"). What it keeps is in a
//! [`Store`].
//!
//! ```
//! use ferropyro::{Location, naming};
//! use ferropyro_nameserver::NameServerBuilder;
//!
//! let nameserver = NameServerBuilder::new().port(0).bind()?;
//! let uri = nameserver.uri().clone();
//! let running = nameserver.start();
//!
//! let client = naming::locate_ns_with(uri.location(), &naming::Settings::default())?;
//! client.register("greeter", &"PYRO:greeter@localhost:4000".parse()?)?;
//! assert_eq!(client.lookup("greeter")?.to_string(), "PYRO:greeter@localhost:4000");
//! running.stop();
//! # Ok::<(), ferropyro::Error>(())
//! ```
#![forbid(unsafe_code)]

mod answer;
mod arguments;
mod autoclean;
mod book;
mod daemon;
mod dbm;
#[cfg(feature = "etcd")]
mod etcd;
#[cfg(doctest)]
mod guide;
mod history;
mod local;
mod memory;
mod object;
mod read_only;
mod request;
mod responder;
mod sql;
mod sqlite;
mod start;
mod statistics;
pub mod store;
mod upkeep;

pub use ferropyro_pattern::Pattern;

pub use daemon::{NameServerBuilder, NameServerDaemon, RunningNameServer};
pub use object::NameServerObject;
pub use start::{start_ns, start_ns_loop};
pub use statistics::{MethodCalls, Statistics};
pub use store::{Entry, Select, Store};
