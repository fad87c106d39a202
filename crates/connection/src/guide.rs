//! The page of the guide about connections, so that its Rust examples are compiled and run as documentation tests.

#[doc = include_str!("../../../docs/connection.md")]
pub struct Connections;
