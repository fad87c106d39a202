//! The page of the guide about the gateway, so that its Rust example is compiled and run as a documentation test.

#[doc = include_str!("../../../docs/gateway.md")]
pub struct Gateways;
