//! A connected socket.

use std::io::{self, IoSlice, Read, Write};
use std::mem::MaybeUninit;
use std::net::{Shutdown, SocketAddr, TcpStream};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use socket2::{SockRef, TcpKeepalive};

use super::not_at_once;
use super::tls::TlsStream;
use crate::config::Config;
use crate::peer::Peer;
use crate::tls::Certificate;

/// A connected socket.
#[derive(Debug)]
pub(crate) enum Stream {
    /// With the address of the other end as it was when the connection was made: a socket that was reset does not know it any more.
    Tcp(TcpStream, SocketAddr),
    #[cfg(unix)]
    Unix(UnixStream),
    /// Either of them, encrypted.
    Tls(TlsStream),
}

impl Stream {
    pub(crate) fn peer(&self) -> Peer {
        match self {
            Stream::Tcp(_, address) => Peer::Tcp(*address),
            #[cfg(unix)]
            Stream::Unix(_) => Peer::Unix,
            Stream::Tls(stream) => stream.socket().peer(),
        }
    }

    /// The certificate that the other end has shown; `None` when it need not, and without TLS.
    pub(crate) fn peer_certificate(&self) -> Option<&Certificate> {
        match self {
            Stream::Tls(stream) => stream.certificate(),
            _ => None,
        }
    }

    fn socket(&self) -> SockRef<'_> {
        match self {
            Stream::Tcp(stream, _) => SockRef::from(stream),
            #[cfg(unix)]
            Stream::Unix(stream) => SockRef::from(stream),
            Stream::Tls(stream) => stream.socket().socket(),
        }
    }

    pub(crate) fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.socket().set_read_timeout(timeout.map(not_at_once))
    }

    pub(crate) fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.socket().set_write_timeout(timeout.map(not_at_once))
    }

    pub(super) fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.socket().set_nonblocking(nonblocking)
    }

    /// Writes all, unless the peer takes no byte for as long as [`Stream::set_write_timeout`] says.
    pub(crate) fn write_all(&self, bytes: &[u8]) -> io::Result<()> {
        match self {
            #[cfg(target_os = "linux")]
            Stream::Tcp(..) | Stream::Unix(_) => self.write_patiently(bytes),
            #[cfg(not(target_os = "linux"))]
            Stream::Tcp(stream, _) => (&*stream).write_all(bytes),
            #[cfg(all(unix, not(target_os = "linux")))]
            Stream::Unix(stream) => (&*stream).write_all(bytes),
            Stream::Tls(stream) => stream.write_all(bytes),
        }
    }

    /// The system's own time limit begins anew whenever some bytes still fit into one of its buffers, so a peer that reads nothing could stay for several times
    /// as long.
    #[cfg(target_os = "linux")]
    fn write_patiently(&self, mut rest: &[u8]) -> io::Result<()> {
        use rustix::io::Errno;
        use rustix::net::{SendFlags, send};

        let socket = self.socket();
        while !rest.is_empty() {
            match send(&*socket, rest, SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
                Ok(count) => rest = rest.get(count..).unwrap_or_default(),
                Err(Errno::AGAIN) => wait_for_room(&socket)?,
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Writes some of the pieces, as they are: not through TLS.
    pub(super) fn write_vectored(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream, _) => (&*stream).write_vectored(pieces),
            #[cfg(unix)]
            Stream::Unix(stream) => (&*stream).write_vectored(pieces),
            Stream::Tls(stream) => stream.socket().write_vectored(pieces),
        }
    }

    pub(super) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream, _) => (&*stream).read(buffer),
            #[cfg(unix)]
            Stream::Unix(stream) => (&*stream).read(buffer),
            Stream::Tls(stream) => stream.read(buffer),
        }
    }

    /// As `read`, but waits until the buffer is full, the time limit is over, or the stream has ended (MSG_WAITALL). TLS cannot do that.
    pub(super) fn read_full(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            #[cfg(unix)]
            Stream::Tcp(..) | Stream::Unix(_) => {
                let (_, count) = rustix::net::recv(&*self.socket(), buffer, rustix::net::RecvFlags::WAITALL)?;
                Ok(count)
            }
            _ => self.read(buffer),
        }
    }

    /// Whether there is nothing to read, and no end. Between calls a server has nothing to say. Waits for nothing.
    pub(crate) fn is_silent(&self) -> bool {
        if self.set_nonblocking(true).is_err() {
            return false;
        }
        let is_silent = match self {
            Stream::Tls(stream) => stream.is_silent(),
            _ => {
                let peeked = self.socket().peek(&mut [MaybeUninit::uninit()]);
                peeked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
            }
        };
        self.set_nonblocking(false).is_ok() && is_silent
    }

    /// Ends the peer's direction: whoever waits in a read wakes up as if the peer had closed. Writing still works.
    pub(crate) fn stop_reading(&self) {
        // It is closed then, or about to be: there is nobody to tell of an error.
        let _ = self.socket().shutdown(Shutdown::Read);
    }

    /// Ends both directions; whoever waits in a read or write on a clone wakes up.
    pub(crate) fn shut_down(&self) {
        // It is closed then, or about to be: there is nobody to tell of an error.
        let _ = self.socket().shutdown(Shutdown::Both);
    }

    /// Ends our direction and reads what the peer still sends, so that it can read our last message. A close with unread bytes would reset the connection
    /// and that message might be lost. Bounded in time and size.
    pub(crate) fn linger(&self) {
        if let Stream::Tls(stream) = self {
            stream.say_goodbye();
            // The rest is not read, so it need not be decrypted.
            return stream.socket().linger();
        }
        let _ = self.socket().shutdown(Shutdown::Write);
        let deadline = Instant::now() + LINGER_TIME;
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
            configure(&SockRef::from(stream), config)?;
        }
        Ok(())
    }
}

/// Waits until the peer has taken something, for as long as the socket's time limit says.
#[cfg(target_os = "linux")]
fn wait_for_room(socket: &SockRef<'_>) -> io::Result<()> {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::io::Errno;

    // Hours and hours fit; what does not is as good as for ever.
    let limit = socket.write_timeout()?.and_then(|time| Timespec::try_from(time).ok());
    match poll(&mut [PollFd::new(&**socket, PollFlags::OUT)], limit.as_ref()) {
        Ok(0) => Err(io::ErrorKind::TimedOut.into()),
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The options of a TCP connection.
pub(super) fn configure(socket: &SockRef<'_>, config: &Config) -> io::Result<()> {
    socket.set_tcp_nodelay(config.sock_nodelay)?;
    match config.tcp_keepalive {
        // A third of the time between the questions, so that a peer that is gone has been asked three times after twice the time.
        Some(time) => socket.set_tcp_keepalive(
            &TcpKeepalive::new()
                .with_time(keepalive_time(time))
                .with_interval(keepalive_time(time / 3)),
        ),
        None => socket.set_keepalive(false),
    }
}

/// What the system takes for a time: whole seconds, and no more than some hours.
fn keepalive_time(time: Duration) -> Duration {
    time.clamp(Duration::from_secs(1), Duration::from_secs(32_767))
}

/// How much of what a peer still sends is read before its connection is closed: 16 MiB. Most of what is refused for its size is less, and its sender then
/// learns why.
const LINGER_PIECE: usize = 64 << 10;
pub(super) const LINGER_PIECES: usize = 256;
pub(super) const LINGER_TIME: Duration = Duration::from_millis(500);

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_silent_connection_is_asked_for_as_the_settings_say() -> io::Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let stream = TcpStream::connect(listener.local_addr()?)?;
        let socket = SockRef::from(&stream);
        let configured = |config: Config| {
            configure(&socket, &config)?;
            io::Result::Ok((socket.keepalive()?, socket.tcp_keepalive_time()?.as_secs()))
        };
        assert_eq!(configured(Config::default())?, (true, 300));
        assert_eq!(socket.tcp_keepalive_interval()?.as_secs(), 100);
        for (seconds, set) in [(0.1, 1), (7.0, 7), (1e6, 32_767)] {
            let time = Duration::from_secs_f64(seconds);
            assert_eq!(configured(Config::default().tcp_keepalive(time))?, (true, set));
        }
        assert!(!configured(Config::default().tcp_keepalive(Duration::ZERO))?.0);
        Ok(())
    }
}
