//! The client's end for tokio.

use std::io;

use tokio::task::spawn_blocking;

use super::Connection;
use super::listener::within;
use super::socket::AsyncSocket;
use crate::socket::Socket;
use crate::{Address, Error, Options, Result};

/// A [`Client`](crate::Client) whose connections are awaited.
#[derive(Debug)]
pub enum Client {}

impl Client {
    /// As [`Client::connect`](crate::Client::connect).
    ///
    /// # Errors
    /// As there.
    pub async fn connect(address: impl Into<Address>, options: &Options) -> Result<Connection> {
        let auth = options.auth()?;
        let terms = options.terms;
        let address = address.into().of_family(options.family)?;
        let deadline = terms.handshake_deadline();
        let cannot = |error: io::Error| Error::io("cannot connect", error);
        // The system's look-up of names blocks, and so does a Unix domain socket at whose other end others are waiting.
        let socket = spawn_blocking(move || Socket::connect(&address, deadline)).await;
        let socket = socket.map_err(|error| cannot(error.into()))??;
        let socket = AsyncSocket::from_blocking(socket).map_err(cannot)?;
        let left = deadline.map(|deadline| deadline.saturating_duration_since(std::time::Instant::now()));
        within(left, Connection::of_client(socket, auth, terms)).await
    }
}
