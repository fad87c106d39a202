//! A file server in this process, and what tests look at.

use std::fs;
use std::io::Read;
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use ferropyro::{Config, DaemonBuilder, Proxy, RunningDaemon, Uri};
use ferropyro_transfer::{Access, By, FileClient, FileServer, FileServerBuilder, RawSockets, RawSocketsBuilder};
use tempfile::TempDir;

pub(crate) const WAYS: [By; 3] = [By::Calls, By::Annotations, By::Socket];
pub(crate) const PART: &str = ".ferropyro-part";

/// A running server of a folder, and a folder for its clients.
pub(crate) struct Scene {
    pub(crate) served: TempDir,
    pub(crate) here: TempDir,
    pub(crate) uri: Uri,
    pub(crate) daemon: RunningDaemon,
}

/// What a scene may have that is not as usual.
#[derive(Default)]
pub(crate) struct Unusual {
    pub(crate) access: Access,
    pub(crate) daemon: Option<DaemonBuilder>,
    pub(crate) sockets: Option<fn(RawSocketsBuilder) -> RawSocketsBuilder>,
    pub(crate) server: Option<fn(FileServerBuilder<'_>) -> FileServerBuilder<'_>>,
}

impl Scene {
    pub(crate) fn new(access: Access) -> Scene {
        Scene::unusual(Unusual {
            access,
            ..Unusual::default()
        })
    }

    pub(crate) fn unusual(unusual: Unusual) -> Scene {
        let served = tempfile::tempdir().unwrap();
        let daemon = unusual.daemon.unwrap_or_default().bind().unwrap();
        let mut sockets = RawSockets::builder(&daemon).unwrap();
        if let Some(change) = unusual.sockets {
            sockets = change(sockets);
        }
        let mut server = FileServer::builder(served.path())
            .access(unusual.access)
            .sockets(sockets.build());
        if let Some(change) = unusual.server {
            server = change(server);
        }
        let uri = daemon.register("files", server.build().unwrap()).unwrap();
        Scene {
            served,
            here: tempfile::tempdir().unwrap(),
            uri,
            daemon: daemon.start(),
        }
    }

    /// With a proxy that does not wait for ever.
    pub(crate) fn client(&self) -> FileClient {
        FileClient::new(self.proxy())
    }

    pub(crate) fn proxy(&self) -> Proxy {
        let config = Config::default().commtimeout(Duration::from_secs(20));
        Proxy::builder().config(config).build(&self.uri).unwrap()
    }

    pub(crate) fn serve(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.served.path().join(name);
        fs::write(&path, content).unwrap();
        path
    }

    pub(crate) fn here(&self, name: &str) -> PathBuf {
        self.here.path().join(name)
    }

    pub(crate) fn names_served(&self) -> Vec<String> {
        names(self.served.path())
    }

    pub(crate) fn names_here(&self) -> Vec<String> {
        names(self.here.path())
    }
}

fn names(folder: &std::path::Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Bytes that do not repeat, so that a piece in a wrong place is noticed.
pub(crate) fn bytes(count: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut bytes = Vec::with_capacity(count + 8);
    while bytes.len() < count {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(count);
    bytes
}

/// Whether somebody listens there.
pub(crate) fn is_open(address: SocketAddr) -> bool {
    TcpStream::connect_timeout(&address, Duration::from_secs(5)).is_ok()
}

/// All that comes until the other end closes; a reset is an end too.
pub(crate) fn rest(mut stream: TcpStream) -> Vec<u8> {
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Ok(_) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => bytes,
        Err(error) => panic!("{error}"),
    }
}

/// Waits for what happens in other threads.
pub(crate) fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let patience = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < patience, "{what}");
        std::thread::yield_now();
    }
}
