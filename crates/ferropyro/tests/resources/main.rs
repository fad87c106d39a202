//! What a daemon keeps for its clients, and gives up when they are gone: tracked resources, leased objects, item streams.
#![allow(unreachable_pub)] // #[expose] takes the public methods of an impl

mod leases;
#[path = "../shared/server.rs"]
mod server;
mod streams;
mod support;
mod tracking;
