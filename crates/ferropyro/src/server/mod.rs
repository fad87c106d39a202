//! The servers that drive a daemon's sessions over sockets.

pub(crate) mod connection;
mod gate;
mod runner;
pub(crate) mod thread_pool;
