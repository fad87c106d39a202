//! Sockets of either family, connected: reading, writing and waiting under a deadline.

use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream, ToSocketAddrs};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
#[cfg(unix)]
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
#[cfg(unix)]
use socket2::SockAddr;
use socket2::SockRef;

use crate::{Address, Error, Result};

#[derive(Debug)]
pub(crate) enum Socket {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

/// What is written at a time under a deadline: no more than the system waits for once.
const PIECE: usize = 16 << 10;

impl Socket {
    /// Connects, and is done by the deadline.
    pub(crate) fn connect(address: &Address, deadline: Option<Instant>) -> Result<Socket> {
        let cannot = |error: io::Error| match error.kind() {
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => {
                Error::TimedOut(format!("cannot connect to {address}: no answer in time"))
            }
            _ => Error::io(format_args!("cannot connect to {address}"), error),
        };
        match address {
            Address::Inet(host, port) => connect_tcp(host, *port, deadline).map(Socket::Tcp).map_err(cannot),
            #[cfg(unix)]
            Address::Unix(path) => connect_unix(path, deadline).map(Socket::Unix).map_err(cannot),
            other => Err(other.family().unusable()),
        }
    }

    fn socket(&self) -> SockRef<'_> {
        match self {
            Socket::Tcp(stream) => SockRef::from(stream),
            #[cfg(unix)]
            Socket::Unix(stream) => SockRef::from(stream),
        }
    }

    /// Reads some bytes, or nothing at the end of the stream; `WouldBlock` when none have come by the deadline.
    pub(crate) fn read(&self, buffer: &mut [u8], deadline: Option<Instant>) -> io::Result<usize> {
        loop {
            if let Some(deadline) = deadline {
                self.wait_readable(deadline)?;
            }
            let count = match self {
                Socket::Tcp(stream) => (&*stream).read(buffer),
                #[cfg(unix)]
                Socket::Unix(stream) => (&*stream).read(buffer),
            };
            match count {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => return other,
            }
        }
    }

    fn wait_readable(&self, deadline: Instant) -> io::Result<()> {
        let socket = self.socket();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            // Hours and hours fit; what does not is as good as for ever.
            let left = Timespec::try_from(left).ok();
            match poll(&mut [PollFd::new(&*socket, PollFlags::IN)], left.as_ref()) {
                Ok(0) => return Err(io::ErrorKind::WouldBlock.into()),
                Ok(_) => return Ok(()),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Writes all of the pieces, in one go if they fit; `WouldBlock` when they have not been taken by the deadline.
    pub(crate) fn write_all(&self, pieces: [&[u8]; 2], deadline: Option<Instant>) -> io::Result<()> {
        match deadline {
            None => self.write_patiently(pieces),
            Some(deadline) => {
                let written = self.write_until(pieces, deadline);
                self.socket().set_write_timeout(None)?;
                written
            }
        }
    }

    fn write_patiently(&self, pieces: [&[u8]; 2]) -> io::Result<()> {
        self.write_asking(pieces, &mut || Err(io::ErrorKind::WouldBlock.into()))
    }

    /// Asks what to do when the system's limit of time is over.
    fn write_asking(
        &self,
        [mut head, mut body]: [&[u8]; 2],
        ask: &mut dyn FnMut() -> io::Result<()>,
    ) -> io::Result<()> {
        while !head.is_empty() || !body.is_empty() {
            let count = match self.write(&[IoSlice::new(head), IoSlice::new(body)]) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ask()?;
                    0
                }
                count => count?,
            };
            let of_head = count.min(head.len());
            head = &head[of_head..];
            body = &body[count - of_head..];
        }
        Ok(())
    }

    /// The same without a deadline, but asks every so often while nothing is taken whether to go on; `TimedOut` if not.
    pub(crate) fn write_while(
        &self,
        pieces: [&[u8]; 2],
        every: Duration,
        go_on: &mut dyn FnMut() -> bool,
    ) -> io::Result<()> {
        self.socket().set_write_timeout(Some(every))?;
        let written = self.write_asking(pieces, &mut || match go_on() {
            true => Ok(()),
            false => Err(io::ErrorKind::TimedOut.into()),
        });
        self.socket().set_write_timeout(None)?;
        written
    }

    /// The system's own limit of time begins anew whenever something has been taken, so no more is written at a time than it takes at once or not at all.
    fn write_until(&self, [head, body]: [&[u8]; 2], deadline: Instant) -> io::Result<()> {
        let (first, rest) = body.split_at(body.len().min(PIECE - head.len()));
        for piece in [[head, first].concat().as_slice()]
            .into_iter()
            .chain(rest.chunks(PIECE))
        {
            let mut left = piece;
            while !left.is_empty() {
                let time = deadline.saturating_duration_since(Instant::now());
                self.socket()
                    .set_write_timeout(Some(time.max(Duration::from_millis(1))))?;
                left = &left[self.write(&[IoSlice::new(left)])?..];
            }
        }
        Ok(())
    }

    fn write(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        loop {
            let count = match self {
                Socket::Tcp(stream) => (&*stream).write_vectored(pieces),
                #[cfg(unix)]
                Socket::Unix(stream) => (&*stream).write_vectored(pieces),
            };
            match count {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => return other,
            }
        }
    }

    /// Ends these directions; whoever waits in them wakes up.
    pub(crate) fn shut_down(&self, directions: Shutdown) {
        // It is closed then, or about to be: there is nobody to tell of an error.
        let _ = self.socket().shutdown(directions);
    }

    /// Who is at the other end; `None` for Unix domain sockets, whose clients have no address.
    pub(crate) fn peer(&self) -> Option<Address> {
        match self {
            Socket::Tcp(stream) => stream.peer_addr().ok().map(Address::from),
            #[cfg(unix)]
            Socket::Unix(_) => None,
        }
    }
}

/// What is sent is sent at once: messages are written as a whole, so there is nothing to wait for.
pub(crate) fn send_at_once(stream: &TcpStream) {
    // It may be closed already, which is noticed soon enough.
    let _ = stream.set_nodelay(true);
}

fn connect_tcp(host: &str, port: u16, deadline: Option<Instant>) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in resolve(host, port)? {
        let connected = match deadline {
            None => TcpStream::connect(address),
            Some(deadline) => {
                let left = deadline.saturating_duration_since(Instant::now());
                TcpStream::connect_timeout(&address, left.max(Duration::from_millis(1)))
            }
        };
        match connected {
            Ok(stream) => {
                send_at_once(&stream);
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// The addresses of a host, those of IPv4 first: it is what Python's `AF_INET` means.
pub(crate) fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let mut found: Vec<SocketAddr> = (host, port).to_socket_addrs()?.collect();
    found.sort_by_key(SocketAddr::is_ipv6);
    Ok(found)
}

#[cfg(unix)]
fn connect_unix(path: &Path, deadline: Option<Instant>) -> io::Result<UnixStream> {
    use socket2::{Domain, Socket, Type};

    let address = unix_address(path)?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // Linux takes the limit of writes for that of connecting too; elsewhere nobody waits at a full door.
    let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
    socket.set_write_timeout(left.map(|left| left.max(Duration::from_millis(1))))?;
    while let Err(error) = socket.connect(&address) {
        // With a limit the system does not go on by itself after a signal.
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
    socket.set_write_timeout(None)?;
    Ok(socket.into())
}

/// The longest path of a Unix domain socket, in bytes.
#[cfg(unix)]
const LONGEST_PATH: usize = if cfg!(any(target_os = "linux", target_os = "android")) {
    107
} else {
    103
};

/// A path, or with a NUL in front a name in Linux' abstract name space.
#[cfg(unix)]
pub(crate) fn unix_address(path: &Path) -> io::Result<SockAddr> {
    let length = path.as_os_str().len();
    if is_abstract(path) && !cfg!(any(target_os = "linux", target_os = "android")) {
        let text = format!("only Linux has abstract names of sockets, such as {path:?}");
        return Err(io::Error::new(io::ErrorKind::Unsupported, text));
    }
    if length > LONGEST_PATH {
        let text = format!(
            "the path is too long: it has {length} bytes, and on this system a socket's path can have {LONGEST_PATH}"
        );
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    SockAddr::unix(path)
}

#[cfg(unix)]
pub(crate) fn is_abstract(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().first() == Some(&0)
}

#[cfg(unix)]
mod handles {
    use std::os::fd::{AsFd, BorrowedFd};

    use super::Socket;

    impl AsFd for Socket {
        fn as_fd(&self) -> BorrowedFd<'_> {
            match self {
                Socket::Tcp(stream) => stream.as_fd(),
                Socket::Unix(stream) => stream.as_fd(),
            }
        }
    }
}
