//! What goes along with a call besides its arguments: the call context, correlation ids, annotations, the data of the handshake.
#![allow(unreachable_pub)] // #[expose] takes the public methods of an impl

mod annotations;
mod calls;
mod chains;
mod handshake;
mod hooks;
mod leaks;
mod limits;
#[path = "../shared/server.rs"]
mod server;
mod support;
