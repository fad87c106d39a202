//! A connected socket.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use super::not_at_once;
use crate::config::Config;
use crate::peer::Peer;

/// A connected socket.
#[derive(Debug)]
pub(crate) enum Stream {
    /// With the address of the other end as it was when the connection was made: a socket that was reset does not know it any more.
    Tcp(TcpStream, SocketAddr),
    #[cfg(unix)]
    Unix(UnixStream),
}

macro_rules! on_stream {
    ($self:expr, $stream:ident => $do:expr) => {
        match $self {
            Stream::Tcp($stream, _) => $do,
            #[cfg(unix)]
            Stream::Unix($stream) => $do,
        }
    };
}

impl Stream {
    pub(crate) fn peer(&self) -> Peer {
        match self {
            Stream::Tcp(_, address) => Peer::Tcp(*address),
            #[cfg(unix)]
            Stream::Unix(_) => Peer::Unix,
        }
    }

    pub(crate) fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        on_stream!(self, stream => stream.set_read_timeout(timeout.map(not_at_once)))
    }

    pub(crate) fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        on_stream!(self, stream => stream.set_write_timeout(timeout.map(not_at_once)))
    }

    pub(crate) fn write_all(&self, bytes: &[u8]) -> io::Result<()> {
        on_stream!(self, stream => (&*stream).write_all(bytes))
    }

    pub(super) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        on_stream!(self, stream => (&*stream).read(buffer))
    }

    /// Ends the peer's direction: whoever waits in a read wakes up as if the peer had closed. Writing still works.
    pub(crate) fn stop_reading(&self) {
        // It is closed then, or about to be: there is nobody to tell of an error.
        let _ = on_stream!(self, stream => stream.shutdown(Shutdown::Read));
    }

    /// Ends both directions; whoever waits in a read or write on a clone wakes up.
    pub(crate) fn shut_down(&self) {
        // It is closed then, or about to be: there is nobody to tell of an error.
        let _ = on_stream!(self, stream => stream.shutdown(Shutdown::Both));
    }

    /// Ends our direction and reads what the peer still sends, so that it can read our last message. A close with unread bytes would reset the connection
    /// and that message might be lost. Bounded in time and size.
    pub(crate) fn linger(&self) {
        let _ = on_stream!(self, stream => stream.shutdown(Shutdown::Write));
        let deadline = Instant::now() + Duration::from_millis(500);
        let mut rest = vec![0; LINGER_PIECE];
        for _ in 0..LINGER_PIECES {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || self.set_read_timeout(Some(left)).is_err() || !matches!(self.read(&mut rest), Ok(1..))
            {
                return;
            }
        }
    }

    pub(super) fn configure(&self, config: &Config) -> io::Result<()> {
        if let Stream::Tcp(stream, _) = self {
            stream.set_nodelay(config.sock_nodelay)?;
            socket2::SockRef::from(stream).set_keepalive(true)?;
        }
        Ok(())
    }
}

/// How much of what a peer still sends is read before its connection is closed: 16 MiB. Most of what is refused for its size is less, and its sender then
/// learns why.
const LINGER_PIECE: usize = 64 << 10;
const LINGER_PIECES: usize = 256;
