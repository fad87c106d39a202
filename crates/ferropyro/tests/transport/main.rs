//! How daemons and proxies come to their sockets, and what they do with them.
#![cfg(unix)]
#![allow(unreachable_pub)] // #[expose] takes the public methods of an impl

mod addresses;
mod connected;
mod receiving;
#[path = "../shared/server.rs"]
mod server;

use ferropyro::{Bytes, Value, expose};

/// Something to call.
pub(crate) struct Echo;

#[expose]
impl Echo {
    pub fn echo(&self, value: Value) -> Value {
        value
    }

    /// So many bytes, no two neighbours of them the same.
    pub fn bytes(&self, count: usize) -> Bytes {
        Bytes::from(pattern(count))
    }
}

pub(crate) fn pattern(count: usize) -> Vec<u8> {
    (0..count).map(|index| (index % 251) as u8).collect()
}
