//! The client's end: files from a server, and to it.

mod get;
mod put;
mod socket;

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use ferropyro::{Dialect, Proxy};

use crate::{Error, PIECE, Result};

/// The bytes of one call.
const BY_CALLS: usize = 1 << 20;
/// The bytes of an annotation where only the length of messages limits them.
const BY_ANNOTATIONS: usize = 500_000;

/// Gets files from a [`FileServer`](crate::FileServer), and puts files there.
///
/// A transfer counts only when all of it has arrived with the right checksum (SHA-256): until then the bytes are in a file beside the real one, `NAME.ferropyro-part`, and what was
/// there before stays as it is. What has come of a transfer that was cut off stays too; another one with [`Options::resume`] goes on from there, if the
/// checksum says that it is the beginning of the same file.
#[derive(Debug)]
pub struct FileClient {
    proxy: Proxy,
}

/// Which way the bytes of a file go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum By {
    /// In calls, as arguments and results: slowest, above all with serpent and json, which write bytes as base 64.
    Calls,
    /// In annotations, past the serializer. Goes wherever calls go.
    #[default]
    Annotations,
    /// Over a raw socket, if the server offers that: fastest. Not protected by TLS or a key.
    Socket,
}

/// How to transfer a file.
#[derive(Default)]
pub struct Options<'a> {
    by: By,
    resume: bool,
    on_progress: Option<Box<dyn FnMut(Progress) + 'a>>,
}

/// How far a transfer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The bytes that are there.
    pub done: u64,
    /// All bytes of the file.
    pub size: u64,
}

/// What a transfer has come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The bytes of the file.
    pub size: u64,
    /// The bytes that were there already, from an earlier try.
    pub resumed_at: u64,
    /// The SHA-256 of the file in hexadecimal, the same at both ends.
    pub checksum: String,
}

impl FileClient {
    /// A client of the file server that this proxy stands for.
    pub fn new(proxy: Proxy) -> FileClient {
        FileClient { proxy }
    }

    /// The proxy, for calls of other methods of the server.
    pub fn proxy(&self) -> &Proxy {
        &self.proxy
    }

    /// Gets a file: `remote` is its path at the server, `local` the file here, which is replaced.
    ///
    /// # Errors
    /// See [`Error`]. The file here is as it was then.
    pub fn get(&self, remote: &str, local: impl AsRef<Path>, options: Options<'_>) -> Result<Summary> {
        get::get(&self.proxy, remote, local.as_ref(), options)
    }

    /// Puts a file: `local` is the file here, `remote` its path at the server. Whether a file there is replaced is the server's decision.
    ///
    /// # Errors
    /// See [`Error`]. The file at the server is as it was then.
    pub fn put(&self, local: impl AsRef<Path>, remote: &str, options: Options<'_>) -> Result<Summary> {
        put::put(&self.proxy, local.as_ref(), remote, options)
    }
}

impl<'a> Options<'a> {
    /// By annotations, all of the file.
    #[must_use]
    pub fn new() -> Options<'a> {
        Options::default()
    }

    /// Which way the bytes go.
    #[must_use]
    pub fn by(mut self, by: By) -> Options<'a> {
        self.by = by;
        self
    }

    /// Whether to go on where an earlier try was cut off. What it has left may be good for nothing; then all of the file is transferred.
    #[must_use]
    pub fn resume(mut self, resume: bool) -> Options<'a> {
        self.resume = resume;
        self
    }

    /// Is told now and then how far the transfer is, the first time when it begins and the last time when all bytes have arrived.
    #[must_use]
    pub fn on_progress(mut self, tell: impl FnMut(Progress) + 'a) -> Options<'a> {
        self.on_progress = Some(Box::new(tell));
        self
    }

    fn tell(&mut self, done: u64, size: u64) {
        if let Some(tell) = &mut self.on_progress {
            tell(Progress { done, size });
        }
    }
}

impl fmt::Debug for Options<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Options(by {}, resume: {})", self.by, self.resume)
    }
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            By::Calls => "calls",
            By::Annotations => "annotations",
            By::Socket => "socket",
        })
    }
}

impl FromStr for By {
    type Err = String;

    fn from_str(text: &str) -> Result<By, String> {
        match text {
            "calls" => Ok(By::Calls),
            "annotations" => Ok(By::Annotations),
            "socket" => Ok(By::Socket),
            _ => Err(format!(
                "'{text}' is no way to transfer a file: calls, annotations or socket"
            )),
        }
    }
}

/// The bytes of an annotation for this server.
fn piece(proxy: &Proxy) -> Result<usize> {
    Ok(match proxy.dialect()? {
        dialect if Dialect::is_pyro5(dialect) => BY_ANNOTATIONS,
        _ => PIECE,
    })
}

/// The folder and the name of a file here.
fn split(path: &Path) -> Result<(&Path, &str)> {
    let name = path.file_name().and_then(|name| name.to_str()).ok_or_else(|| {
        let source = std::io::Error::new(std::io::ErrorKind::InvalidInput, "this is no name of a file");
        Error::file(path.display())(source)
    })?;
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    Ok((folder.unwrap_or(Path::new(".")), name))
}
