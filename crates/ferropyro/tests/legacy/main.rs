//! Pyro4's protocols 46 and 47, where the server speaks first.

#![allow(unreachable_pub)] // #[expose] goes by `pub`

mod captured;
mod clients;
mod daemons;
mod support;
