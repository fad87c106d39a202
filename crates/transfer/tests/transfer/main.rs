//! Files between a real client and a real server, over sockets of this machine.
#![allow(unreachable_pub)] // what is exposed is `pub`

mod downloads;
mod paths;
mod sockets;
mod support;
mod uploads;
