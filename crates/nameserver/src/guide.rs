//! The pages of the guide that need a name server, so that their Rust examples are compiled and run as documentation tests.

#[doc = include_str!("../../../docs/nameserver.md")]
pub struct NameServers;

#[doc = include_str!("../../../docs/migration.md")]
pub struct Migration;
