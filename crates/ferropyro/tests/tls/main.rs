//! Encrypted connections: who trusts whom, what both ends see of each other, and what hostile or mistaken peers get.
#![allow(unreachable_pub)] // #[expose] takes the public methods of an impl

mod authorities;
mod calls;
mod lab;
mod mistakes;
#[path = "../shared/server.rs"]
mod server;
mod servers;
mod settings;
mod two_way;
