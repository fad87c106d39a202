//! Files over Pyro.
//!
//! A [`FileServer`] is an object that serves the files below one folder; every Pyro client can call it, and a [`FileClient`] does it with progress,
//! checksums and a way to go on where a transfer was cut off. The bytes go one of three ways ([`By`]):
//!
//! * in calls, as arguments and results, which every serializer has to carry;
//! * in annotations: each item of a stream brings up to 65,000 bytes in the annotation [`FDAT`], past the serializer;
//! * over a raw socket, near the speed of the network: [`RawSockets`] opens a second, temporary port beside the daemon and hands out tickets for it.
//!
//! ```
//! use ferropyro::{Daemon, Proxy};
//! use ferropyro_transfer::{Access, FileClient, FileServer, Options};
//!
//! let folder = tempfile::tempdir()?;
//! let here = tempfile::tempdir()?;
//! let daemon = Daemon::new()?;
//! let uri = daemon.register("files", FileServer::builder(folder.path()).access(Access::Create).build()?)?;
//! let running = daemon.start();
//!
//! let note = here.path().join("note.txt");
//! std::fs::write(&note, "remember the milk")?;
//! let files = FileClient::new(Proxy::new(uri)?);
//! files.put(&note, "note.txt", Options::new())?;
//! let copy = here.path().join("copy.txt");
//! let done = files.get("note.txt", &copy, Options::new())?;
//! assert_eq!(done.size, 17);
//! assert_eq!(std::fs::read_to_string(copy)?, "remember the milk");
//! # running.stop();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod client;
mod digest;
mod error;
#[cfg(doctest)]
mod guide;
mod part;
mod permits;
mod server;
mod sockets;

use ferropyro::wire::AnnotationKey;

pub use client::{By, FileClient, Options, Progress, Summary};
pub use error::{Error, Result};
pub use server::{Access, FileServer, FileServerBuilder, Folder};
pub use sockets::{Offer, RawSockets, RawSocketsBuilder};

/// The annotation with a piece of a file.
pub const FDAT: AnnotationKey = AnnotationKey::new(*b"FDAT").unwrap();

/// The bytes of a piece in an annotation, unless a client asks for others: as many as fit into a message of Pyro4 beside Pyro's own annotations.
pub const PIECE: usize = 65_000;

/// The logger name (tracing target) of this crate.
pub const LOGGER: &str = "Pyro.transfer";
