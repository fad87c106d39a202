//! The client's end.

use crate::connection::Connection;
use crate::socket::Socket;
use crate::{Address, Options, Result};

/// Connects to listeners (Python's function of this name).
///
/// ```no_run
/// use ferropyro_connection::{Client, Options};
///
/// let mut conn = Client::connect(("localhost", 6000), &Options::new().authkey("secret password"))?;
/// conn.send_bytes(b"hello")?;
/// println!("{:?}", conn.recv_bytes()?);
/// # Ok::<(), ferropyro_connection::Error>(())
/// ```
#[derive(Debug)]
pub enum Client {}

impl Client {
    /// A connection to the listener at this address; with a key, when both ends have proved that they have it.
    ///
    /// # Errors
    /// [`Error::Address`](crate::Error::Address) for an address that cannot be one here, or not of the family that [`Options::family`] says; an error of the system when nobody
    /// listens there; [`Error::Authentication`](crate::Error::Authentication) when the keys are different, or what the listener asks for is not acceptable;
    /// [`Error::TimedOut`](crate::Error::TimedOut) when all of that has taken longer than [`Options::handshake_timeout`]: as it does when only this end has a key.
    pub fn connect(address: impl Into<Address>, options: &Options) -> Result<Connection> {
        let auth = options.auth()?;
        let address = address.into().of_family(options.family)?;
        let deadline = options.terms.handshake_deadline();
        let socket = Socket::connect(&address, deadline)?;
        Connection::of_client(socket, auth, options.terms, deadline)
    }
}
