//! What holds for every store, on each of them.

mod behaviour;
mod durable;
mod places;
