//! Message passing between processes as Python's `processing.connection` and `multiprocessing.connection` do it: a [`Listener`] waits for clients, [`Client::connect`] connects, and
//! each gets a [`Connection`] through which messages go both ways. Either end may be Python: `processing` 0.52, or multiprocessing of any version.
//!
//! Both ends may ask each other to prove that they have the same key: [`Options::authkey`]. Nothing but that is protected: what goes over the connection can be read and changed by
//! whoever stands between.
//!
//! By default only digests are acceptable that Python knows from 3.12 on. For older peers see [`Options::allow`].
//!
//! Windows' named pipes (`AF_PIPE`) are recognised as addresses, and not spoken.
#![forbid(unsafe_code)]

mod address;
pub mod aio;
mod auth;
mod client;
mod connection;
mod error;
mod frame;
#[cfg(doctest)]
mod guide;
mod halves;
mod listener;
mod listening;
mod objects;
mod options;
mod socket;

pub use address::{Address, Family};
pub use auth::{AuthKey, Digest, Digests, hand_down_process_key, process_key, set_process_key};
pub use client::Client;
pub use connection::{Connection, answer_challenge, deliver_challenge};
pub use error::{AuthenticationError, BufferTooShort, Error, Result};
pub use halves::{Receiver, Sender, Waker};
pub use listener::{Incoming, Listener};
pub use options::Options;

/// Whose lines in the log are those of listeners, beside the loggers of Pyro.
const LOGGER: &str = "Pyro.connection";
