//! Connected sockets that the program brings along.

use std::io;
use std::net::TcpStream;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;

use socket2::{Domain, SockAddr, Socket, Type};

use super::connect::unix_location;
use super::{AsyncStream, Stream};
use crate::{Error, ErrorKind, Location, Result};

/// A connected socket of the program's own, for [`DaemonBuilder::connected_socket`](crate::DaemonBuilder::connected_socket) and
/// [`ProxyBuilder::connected_socket`](crate::ProxyBuilder::connected_socket): one end of a pair, an inherited descriptor, or any other stream socket.
///
/// It is made from a `TcpStream` or `UnixStream`, or from a descriptor. What is only lent (`&UnixStream`, a `BorrowedFd`) is duplicated, and stays open
/// for as long as its owner wants; what is given away is closed with the daemon or proxy. Neither ever shuts the connection down. (Pyro's
/// `connected_socket`, since 4.70; manual chapter "Tips & Tricks", hooking onto existing connected sockets.)
///
/// ```
/// use std::os::unix::net::UnixStream;
///
/// use ferropyro::ConnectedSocket;
///
/// let (ours, theirs) = UnixStream::pair()?;
/// let lent = ConnectedSocket::try_from(&ours)?;
/// let given = ConnectedSocket::try_from(theirs)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ConnectedSocket {
    socket: Socket,
    /// The address of the other end.
    peer: SockAddr,
}

impl ConnectedSocket {
    fn new(socket: Socket) -> Result<ConnectedSocket> {
        match socket.r#type() {
            Ok(Type::STREAM) => {}
            Ok(_) => return Err(refused(&"it is no stream socket")),
            Err(error) => return Err(refused(&error).caused_by(error)),
        }
        match socket.peer_addr() {
            Ok(peer) if !matches!(peer.domain(), Domain::IPV4 | Domain::IPV6 | Domain::UNIX) => {
                Err(refused(&"it is neither of IP nor a Unix domain socket"))
            }
            Ok(peer) => Ok(ConnectedSocket { socket, peer }),
            Err(error) => Err(refused(&error).caused_by(error)),
        }
    }

    /// Where a daemon with this socket says that it is: `./u:<<not-bound>>` for a Unix domain socket without a path, as Pyro has it.
    pub(crate) fn location(&self) -> Result<Location> {
        let own = self
            .socket
            .local_addr()
            .map_err(|error| refused(&error).caused_by(error))?;
        Ok(match own.as_socket() {
            Some(address) => Location::tcp(address.ip().to_string(), address.port()),
            None => unix_location(&own),
        })
    }

    /// The stream, for reads and writes that wait.
    pub(crate) fn into_stream(self) -> Result<Stream> {
        let cannot = |error: io::Error| refused(&error).caused_by(error);
        self.socket.set_nonblocking(false).map_err(cannot)?;
        match self.peer.as_socket() {
            Some(address) => Ok(Stream::Tcp(self.socket.into(), address)),
            None => Ok(Stream::Unix(self.socket.into())),
        }
    }

    /// The stream, to be waited for by tokio, and what makes the socket blocking again when that is dropped, for those who still hold it.
    ///
    /// # Errors
    /// Those of the system.
    pub(crate) fn into_asynchronous(self) -> io::Result<(AsyncStream, BlockingAgain)> {
        self.socket.set_nonblocking(true)?;
        let blocking_again = BlockingAgain(self.socket.try_clone()?);
        let stream = match self.peer.as_socket() {
            Some(address) => AsyncStream::Tcp(tokio::net::TcpStream::from_std(self.socket.into())?, address),
            None => AsyncStream::Unix(tokio::net::UnixStream::from_std(self.socket.into())?),
        };
        Ok((stream, blocking_again))
    }
}

impl AsRawFd for ConnectedSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

/// Makes a socket blocking when it is dropped.
pub(crate) struct BlockingAgain(Socket);

impl Drop for BlockingAgain {
    fn drop(&mut self) {
        // What cannot be set any more is closed.
        let _ = self.0.set_nonblocking(false);
    }
}

impl TryFrom<OwnedFd> for ConnectedSocket {
    type Error = Error;

    fn try_from(socket: OwnedFd) -> Result<ConnectedSocket> {
        ConnectedSocket::new(socket.into())
    }
}

impl TryFrom<BorrowedFd<'_>> for ConnectedSocket {
    type Error = Error;

    fn try_from(socket: BorrowedFd<'_>) -> Result<ConnectedSocket> {
        let own = socket.try_clone_to_owned();
        own.map_err(|error| refused(&error).caused_by(error))?.try_into()
    }
}

macro_rules! from_stream {
    ($($stream:ty)*) => {
        $(
            impl TryFrom<$stream> for ConnectedSocket {
                type Error = Error;

                fn try_from(stream: $stream) -> Result<ConnectedSocket> {
                    OwnedFd::from(stream).try_into()
                }
            }

            impl TryFrom<&$stream> for ConnectedSocket {
                type Error = Error;

                fn try_from(stream: &$stream) -> Result<ConnectedSocket> {
                    stream.as_fd().try_into()
                }
            }
        )*
    };
}

from_stream!(TcpStream UnixStream);

fn refused(reason: &dyn std::fmt::Display) -> Error {
    Error::new(
        ErrorKind::Communication,
        format!("cannot use the connected socket: {reason}"),
    )
}
