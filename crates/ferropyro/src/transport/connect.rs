//! Connecting to a server.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use socket2::{Domain, SockAddr, Socket, Type};

use super::Stream;
use super::interrupt::interrupted;
#[cfg(unix)]
use super::{is_timeout, not_at_once};
use crate::config::{Config, IpVersion};
use crate::uri::Location;
use crate::{Error, ErrorKind, Result};

/// How long one address is given before the next one is tried as well (RFC 8305, "Happy Eyeballs").
pub(crate) const HEAD_START: Duration = Duration::from_millis(250);

impl Stream {
    /// Connects to a location within `timeout`. All addresses that the name stands for are tried, the later ones beside those that do not answer.
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
}

fn connect_tcp(host: &str, port: u16, config: &Config, timeout: Option<Duration>) -> Result<Stream> {
    let addresses = addresses(host, port, config).map_err(|error| unreachable(host, port, &error).caused_by(error))?;
    let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    let connected = Race::new(addresses, deadline).run().and_then(|(socket, address)| {
        let stream = Stream::Tcp(socket.into(), address);
        match stream.configure(config) {
            Ok(()) => Ok(stream),
            Err(error) => Err(vec![(address, error)]),
        }
    });
    connected.map_err(|failures| all_failed(host, port, failures))
}

/// The error that tells why no address of a host could be connected to.
pub(crate) fn all_failed(host: &str, port: u16, mut failures: Vec<(SocketAddr, io::Error)>) -> Error {
    let timed_out = failures.iter().all(|(_, error)| super::is_timeout(error));
    let Some((_, last)) = failures.last() else {
        return unreachable(host, port, &"the name has no address");
    };
    let mut error = if timed_out {
        Error::new(
            ErrorKind::Timeout,
            format!("cannot connect to ('{host}', {port}): no answer in time"),
        )
    } else {
        unreachable(host, port, last)
    };
    for (address, reason) in &failures {
        error = error.with(crate::error::TRIED, format_args!("{address}: {reason}"));
    }
    match failures.pop() {
        Some((_, reason)) => error.caused_by(reason),
        None => error,
    }
}

/// The error of a host that cannot be connected to.
pub(crate) fn unreachable(host: &str, port: u16, reason: &dyn fmt::Display) -> Error {
    Error::new(
        ErrorKind::Communication,
        format!("cannot connect to ('{host}', {port}): {reason}"),
    )
}

/// Connects to the first of several addresses that answers. Each one has a head start before the next; one that fails has lost it.
struct Race {
    waiting: VecDeque<SocketAddr>,
    running: Vec<(Socket, SocketAddr)>,
    failures: Vec<(SocketAddr, io::Error)>,
    next_start: Instant,
    deadline: Option<Instant>,
}

impl Race {
    fn new(addresses: Vec<SocketAddr>, deadline: Option<Instant>) -> Race {
        Race {
            waiting: addresses.into(),
            running: Vec::new(),
            failures: Vec::new(),
            next_start: Instant::now(),
            deadline,
        }
    }

    fn run(mut self) -> Result<(Socket, SocketAddr), Vec<(SocketAddr, io::Error)>> {
        while !(self.waiting.is_empty() && self.running.is_empty()) {
            let now = Instant::now();
            if self.deadline.is_some_and(|deadline| now >= deadline) {
                self.give_up();
            } else if self.running.is_empty() || (now >= self.next_start && !self.waiting.is_empty()) {
                self.start_next();
            } else {
                self.wait();
            }
            if let Some(winner) = self.finished() {
                return Ok(winner);
            }
        }
        Err(self.failures)
    }

    fn start_next(&mut self) {
        let Some(address) = self.waiting.pop_front() else {
            return;
        };
        self.next_start = Instant::now() + HEAD_START;
        match begin(address) {
            Ok(socket) => self.running.push((socket, address)),
            Err(error) => self.failures.push((address, error)),
        }
    }

    /// Waits until something has come of a connection, or it is time for the next step.
    fn wait(&mut self) {
        let next_start = (!self.waiting.is_empty()).then_some(self.next_start);
        let until = [next_start, self.deadline].into_iter().flatten().min();
        let time = until.map(|until| until.saturating_duration_since(Instant::now()));
        let sockets = self.running.iter().map(|(socket, _)| socket);
        if let Err(error) = wait_until_writable(sockets, time) {
            let error = io::Error::from(error);
            self.fail_all(|| io::Error::new(error.kind(), error.to_string()));
        }
    }

    /// The first connection that stands; those that have failed are taken out.
    fn finished(&mut self) -> Option<(Socket, SocketAddr)> {
        let mut index = 0;
        while let Some((socket, address)) = self.running.get(index) {
            match outcome(socket) {
                Ok(true) => return Some(self.running.swap_remove(index)),
                Ok(false) => index += 1,
                Err(error) => {
                    self.failures.push((*address, error));
                    self.running.remove(index);
                    self.next_start = Instant::now();
                }
            }
        }
        None
    }

    fn give_up(&mut self) {
        self.fail_all(|| io::ErrorKind::TimedOut.into());
    }

    fn fail_all(&mut self, error: impl Fn() -> io::Error) {
        let running = self.running.drain(..).map(|(_, address)| address);
        self.failures
            .extend(running.chain(self.waiting.drain(..)).map(|address| (address, error())));
    }
}

/// Begins to connect; the socket becomes writable when something has come of it.
fn begin(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    match socket.connect(&address.into()) {
        Err(error) if !is_in_progress(&error) => Err(error),
        _ => Ok(socket),
    }
}

fn is_in_progress(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
        || error.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error())
}

/// Whether the connection stands.
fn outcome(socket: &Socket) -> io::Result<bool> {
    if let Some(error) = socket.take_error()? {
        return Err(error);
    }
    match socket.peer_addr() {
        Ok(_) => socket.set_nonblocking(false).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(false),
        Err(error) => Err(error),
    }
}

fn wait_until_writable<'s>(
    sockets: impl Iterator<Item = &'s Socket>,
    time: Option<Duration>,
) -> rustix::io::Result<()> {
    let mut watched: Vec<PollFd<'_>> = sockets.map(|socket| PollFd::new(socket, PollFlags::OUT)).collect();
    // Centuries are for ever.
    let time = time.and_then(|time| Timespec::try_from(time).ok());
    match poll(&mut watched, time.as_ref()) {
        // Whoever waits looks at the clock, and waits again.
        Ok(_) => Ok(()),
        Err(rustix::io::Errno::INTR) => interrupted().map_err(|_| rustix::io::Errno::CANCELED),
        Err(error) => Err(error),
    }
}

/// A server that lets nobody in any more, as many wait at its door already, is waited for.
#[cfg(unix)]
pub(super) fn connect_unix(path: &str, timeout: Option<Duration>) -> io::Result<UnixStream> {
    let address = unix_address(path)?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // Linux takes the limit of writes for that of connecting too; elsewhere nobody waits at a full door.
    socket.set_write_timeout(timeout.map(not_at_once))?;
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

/// The address of a Unix domain socket. A path that begins with NUL is a name in Linux' abstract name space, as in Python.
#[cfg(unix)]
pub(super) fn unix_address(path: &str) -> io::Result<SockAddr> {
    if let Some(name) = path.strip_prefix('\0')
        && !cfg!(any(target_os = "linux", target_os = "android"))
    {
        let text = format!("only Linux has abstract names of sockets, such as this '{name}'");
        return Err(io::Error::new(io::ErrorKind::Unsupported, text));
    }
    if path.len() > LONGEST_PATH {
        let text = format!(
            "the path is too long: it has {} bytes, and on this system a socket's path can have {LONGEST_PATH}",
            path.len()
        );
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    SockAddr::unix(path)
}

/// The path of a Unix domain socket with this address, or its abstract name; Pyro has words for sockets that have neither.
#[cfg(unix)]
pub(super) fn unix_location(address: &SockAddr) -> Location {
    let path = address.as_pathname().map(|path| path.to_string_lossy().into_owned());
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let path = path.or_else(|| {
        let name = address.as_abstract_namespace()?;
        Some(format!("\0{}", String::from_utf8_lossy(name)))
    });
    Location::unix(path.unwrap_or_else(|| "<<not-bound>>".to_owned()))
}

/// The addresses of a host, in the order in which they should be tried: of the preferred IP version only (PREFER_IP_VERSION), or of both in turns.
///
/// As in Pyro a host without any IPv4 address is reached at the others even if 4 is preferred; but 6 is an order.
pub(crate) fn addresses(host: &str, port: u16, config: &Config) -> io::Result<Vec<SocketAddr>> {
    addresses_of(host, port, config.prefer_ip_version)
}

/// As [`addresses`], for a preferred version that need not be the configured one.
pub(crate) fn addresses_of(host: &str, port: u16, preferred: IpVersion) -> io::Result<Vec<SocketAddr>> {
    let all: Vec<SocketAddr> = (host, port).to_socket_addrs()?.collect();
    choose(all, host.parse::<std::net::IpAddr>().is_ok(), preferred)
}

fn choose(all: Vec<SocketAddr>, is_numeric: bool, version: IpVersion) -> io::Result<Vec<SocketAddr>> {
    if is_numeric {
        return Ok(all);
    }
    let wanted: Vec<SocketAddr> = match version {
        IpVersion::V4 => all.iter().copied().filter(SocketAddr::is_ipv4).collect(),
        IpVersion::V6 => all.iter().copied().filter(SocketAddr::is_ipv6).collect(),
        _ => Vec::new(),
    };
    if wanted.is_empty() && version == IpVersion::V6 {
        let text = "unable to determine IPV6 address";
        return Err(io::Error::new(io::ErrorKind::AddrNotAvailable, text));
    }
    Ok(if wanted.is_empty() { in_turns(all) } else { wanted })
}

/// The addresses of both families in turns, beginning with the family that the system put first (RFC 8305, section 4).
fn in_turns(all: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let Some(first) = all.first().copied() else { return all };
    let (mut ours, mut others): (VecDeque<_>, VecDeque<_>) = all
        .into_iter()
        .partition(|address| address.is_ipv4() == first.is_ipv4());
    let mut ordered = Vec::with_capacity(ours.len() + others.len());
    while let Some(address) = ours.pop_front().or_else(|| others.pop_front()) {
        ordered.push(address);
        std::mem::swap(&mut ours, &mut others);
    }
    ordered
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::os::unix::net::UnixListener;
    use std::thread;

    use super::*;

    /// A server that takes no more connections until it accepts the first one, which comes with it.
    fn full_house(path: &str) -> io::Result<(UnixListener, UnixStream)> {
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.bind(&SockAddr::unix(path)?)?;
        socket.listen(0)?;
        Ok((socket.into(), UnixStream::connect(path)?))
    }

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

    /// An address where nobody answers, neither yes nor no, for as long as the sockets live: those who may wait there do already.
    fn silence() -> (SocketAddr, Vec<Socket>) {
        let door = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        door.bind(&any.into())
            .and_then(|()| door.listen(0))
            .expect("a listening socket");
        let address = door
            .local_addr()
            .ok()
            .and_then(|address| address.as_socket())
            .expect("an address");
        let mut sockets = vec![door];
        while outcome(sockets.last().expect("the door")).is_ok_and(|connected| connected) || sockets.len() == 1 {
            sockets.push(begin(address).expect("a connection that begins"));
            wait_until_writable(sockets.last().into_iter(), Some(Duration::from_millis(100))).expect("poll");
        }
        (address, sockets)
    }

    /// An address where a server answers, and one where it is closed.
    fn open_and_closed() -> (std::net::TcpListener, SocketAddr, SocketAddr) {
        let bind = || std::net::TcpListener::bind("127.0.0.1:0").expect("a listening socket");
        let (open, closed) = (bind(), bind());
        let address = |listener: &std::net::TcpListener| listener.local_addr().expect("an address");
        let (yes, no) = (address(&open), address(&closed));
        drop(closed);
        (open, yes, no)
    }

    #[test]
    fn an_address_that_does_not_answer_holds_up_nobody() {
        let (dead, _sockets) = silence();
        let (_listener, open, closed) = open_and_closed();
        for addresses in [
            vec![dead, open],
            vec![dead, closed, open],
            vec![closed, open],
            vec![open, dead],
        ] {
            let deadline = Some(Instant::now() + Duration::from_secs(20));
            let (socket, address) = Race::new(addresses, deadline).run().expect("one that answers");
            assert_eq!(address, open);
            assert_eq!(socket.peer_addr().ok().and_then(|peer| peer.as_socket()), Some(open));
            assert!(!socket.nonblocking().expect("an open socket"));
        }
    }

    #[test]
    fn all_addresses_have_one_limit_together_and_are_named() {
        let (dead, _sockets) = silence();
        let (_listener, _, closed) = open_and_closed();
        // Too short for the head starts of all.
        let limit = Some(Instant::now() + Duration::from_millis(400));
        let failures = Race::new(vec![closed, dead, dead, dead, dead], limit)
            .run()
            .expect_err("nobody answers");
        let kinds: Vec<_> = failures
            .iter()
            .map(|(address, error)| (*address, error.kind()))
            .collect();
        assert_eq!(kinds.first(), Some(&(closed, io::ErrorKind::ConnectionRefused)));
        assert_eq!(kinds[1..], [(dead, io::ErrorKind::TimedOut); 4]);
        let error = all_failed("example", 4711, failures).to_string();
        assert!(error.contains(&format!("{closed}: Connection refused")), "{error}");
        assert!(error.contains(&format!("{dead}: ")), "{error}");
    }

    // Conformance: IP6-03
    #[test]
    fn the_preferred_version_of_ip_chooses_the_addresses() {
        let v4 = |last| SocketAddr::from(([192, 0, 2, last], 1));
        let v6 = |last| SocketAddr::from(([0x2001, 0xdb8, 0, 0, 0, 0, 0, last], 1));
        let all = || vec![v6(1), v6(2), v4(1), v6(3), v4(2)];
        let chosen = |all, version| choose(all, false, version).map_err(|error| error.to_string());
        assert_eq!(chosen(all(), IpVersion::V4), Ok(vec![v4(1), v4(2)]));
        assert_eq!(chosen(all(), IpVersion::V6), Ok(vec![v6(1), v6(2), v6(3)]));
        assert_eq!(
            chosen(all(), IpVersion::Any),
            Ok(vec![v6(1), v4(1), v6(2), v4(2), v6(3)])
        );
        assert_eq!(chosen(vec![v6(1)], IpVersion::V4), Ok(vec![v6(1)]));
        let refusal = "unable to determine IPV6 address".to_owned();
        assert_eq!(chosen(vec![v4(1)], IpVersion::V6), Err(refusal));
        let numeric = choose(vec![v4(1)], true, IpVersion::V6);
        assert_eq!(numeric.expect("an address is no name"), [v4(1)]);
        assert_eq!(Config::pyro4().prefer_ip_version, IpVersion::V4);
        assert_eq!(Config::pyro5().prefer_ip_version, IpVersion::Any);
    }

    #[test]
    fn a_path_that_is_too_long_is_told_the_limit() {
        assert!(unix_address(&"x".repeat(LONGEST_PATH)).is_ok());
        let error = unix_address(&"x".repeat(LONGEST_PATH + 1)).expect_err("too long");
        let text = "the path is too long: it has 108 bytes, and on this system a socket's path can have 107";
        assert_eq!(error.to_string(), text);
        assert!(unix_address(&format!("\0{}", "x".repeat(LONGEST_PATH - 1))).is_ok_and(|address| address.is_unix()));
    }
}
