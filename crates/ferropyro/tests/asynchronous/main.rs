//! Async methods on every server, and the async clients of traits.
#![allow(unreachable_pub)] // #[expose] goes by `pub`

mod clients;
mod contexts;
mod failures;
mod methods;
mod objects;
mod oneways;
mod support;
mod threads;
