//! Futures: calculations and calls in the background.
#![allow(unreachable_pub)] // #[expose] takes the public methods of an impl

mod async_proxy;
mod future;
