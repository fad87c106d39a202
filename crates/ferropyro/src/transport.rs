//! Sockets: blocking streams over TCP and Unix domain sockets, and the buffer that bytes are read into.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
#[cfg(unix)]
use std::os::unix::net::{UnixListener, UnixStream};
#[cfg(unix)]
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::config::{Config, IpVersion};
use crate::peer::Peer;
use crate::uri::Location;
use crate::{Error, ErrorKind, Result};

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
    /// Connects to a location within `timeout`. Every address that the name stands for is tried.
    ///
    /// The error names each address and why it failed.
    pub(crate) fn connect(location: &Location, config: &Config, timeout: Option<Duration>) -> Result<Stream> {
        match location {
            Location::Tcp { host, port } => connect_tcp(host, *port, config, timeout),
            #[cfg(unix)]
            Location::Unix(path) => connect_unix(path, timeout).map(Stream::Unix).map_err(|error| {
                let (kind, reason) = match is_timeout(&error) {
                    true => (ErrorKind::Timeout, "no answer in time".to_owned()),
                    false => (ErrorKind::Communication, error.to_string()),
                };
                Error::new(kind, format!("cannot connect to {path}: {reason}")).caused_by(error)
            }),
            #[cfg(not(unix))]
            Location::Unix(path) => Err(Error::new(
                ErrorKind::Communication,
                format!("cannot connect to {path}: this system has no Unix domain sockets"),
            )),
        }
    }

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

    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
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

    fn configure(&self, config: &Config) -> io::Result<()> {
        if let Stream::Tcp(stream, _) = self {
            stream.set_nodelay(config.sock_nodelay)?;
            socket2::SockRef::from(stream).set_keepalive(true)?;
        }
        Ok(())
    }
}

fn connect_tcp(host: &str, port: u16, config: &Config, timeout: Option<Duration>) -> Result<Stream> {
    let failed = |reason: &dyn fmt::Display| {
        Error::new(
            ErrorKind::Communication,
            format!("cannot connect to ('{host}', {port}): {reason}"),
        )
    };
    let addresses = addresses(host, port, config).map_err(|error| failed(&error).caused_by(error))?;
    let mut failures = Vec::new();
    for address in &addresses {
        let connected = match timeout {
            Some(timeout) => TcpStream::connect_timeout(address, timeout),
            None => TcpStream::connect(address),
        };
        match connected
            .map(|stream| Stream::Tcp(stream, *address))
            .and_then(|stream| stream.configure(config).map(|()| stream))
        {
            Ok(stream) => return Ok(stream),
            Err(error) => failures.push((address, error)),
        }
    }
    let timed_out = failures.iter().all(|(_, error)| is_timeout(error));
    let Some((_, last)) = failures.last() else {
        return Err(failed(&"the name has no address"));
    };
    let mut error = if timed_out {
        Error::new(
            ErrorKind::Timeout,
            format!("cannot connect to ('{host}', {port}): no answer in time"),
        )
    } else {
        failed(last)
    };
    for (address, reason) in &failures {
        error = error.with(crate::error::TRIED, format_args!("{address}: {reason}"));
    }
    Err(match failures.pop() {
        Some((_, reason)) => error.caused_by(reason),
        None => error,
    })
}

/// A server that lets nobody in any more, as many wait at its door already, is waited for.
#[cfg(unix)]
fn connect_unix(path: &str, timeout: Option<Duration>) -> io::Result<UnixStream> {
    let socket = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None)?;
    // Linux takes the limit of writes for that of connecting too; elsewhere nobody waits at a full door.
    socket.set_write_timeout(timeout.map(not_at_once))?;
    let address = socket2::SockAddr::unix(path)?;
    while let Err(error) = socket.connect(&address) {
        // With a limit the system does not go on by itself after a signal.
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
    socket.set_write_timeout(None)?;
    Ok(socket.into())
}

/// The addresses of a host, those of the preferred IP version only (PREFER_IP_VERSION).
pub(crate) fn addresses(host: &str, port: u16, config: &Config) -> io::Result<Vec<SocketAddr>> {
    let all: Vec<SocketAddr> = (host, port).to_socket_addrs()?.collect();
    let wanted: Vec<SocketAddr> = match config.prefer_ip_version {
        _ if host.parse::<std::net::IpAddr>().is_ok() => all,
        IpVersion::V4 => all.into_iter().filter(SocketAddr::is_ipv4).collect(),
        IpVersion::V6 => all.into_iter().filter(SocketAddr::is_ipv6).collect(),
        _ => all,
    };
    if wanted.is_empty() {
        let version = if config.prefer_ip_version == IpVersion::V6 {
            "IPV6"
        } else {
            "IPV4"
        };
        return Err(io::Error::other(format!(
            "unable to determine {version} address of {host}"
        )));
    }
    Ok(wanted)
}

/// What a socket takes as a time limit: zero would be none, or an error.
fn not_at_once(timeout: Duration) -> Duration {
    timeout.max(Duration::from_millis(1))
}

/// Whether a read or write ended because of the socket's timeout.
pub(crate) fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// A listening socket.
#[derive(Debug)]
pub(crate) enum Listener {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixListener, SocketFile),
}

/// The file of a Unix domain socket, which is removed once.
#[cfg(unix)]
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: String,
    /// Device and number of the file, when it could be asked for them.
    identity: Option<(u64, u64)>,
    is_removed: AtomicBool,
}

/// As many connections may wait to be accepted (Pyro's figure).
const BACKLOG: i32 = 100;

impl Listener {
    /// Listens on a TCP port; 0 chooses a free one.
    pub(crate) fn tcp(host: &str, port: u16, config: &Config) -> Result<Listener> {
        let cannot = |error: io::Error| {
            let text = format!("cannot listen on {host}:{port}: {error}");
            Error::new(ErrorKind::Communication, text).caused_by(error)
        };
        let mut last = None;
        for address in addresses(host, port, config).map_err(cannot)? {
            match listen(address, config) {
                Ok(listener) => return Ok(Listener::Tcp(listener)),
                Err(error) => last = Some(error),
            }
        }
        Err(cannot(
            last.unwrap_or_else(|| io::Error::other("the name has no address")),
        ))
    }

    /// Listens on a Unix domain socket at this path. A file that a dead server left is replaced.
    #[cfg(unix)]
    pub(crate) fn unix(path: &str) -> Result<Listener> {
        let cannot = |error: io::Error| {
            Error::new(ErrorKind::Communication, format!("cannot listen on {path}: {error}")).caused_by(error)
        };
        let bound = match UnixListener::bind(path) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && UnixStream::connect(path).is_err() => {
                std::fs::remove_file(path).and_then(|()| UnixListener::bind(path))
            }
            other => other,
        };
        bound
            .map(|listener| Listener::Unix(listener, SocketFile::new(path)))
            .map_err(cannot)
    }

    pub(crate) fn accept(&self, config: &Config) -> io::Result<Stream> {
        let stream = match self {
            Listener::Tcp(listener) => {
                let (stream, address) = listener.accept()?;
                Stream::Tcp(stream, address)
            }
            #[cfg(unix)]
            Listener::Unix(listener, _) => Stream::Unix(listener.accept()?.0),
        };
        if let Err(error) = stream.configure(config) {
            // The client has gone again, most likely. Whoever reads from it will notice.
            tracing::debug!(target: crate::logging::logger::SERVER, "socket options of {}: {error}", stream.peer());
        }
        Ok(stream)
    }

    /// The address that is bound, of a TCP socket.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        match self {
            Listener::Tcp(listener) => listener.local_addr().ok(),
            #[cfg(unix)]
            Listener::Unix(..) => None,
        }
    }

    /// Makes `accept` return in whoever waits there: lets nobody in any more, and where the system cannot do that, connects.
    pub(crate) fn wake(&self) {
        if self.shut_down().is_ok() {
            return;
        }
        match self {
            Listener::Tcp(listener) => {
                if let Ok(mut address) = listener.local_addr() {
                    if address.ip().is_unspecified() {
                        let any_v4 = address.is_ipv4();
                        address.set_ip(if any_v4 {
                            [127, 0, 0, 1].into()
                        } else {
                            std::net::Ipv6Addr::LOCALHOST.into()
                        });
                    }
                    let _ = TcpStream::connect_timeout(&address, Duration::from_secs(1));
                }
            }
            #[cfg(unix)]
            Listener::Unix(_, file) => drop(UnixStream::connect(&file.path)),
        }
    }

    /// Lets nobody in any more, though others may still hold the daemon: who connects is refused, where the system can do that, and the file of a
    /// Unix domain socket is gone.
    pub(crate) fn close(&self) {
        // Systems that cannot shut down a listening socket say so; then it closes when the daemon is dropped.
        let _ = self.shut_down();
        #[cfg(unix)]
        if let Listener::Unix(_, file) = self {
            file.remove();
        }
    }

    fn shut_down(&self) -> io::Result<()> {
        match self {
            Listener::Tcp(listener) => socket2::SockRef::from(listener).shutdown(Shutdown::Both),
            #[cfg(unix)]
            Listener::Unix(listener, _) => socket2::SockRef::from(listener).shutdown(Shutdown::Both),
        }
    }
}

#[cfg(unix)]
impl SocketFile {
    fn new(path: &str) -> SocketFile {
        SocketFile {
            path: path.to_owned(),
            identity: identity(path),
            is_removed: AtomicBool::new(false),
        }
    }

    /// Not twice, and no other file: a later one of this path is somebody else's.
    fn remove(&self) {
        if !self.is_removed.swap(true, Ordering::AcqRel) && identity(&self.path) == self.identity {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// What tells a file from a later one of the same path.
#[cfg(unix)]
fn identity(path: &str) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    let file = std::fs::symlink_metadata(path).ok()?;
    Some((file.dev(), file.ino()))
}

#[cfg(unix)]
impl Drop for SocketFile {
    fn drop(&mut self) {
        self.remove();
    }
}

fn listen(address: SocketAddr, config: &Config) -> io::Result<TcpListener> {
    let socket = socket2::Socket::new(socket2::Domain::for_address(address), socket2::Type::STREAM, None)?;
    // On Windows the option means that two programs may listen on one port.
    socket.set_reuse_address(config.sock_reuse && cfg!(unix))?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// How much of what a peer still sends is read before its connection is closed: 16 MiB. Most of what is refused for its size is less, and its sender then
/// learns why.
const LINGER_PIECE: usize = 64 << 10;
const LINGER_PIECES: usize = 256;

/// Bytes that have arrived and not been used yet. It grows with what arrives, never with what is announced.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

/// What an idle connection keeps.
const INBOX_SIZE: usize = 8 << 10;
/// A buffer above this size goes when it is not needed.
const INBOX_KEEP: usize = 1 << 20;

impl Inbox {
    /// The unused bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// Drops so many bytes from the front.
    pub(crate) fn consume(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            if self.bytes.len() > INBOX_KEEP && count < INBOX_KEEP / 4 {
                self.bytes = vec![0; INBOX_SIZE];
            }
        }
    }

    /// Reads once from the stream, with room for at least `wanted` bytes. Gives the number read; 0 is the end of the stream.
    pub(crate) fn fill(&mut self, stream: &Stream, wanted: usize) -> io::Result<usize> {
        self.make_room(wanted);
        let room = self.bytes.get_mut(self.end..).unwrap_or_default();
        let count = loop {
            match stream.read(room) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        self.end += count;
        Ok(count)
    }

    fn make_room(&mut self, wanted: usize) {
        if self.bytes.len() - self.end >= wanted.max(1) {
            return;
        }
        self.bytes.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        if self.bytes.len() - self.end < wanted.max(1) {
            let size = (self.end + wanted).max(grown(self.end)).max(INBOX_SIZE);
            self.bytes.reserve_exact(size - self.bytes.len());
            self.bytes.resize(size, 0);
        }
    }
}

/// The next size of a buffer: twice as much while it is small; a long message gets a quarter more at a time, so that it never takes much more than itself.
fn grown(size: usize) -> usize {
    if size < INBOX_KEEP / 2 {
        size * 2
    } else {
        size + size / 4
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::thread;

    use super::*;

    /// Receives messages of this size, and gives the longest that the buffer was.
    fn longest_buffer(size: usize, messages: usize) -> usize {
        let (near, far) = UnixStream::pair().expect("a pair of sockets");
        let near = Stream::Unix(near);
        let sender = thread::spawn(move || (0..messages).all(|_| (&far).write_all(&vec![1; size]).is_ok()));
        let mut inbox = Inbox::default();
        let mut longest = 0;
        for _ in 0..messages {
            while inbox.bytes().len() < size {
                let wanted = (size - inbox.bytes().len()).min(ferropyro_wire::READ_STEP);
                assert_ne!(inbox.fill(&near, wanted).expect("the other end writes"), 0);
                longest = longest.max(inbox.bytes.capacity());
            }
            inbox.consume(size);
        }
        assert!(sender.join().expect("no panic"));
        longest
    }

    /// A server that takes no more connections until it accepts the first one, which comes with it.
    #[cfg(target_os = "linux")]
    fn full_house(path: &str) -> io::Result<(UnixListener, UnixStream)> {
        let socket = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None)?;
        socket.bind(&socket2::SockAddr::unix(path)?)?;
        socket.listen(0)?;
        Ok((socket.into(), UnixStream::connect(path)?))
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn connecting_to_a_unix_socket_waits_for_a_busy_server_until_the_limit() {
        let path = std::env::temp_dir().join(format!("ferropyro-busy-{}.sock", std::process::id()));
        let path = path.to_str().expect("a plain name");
        let (listener, _first) = full_house(path).expect("a listening socket");
        let connect = |limit| Stream::connect(&Location::unix(path), &Config::default(), limit);
        let error = connect(Some(Duration::from_millis(50))).expect_err("it is full");
        assert_eq!(error.kind(), ErrorKind::Timeout);
        assert_eq!(error.message(), format!("cannot connect to {path}: no answer in time"));
        for limit in [None, Some(Duration::from_secs(20))] {
            let stream = thread::scope(|scope| {
                let waiting = scope.spawn(|| connect(limit));
                listener.accept().expect("the one before");
                waiting.join().expect("no panic").expect("there is room now")
            });
            let Stream::Unix(stream) = stream else {
                panic!("{stream:?} is no Unix socket")
            };
            assert_eq!(stream.write_timeout().expect("an open socket"), None);
        }
        std::fs::remove_file(path).expect("the file of the socket");
    }

    // Conformance: SER-05
    #[test]
    fn a_long_message_takes_little_more_memory_than_itself() {
        for size in [1 << 20, 3_000_000, 16 << 20] {
            let longest = longest_buffer(size, 3);
            assert!(
                longest <= size + size / 4 + 2 * ferropyro_wire::READ_STEP,
                "{longest} for {size}"
            );
        }
    }
}
