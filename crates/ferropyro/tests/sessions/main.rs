//! Daemons and proxies over real sockets, Rust on both sides; and a daemon against a plain socket that does what no client would.
#![allow(unreachable_pub)] // #[expose] takes the public methods of an impl

mod arguments;
mod calls;
mod connections;
mod dialects;
mod errors;
mod handshake;
mod instances;
mod limits;
mod panics;
mod pickles;
mod pool;
mod remains;
#[path = "../shared/server.rs"]
mod server;
mod servers;
mod support;
