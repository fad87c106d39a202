//! What holds for every store, on each of them.

mod behaviour;
#[cfg(all(feature = "etcd", unix))]
mod cable;
#[cfg(all(feature = "etcd", unix))]
mod cluster;
mod concurrency;
mod durable;
#[cfg(all(feature = "etcd", unix))]
mod etcd;
#[cfg(all(feature = "etcd", unix))]
mod etcd_places;
#[cfg(all(feature = "etcd", unix))]
mod gate;
mod linear;
mod places;
mod recorder;
#[cfg(all(feature = "etcd", unix))]
mod watching;
