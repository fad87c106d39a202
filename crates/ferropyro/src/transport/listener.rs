//! A listening socket.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener};
#[cfg(unix)]
use std::os::fd::{AsRawFd, RawFd};
#[cfg(unix)]
use std::os::unix::net::UnixListener;
#[cfg(unix)]
use std::sync::atomic::{AtomicBool, Ordering};
#[cfg(unix)]
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use super::connect::addresses;
#[cfg(unix)]
use super::connect::{connect_unix, unix_address, unix_location};
use crate::config::{Config, IpVersion};
use crate::uri::Location;
use crate::{Error, ErrorKind, Result};

/// A listening socket.
#[derive(Debug)]
pub(crate) enum Listener {
    Tcp(TcpListener, Owner),
    #[cfg(unix)]
    Unix(UnixListener, Owner),
}

/// Who has made a socket.
#[derive(Debug)]
pub(crate) enum Owner {
    /// We have, and nobody else holds it.
    Us,
    /// We have, and there is a file that belongs to it.
    #[cfg(unix)]
    UsWithFile(SocketFile),
    /// The program, which may not be the only one that holds it.
    Program,
}

/// A listening socket of the program's own, for [`DaemonBuilder::listener`](crate::DaemonBuilder::listener). It is made from a `TcpListener` or a `UnixListener`.
#[derive(Debug)]
pub struct ListeningSocket(Listener);

/// The file of a Unix domain socket, which is removed once.
#[cfg(unix)]
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: String,
    /// Device and number of the file, when it could be asked for them.
    identity: Option<(u64, u64)>,
    is_removed: AtomicBool,
}

/// As many connections may wait to be accepted. (In Pyro 100, but where clients come by the thousand, the next one then waits a second for its second try.)
const BACKLOG: i32 = 1024;

impl Listener {
    /// Listens on a TCP port; 0 chooses a free one. An empty host stands for all interfaces.
    pub(crate) fn tcp(host: &str, port: u16, config: &Config) -> Result<Listener> {
        let cannot = |error: io::Error| cannot_listen(&Location::tcp(host, port), error);
        let mut last = None;
        for address in addresses(host_to_bind(host, config), port, config).map_err(cannot)? {
            match listen(address, config) {
                Ok(listener) => return Ok(Listener::Tcp(listener, Owner::Us)),
                Err(error) => last = Some(error),
            }
        }
        Err(cannot(
            last.unwrap_or_else(|| io::Error::other("the name has no address")),
        ))
    }

    /// Listens on a Unix domain socket at this path, or of this abstract name. A socket file that a dead server left is replaced.
    #[cfg(unix)]
    pub(crate) fn unix(path: &str) -> Result<Listener> {
        let bound = match bind_unix(path) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_left_over(path) => {
                std::fs::remove_file(path).and_then(|()| bind_unix(path))
            }
            other => other,
        };
        bound
            .map(|listener| Listener::Unix(listener, SocketFile::owner(path)))
            .map_err(|error| cannot_listen(&Location::unix(path), error))
    }

    /// The address that is bound, of a TCP socket.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        match self {
            Listener::Tcp(listener, _) => listener.local_addr().ok(),
            #[cfg(unix)]
            Listener::Unix(..) => None,
        }
    }

    /// Lets nobody in any more, though others may still hold the daemon: who connects is refused, where the system can do that, and the file of a
    /// Unix domain socket is gone. A socket of the program's own stays as it is.
    pub(crate) fn close(&self) {
        let owner = match self {
            Listener::Tcp(_, owner) => owner,
            #[cfg(unix)]
            Listener::Unix(_, owner) => owner,
        };
        if matches!(owner, Owner::Program) {
            return;
        }
        // Systems that cannot shut down a listening socket say so; then it closes when the daemon is dropped.
        let _ = self.shut_down();
        #[cfg(unix)]
        if let Owner::UsWithFile(file) = owner {
            file.remove();
        }
    }

    fn shut_down(&self) -> io::Result<()> {
        match self {
            Listener::Tcp(listener, _) => socket2::SockRef::from(listener).shutdown(Shutdown::Both),
            #[cfg(unix)]
            Listener::Unix(listener, _) => socket2::SockRef::from(listener).shutdown(Shutdown::Both),
        }
    }
}

#[cfg(unix)]
impl AsRawFd for Listener {
    fn as_raw_fd(&self) -> RawFd {
        match self {
            Listener::Tcp(listener, _) => listener.as_raw_fd(),
            Listener::Unix(listener, _) => listener.as_raw_fd(),
        }
    }
}

impl ListeningSocket {
    pub(crate) fn is_unix(&self) -> bool {
        match self.0 {
            Listener::Tcp(..) => false,
            #[cfg(unix)]
            Listener::Unix(..) => true,
        }
    }

    /// How it is called in URIs: with this host, or by its address.
    pub(crate) fn location(&self, host: Option<String>) -> Result<Location> {
        let unnamed =
            |error| Error::new(ErrorKind::Communication, "the listening socket has no address").caused_by(error);
        match &self.0 {
            Listener::Tcp(listener, _) => {
                let address = listener.local_addr().map_err(unnamed)?;
                let host = host.unwrap_or_else(|| address.ip().to_string());
                Ok(Location::tcp(host, address.port()))
            }
            #[cfg(unix)]
            Listener::Unix(listener, _) => {
                let address = socket2::SockRef::from(listener).local_addr().map_err(unnamed)?;
                Ok(unix_location(&address))
            }
        }
    }
}

impl From<ListeningSocket> for Listener {
    fn from(socket: ListeningSocket) -> Listener {
        socket.0
    }
}

impl From<TcpListener> for ListeningSocket {
    fn from(listener: TcpListener) -> ListeningSocket {
        ListeningSocket(Listener::Tcp(listener, Owner::Program))
    }
}

#[cfg(unix)]
impl From<UnixListener> for ListeningSocket {
    fn from(listener: UnixListener) -> ListeningSocket {
        ListeningSocket(Listener::Unix(listener, Owner::Program))
    }
}

#[cfg(unix)]
impl SocketFile {
    /// An abstract name has no file.
    fn owner(path: &str) -> Owner {
        if path.starts_with('\0') {
            return Owner::Us;
        }
        Owner::UsWithFile(SocketFile {
            path: path.to_owned(),
            identity: identity(path),
            is_removed: AtomicBool::new(false),
        })
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

fn cannot_listen(location: &Location, error: io::Error) -> Error {
    Error::new(
        ErrorKind::Communication,
        format!("cannot listen on {location}: {error}"),
    )
    .caused_by(error)
}

/// What an empty host means.
fn host_to_bind<'h>(host: &'h str, config: &Config) -> &'h str {
    match (host, config.prefer_ip_version) {
        ("", IpVersion::V6) => "::",
        ("", _) => "0.0.0.0",
        (host, _) => host,
    }
}

fn listen(address: SocketAddr, config: &Config) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    // On Windows the option means that two programs may listen on one port.
    socket.set_reuse_address(config.sock_reuse && cfg!(unix))?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

#[cfg(unix)]
fn bind_unix(path: &str) -> io::Result<UnixListener> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.bind(&unix_address(path)?)?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Whether there is the file of a socket that nobody listens on any more. Connecting to a file of another kind is refused as well.
#[cfg(unix)]
fn is_left_over(path: &str) -> bool {
    use std::os::unix::fs::FileTypeExt;
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket());
    let connected = connect_unix(path, Some(Duration::from_secs(1)));
    is_socket && connected.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}
