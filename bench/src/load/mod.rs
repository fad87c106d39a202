//! Many connections at a time: what sends calls over them, and what they are compared with.

pub(crate) mod channel;
pub(crate) mod fixed;
pub(crate) mod generator;
pub(crate) mod transport;
