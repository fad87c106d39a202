//! The page of the guide about files, so that its Rust examples are compiled and run as documentation tests.

#[doc = include_str!("../../../docs/transfer.md")]
pub struct Transfer;
