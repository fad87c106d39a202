//! The servers that drive a daemon's sessions over sockets.

pub(crate) mod connection;
pub(crate) mod thread_pool;
