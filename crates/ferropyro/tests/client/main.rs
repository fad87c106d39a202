//! What a proxy can do besides plain calls: streams of items, batches, blobs, connections that are lost and made again, and travelling itself.
#![allow(unreachable_pub)] // #[expose] takes the public methods of an impl

mod batches;
mod blobs;
mod bytes;
mod connections;
mod hostile;
mod proxies;
#[path = "../shared/server.rs"]
mod server;
mod streams;
mod support;
