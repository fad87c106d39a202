//! The async client against daemons of ours.
#![allow(missing_docs, unreachable_pub)] // #[expose] goes by `pub`

mod calls;
mod cancelling;
mod connections;
mod context;
#[path = "../shared/server.rs"]
mod server;
mod streams;
#[allow(dead_code, unused_imports)] // what only the tests of the blocking client use
#[path = "../client/support.rs"]
mod support;
mod tools;
