//! The page of the guide about Flame, so that its Rust examples are compiled and run as documentation tests.

#[doc = include_str!("../../../docs/flame.md")]
pub struct Flame;
