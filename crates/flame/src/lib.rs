//! Flame of Pyro4: "foreign location automatic module exposer".
//!
//! A Flame server of Python's runs whatever its clients ask for: any function of any module, any code, a console. [`Flame`] is a client of such servers.
//! [`FlameServer`] is the part of a server that can stand without Python: `sendfile` and `getfile`, below one folder. Pyro5 has no Flame.
//!
//! ```
//! use ferropyro::{Config, Daemon, Serializer};
//! use ferropyro_flame::{Flame, FlameServer};
//!
//! let folder = tempfile::tempdir()?;
//! let config = Config::default().flame_enabled(true).serializers_accepted([Serializer::Pickle]);
//! let daemon = Daemon::builder().config(config).bind()?;
//! let uri = FlameServer::builder(folder.path()).start(&daemon)?;
//! let running = daemon.start();
//!
//! let flame = Flame::connect(&uri.to_string())?;
//! flame.sendfile("note.txt", b"remember the milk")?;
//! assert_eq!(flame.getfile("note.txt")?, b"remember the milk");
//! # running.stop();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod client;
mod console;
mod content;
#[cfg(doctest)]
mod guide;
mod remote;
mod server;

pub use client::Flame;
pub use console::{Console, Pushed};
pub use remote::{Builtin, Module};
pub use server::{FlameServer, FlameServerBuilder};

/// The id of the object that a Flame server is.
pub const FLAME_ID: &str = "Pyro.Flame";

/// The logger name (tracing target) of this crate.
pub const LOGGER: &str = "Pyro.flame";
