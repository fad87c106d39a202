//! A connected socket.

use std::io::{self, IoSlice, Read, Write};
use std::mem::MaybeUninit;
use std::net::{Shutdown, SocketAddr, TcpStream};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use socket2::{SockRef, TcpKeepalive};

#[cfg(target_os = "linux")]
use super::interrupt::interrupted;
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
                Err(Errno::INTR) => interrupted()?,
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

    /// As `read`, but waits until the buffer is full or the stream has ended (MSG_WAITALL). TLS cannot do that. It is not done under a time limit: the system counts
    /// that from the beginning and gives what has come by then as if nothing had happened, so that a peer that falls silent in the midst would get it twice.
    pub(super) fn read_full(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            #[cfg(unix)]
            Stream::Tcp(..) | Stream::Unix(_) if self.socket().read_timeout()?.is_none() => {
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
        Ok(0) => {
            give_up(socket);
            Err(io::ErrorKind::TimedOut.into())
        }
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// A peer that has taken nothing for too long is not waited for by the system either: what it has been sent goes with the connection. Else the system would keep
/// that, after the close, for as long as [`configure_accepted`] has told it to try.
pub(super) fn give_up(socket: &SockRef<'_>) {
    // An error would mean that the connection is gone already.
    let _ = socket.set_linger(Some(Duration::ZERO));
}

/// The options of a TCP connection.
pub(super) fn configure(socket: &SockRef<'_>, config: &Config) -> io::Result<()> {
    socket.set_tcp_nodelay(config.sock_nodelay)?;
    match config.tcp_keepalive {
        Some(time) => socket.set_tcp_keepalive(&questions(time)),
        None => socket.set_keepalive(false),
    }
}

/// The options of a connection that a server has accepted.
///
/// It ends as well when nothing is heard of what was sent. A client's connection does not: the server may be busy with others for as long as it likes before it
/// reads a long request, and the client has COMMTIMEOUT for its own patience.
pub(super) fn configure_accepted(socket: &SockRef<'_>, config: &Config) -> io::Result<()> {
    configure(socket, config)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(patience(config))?;
    Ok(())
}

/// How long what was sent may stay without an acknowledgement, or wait for a peer that has no room for it: as long as WRITE_TIMEOUT says, but no shorter than it
/// takes to give up a silent peer. Linux goes by this limit for silent peers too, and a shorter one would end their connections when a single question, or its
/// answer, was lost.
#[cfg(target_os = "linux")]
fn patience(config: &Config) -> Option<Duration> {
    // What the system takes: milliseconds, of which none is no limit, in a signed number.
    let (least, most) = (Duration::from_millis(1), Duration::from_millis(i32::MAX as u64));
    let silence = config.tcp_keepalive.map(|time| keepalive_time(time) * 2);
    let time = config.write_timeout?.max(silence.unwrap_or_default());
    Some(time.clamp(least, most))
}

/// How a peer is asked whether it is still there that has been silent for this time: a third of it is between the questions, and three go without an answer, so
/// that a peer that is gone has been given up after twice the time.
fn questions(time: Duration) -> TcpKeepalive {
    let questions = TcpKeepalive::new()
        .with_time(keepalive_time(time))
        .with_interval(keepalive_time(time / 3));
    #[cfg(any(target_os = "linux", target_os = "macos", target_os = "windows"))]
    let questions = questions.with_retries(3);
    questions
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
        assert_eq!(socket.tcp_keepalive_retries()?, 3);
        for (seconds, set) in [(0.1, 1), (7.0, 7), (1e6, 32_767)] {
            let time = Duration::from_secs_f64(seconds);
            assert_eq!(configured(Config::default().tcp_keepalive(time))?, (true, set));
        }
        assert!(!configured(Config::default().tcp_keepalive(Duration::ZERO))?.0);
        Ok(())
    }

    #[test]
    fn what_a_server_sends_waits_for_its_acknowledgement_no_shorter_than_silence_does() -> io::Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let stream = TcpStream::connect(listener.local_addr()?)?;
        let socket = SockRef::from(&stream);
        for (write_timeout, tcp_keepalive, set) in [
            (30.0, 300.0, Some(600.0)),
            (30.0, 5.0, Some(30.0)),
            (30.0, 0.0, Some(30.0)),
            (0.0001, 0.0, Some(0.001)),
            (0.1, 0.1, Some(2.0)),
            (1e9, 300.0, Some(2_147_483.647)),
            (1.0, 1e9, Some(65_534.0)),
            (0.0, 300.0, None),
        ] {
            let (write_timeout, tcp_keepalive) = (seconds(write_timeout), seconds(tcp_keepalive));
            let config = Config::default()
                .write_timeout(write_timeout)
                .tcp_keepalive(tcp_keepalive);
            configure_accepted(&socket, &config)?;
            assert_eq!(
                socket.tcp_user_timeout()?,
                set.map(seconds),
                "{write_timeout:?} {tcp_keepalive:?}"
            );
        }
        Ok(())
    }

    fn seconds(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    #[test]
    fn a_client_waits_for_a_busy_server_as_long_as_its_own_settings_say() -> io::Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let location = crate::Location::Tcp {
            host: address.ip().to_string(),
            port: address.port(),
        };
        let stream = Stream::connect(&location, &Config::default(), None).map_err(io::Error::other)?;
        assert_eq!(stream.socket().tcp_user_timeout()?, None);
        Ok(())
    }
}
