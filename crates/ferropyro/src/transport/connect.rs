//! Connecting to a server.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::time::Duration;

use super::{Stream, is_timeout, not_at_once};
use crate::config::{Config, IpVersion};
use crate::uri::Location;
use crate::{Error, ErrorKind, Result};

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

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::os::unix::net::UnixListener;
    use std::thread;

    use super::*;

    /// A server that takes no more connections until it accepts the first one, which comes with it.
    fn full_house(path: &str) -> io::Result<(UnixListener, UnixStream)> {
        let socket = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None)?;
        socket.bind(&socket2::SockAddr::unix(path)?)?;
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
}
