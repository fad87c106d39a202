//! Sockets of either family, connected, for tokio.

use std::io::{self, IoSlice};
use std::net::Shutdown;

use socket2::SockRef;
use tokio::io::Interest;
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

use crate::Address;
use crate::socket::Socket;

#[derive(Debug)]
pub(crate) enum AsyncSocket {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

impl AsyncSocket {
    pub(super) fn from_blocking(socket: Socket) -> io::Result<AsyncSocket> {
        match socket {
            Socket::Tcp(stream) => {
                stream.set_nonblocking(true)?;
                TcpStream::from_std(stream).map(AsyncSocket::Tcp)
            }
            #[cfg(unix)]
            Socket::Unix(stream) => {
                stream.set_nonblocking(true)?;
                UnixStream::from_std(stream).map(AsyncSocket::Unix)
            }
        }
    }

    pub(super) fn into_blocking(self) -> io::Result<Socket> {
        match self {
            AsyncSocket::Tcp(stream) => {
                let stream = stream.into_std()?;
                stream.set_nonblocking(false)?;
                Ok(Socket::Tcp(stream))
            }
            #[cfg(unix)]
            AsyncSocket::Unix(stream) => {
                let stream = stream.into_std()?;
                stream.set_nonblocking(false)?;
                Ok(Socket::Unix(stream))
            }
        }
    }

    /// Reads some bytes, or nothing at the end of the stream. No byte is lost when this is dropped.
    pub(super) async fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            self.ready(Interest::READABLE).await?;
            let count = match self {
                AsyncSocket::Tcp(stream) => stream.try_read(buffer),
                #[cfg(unix)]
                AsyncSocket::Unix(stream) => stream.try_read(buffer),
            };
            match count {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                other => return other,
            }
        }
    }

    pub(super) async fn write_all(&self, [mut head, mut body]: [&[u8]; 2]) -> io::Result<()> {
        while !head.is_empty() || !body.is_empty() {
            let pieces = [IoSlice::new(head), IoSlice::new(body)];
            self.ready(Interest::WRITABLE).await?;
            let count = match self {
                AsyncSocket::Tcp(stream) => stream.try_write_vectored(&pieces),
                #[cfg(unix)]
                AsyncSocket::Unix(stream) => stream.try_write_vectored(&pieces),
            };
            match count {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => {
                    let of_head = count.min(head.len());
                    head = &head[of_head..];
                    body = &body[count - of_head..];
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn ready(&self, interest: Interest) -> io::Result<()> {
        let ready = match self {
            AsyncSocket::Tcp(stream) => stream.ready(interest).await,
            #[cfg(unix)]
            AsyncSocket::Unix(stream) => stream.ready(interest).await,
        };
        ready.map(drop)
    }

    pub(super) fn shut_down(&self, directions: Shutdown) {
        let socket = match self {
            AsyncSocket::Tcp(stream) => SockRef::from(stream),
            #[cfg(unix)]
            AsyncSocket::Unix(stream) => SockRef::from(stream),
        };
        // It is closed then, or about to be: there is nobody to tell of an error.
        let _ = socket.shutdown(directions);
    }

    /// Who is at the other end; `None` for Unix domain sockets, whose clients have no address.
    pub(super) fn peer(&self) -> Option<Address> {
        match self {
            AsyncSocket::Tcp(stream) => stream.peer_addr().ok().map(Address::from),
            #[cfg(unix)]
            AsyncSocket::Unix(_) => None,
        }
    }
}
