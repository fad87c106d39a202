//! Sockets of either family, listening.

use std::io;
use std::net::TcpListener;
#[cfg(unix)]
use std::os::unix::net::{UnixDatagram, UnixListener};
#[cfg(unix)]
use std::path::{Path, PathBuf};

use socket2::{Domain, Socket, Type};

use crate::socket::resolve;
#[cfg(unix)]
use crate::socket::{is_abstract, unix_address};
use crate::{Address, Error, Family, Result};

/// A socket that is bound and listens.
#[derive(Debug)]
pub(crate) struct Listening {
    pub(crate) socket: ListeningSocket,
    pub(crate) address: Address,
    #[cfg(unix)]
    pub(crate) file: Option<SocketFile>,
}

#[derive(Debug)]
pub(crate) enum ListeningSocket {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixListener),
}

impl Listening {
    /// At this address, or at a free one that is made up.
    pub(crate) fn bind(address: Option<Address>, family: Option<Family>, backlog: i32) -> Result<Listening> {
        match address {
            Some(address) => match address.of_family(family)? {
                Address::Inet(host, port) => bind_tcp(&host, port, backlog),
                #[cfg(unix)]
                Address::Unix(path) => bind_unix(path, None, backlog),
                other => Err(other.family().unusable()),
            },
            None => made_up(family, backlog),
        }
    }
}

/// Of the family that is the fastest one here, unless it is given.
fn made_up(family: Option<Family>, backlog: i32) -> Result<Listening> {
    let fastest = match cfg!(unix) {
        true => Family::Unix,
        false => Family::Inet,
    };
    match family.unwrap_or(fastest) {
        Family::Inet => bind_tcp("localhost", 0, backlog),
        #[cfg(unix)]
        Family::Unix => {
            let folder = OwnFolder::make().map_err(|error| Error::io("cannot make a folder for a socket", error))?;
            bind_unix(folder.0.join("listener"), Some(folder), backlog)
        }
        other => Err(other.unusable()),
    }
}

fn bind_tcp(host: &str, port: u16, backlog: i32) -> Result<Listening> {
    let cannot = |error| Error::io(format_args!("cannot listen on {}", Address::from((host, port))), error);
    // As in Python, an empty host stands for all interfaces.
    let host = match host {
        "" => "0.0.0.0",
        host => host,
    };
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in resolve(host, port).map_err(cannot)? {
        let bound = (|| {
            let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
            // On Windows the option means that two programs may listen on one port.
            socket.set_reuse_address(cfg!(unix))?;
            socket.bind(&address.into())?;
            socket.listen(backlog)?;
            let listener = TcpListener::from(socket);
            io::Result::Ok((listener.local_addr()?, listener))
        })();
        match bound {
            Ok((address, listener)) => {
                return Ok(Listening {
                    socket: ListeningSocket::Tcp(listener),
                    address: address.into(),
                    #[cfg(unix)]
                    file: None,
                });
            }
            Err(error) => last = error,
        }
    }
    Err(cannot(last))
}

#[cfg(unix)]
fn bind_unix(path: PathBuf, folder: Option<OwnFolder>, backlog: i32) -> Result<Listening> {
    let bound = match listen_unix(&path, backlog) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_left_over(&path) => {
            std::fs::remove_file(&path).and_then(|()| listen_unix(&path, backlog))
        }
        other => other,
    };
    let address = Address::Unix(path.clone());
    let listener = bound.map_err(|error| Error::io(format_args!("cannot listen on {address}"), error))?;
    let file = (!is_abstract(&path)).then(|| SocketFile::new(path, folder));
    Ok(Listening {
        socket: ListeningSocket::Unix(listener),
        address,
        file,
    })
}

/// Only this user may connect. The file has its rights before anybody can: nobody listens on it until then.
#[cfg(unix)]
fn listen_unix(path: &Path, backlog: i32) -> io::Result<UnixListener> {
    let address = unix_address(path)?;
    let socket = private(Socket::new(Domain::UNIX, Type::STREAM, None)?);
    socket.bind(&address)?;
    if !is_abstract(path) {
        std::fs::set_permissions(path, only_for_this_user())?;
    }
    socket.listen(backlog)?;
    Ok(socket.into())
}

/// On Linux the file of a socket gets the rights that the socket has.
#[cfg(unix)]
fn private(socket: Socket) -> Socket {
    use std::fs::File;
    use std::os::fd::OwnedFd;

    let file = File::from(OwnedFd::from(socket));
    // Elsewhere this may be an error, and the file gets its rights afterwards.
    let _ = file.set_permissions(only_for_this_user());
    Socket::from(OwnedFd::from(file))
}

#[cfg(unix)]
fn only_for_this_user() -> std::fs::Permissions {
    use std::os::unix::fs::PermissionsExt;
    std::fs::Permissions::from_mode(0o600)
}

/// Whether there is the file of a socket that nobody has any more. It is asked for with a socket of another type, which connects to nothing: a listener that is alive
/// would take a connection for a client.
#[cfg(unix)]
fn is_left_over(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt;
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket());
    let connected = UnixDatagram::unbound().and_then(|socket| socket.connect(path));
    is_socket && connected.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}

/// The file of a Unix domain socket, which is removed at the end.
#[cfg(unix)]
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    /// Device and number of the file, when it could be asked for them.
    identity: Option<(u64, u64)>,
    _folder: Option<OwnFolder>,
}

#[cfg(unix)]
impl SocketFile {
    fn new(path: PathBuf, folder: Option<OwnFolder>) -> SocketFile {
        SocketFile {
            identity: identity(&path),
            path,
            _folder: folder,
        }
    }
}

/// No other file: a later one of this path is somebody else's.
#[cfg(unix)]
impl Drop for SocketFile {
    fn drop(&mut self) {
        if identity(&self.path) == self.identity {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// What tells a file from a later one of the same path.
#[cfg(unix)]
fn identity(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    let file = std::fs::symlink_metadata(path).ok()?;
    Some((file.dev(), file.ino()))
}

/// A folder for one made-up address, which nobody else may look into.
#[cfg(unix)]
#[derive(Debug)]
struct OwnFolder(PathBuf);

#[cfg(unix)]
impl OwnFolder {
    fn make() -> io::Result<OwnFolder> {
        use std::os::unix::fs::DirBuilderExt;

        let name = getrandom::u64()?;
        let path = std::env::temp_dir().join(format!("ferropyro-{name:016x}"));
        std::fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(OwnFolder(path))
    }
}

#[cfg(unix)]
impl Drop for OwnFolder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir(&self.0);
    }
}
