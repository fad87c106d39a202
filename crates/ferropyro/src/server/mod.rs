//! The servers that drive a daemon's sessions over sockets.

pub(crate) mod connection;
mod gate;
pub(crate) mod housekeeper;
mod runner;
pub(crate) mod thread_pool;
