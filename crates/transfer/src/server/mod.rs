//! The server's end: an object that serves files.

mod folder;
mod uploads;

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ferropyro::{Bytes, Context, Dialect, ItemStream, Raise, context, expose};
pub use folder::Folder;

use crate::digest::Digest;
use crate::permits::{Permit, Permits};
use crate::server::uploads::Uploads;
use crate::sockets::{Offer, RawSockets};
use crate::{FDAT, PIECE};

/// The most bytes of one answer of `read`.
const MOST_READ: usize = 16 << 20;
/// The most bytes of a piece in an annotation of Pyro5, where annotations have no limit of their own.
const MOST_PIECE: usize = 1 << 20;

/// What clients may do with the files of a [`FileServer`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Access {
    /// Read them.
    #[default]
    Read,
    /// Read them, and add new ones.
    Create,
    /// Read them, add new ones, and replace those that are there.
    Replace,
}

/// Serves the files below one folder. No path of a client leads out of it: neither `..`, nor an absolute path, nor a symbolic link.
///
/// Register it with a daemon as any object. These are its methods, for a [`FileClient`](crate::FileClient) and for every Pyro program:
///
/// | method | gives |
/// |---|---|
/// | `list(path=".")` | the names in a folder with their sizes; None is the size of a folder |
/// | `size(path)` | the bytes of a file |
/// | `checksum(path, length=None)` | the SHA-256 of a file, or of its first bytes, in hexadecimal |
/// | `read(path, offset=0, length=65000)` | bytes of a file, at most 16 MiB; none at its end |
/// | `stream(path, offset=0, piece=65000)` | an iterator: each item is the position in the file after it, and comes with the bytes up to there in the annotation `FDAT` |
/// | `open_socket(path, offset=0)` | `(ticket, (host, port))`: who connects there and sends the ticket gets the bytes up to the end of the file |
/// | `begin_upload(path, size, resume=False)` | `(upload, position, checksum)`: how much of the file is there already, which is nothing without `resume`, and its SHA-256 |
/// | `write(upload, position, data=None)` | the new position; the bytes are the argument or the annotation `FDAT` |
/// | `upload_socket(upload)` | `(ticket, (host, port))`: who connects there sends the ticket and all the rest, and waits until the server closes the connection |
/// | `finish_upload(upload, checksum)` | nothing: the file has its name now. Until then nobody sees it |
/// | `abort_upload(upload)` | nothing: the file is forgotten |
/// | `ping()` | nothing: keeps the connection in use while the bytes go elsewhere |
///
/// An upload that its client leaves without an end keeps what has come, for a later one with `resume`. So does one that does not go on for five minutes
/// ([`FileServerBuilder::stall`]).
#[derive(Debug)]
pub struct FileServer {
    folder: Folder,
    uploads: Uploads,
    sockets: Option<RawSockets>,
    permits: Arc<Permits>,
    stall: Duration,
}

/// Settings of a [`FileServer`].
#[derive(Debug)]
pub struct FileServerBuilder<'p> {
    folder: &'p Path,
    access: Access,
    max_size: u64,
    max_transfers: usize,
    max_per_connection: Option<usize>,
    stall: Duration,
    sockets: Option<RawSockets>,
}

impl<'p> FileServerBuilder<'p> {
    /// What clients may do. Default: read.
    #[must_use]
    pub fn access(mut self, access: Access) -> FileServerBuilder<'p> {
        self.access = access;
        self
    }

    /// The most bytes of a file that clients may add. Default: 4 GiB.
    #[must_use]
    pub fn max_size(mut self, bytes: u64) -> FileServerBuilder<'p> {
        self.max_size = bytes;
        self
    }

    /// The most transfers at a time: streams, uploads, and raw sockets with the tickets for them. Default: 64.
    #[must_use]
    pub fn max_transfers(mut self, most: usize) -> FileServerBuilder<'p> {
        self.max_transfers = most;
        self
    }

    /// The most transfers of one connection at a time, so that one client does not take them all. Default, and what zero means: a quarter of
    /// [`FileServerBuilder::max_transfers`], and at least one. How many connections a client has is the daemon's business.
    #[must_use]
    pub fn max_per_connection(mut self, most: usize) -> FileServerBuilder<'p> {
        self.max_per_connection = (most > 0).then_some(most);
        self
    }

    /// How long an upload may go without a byte, or a stream without being asked for its next piece, before it must make way: it ends when the next transfer
    /// begins. Raw sockets have [a limit of their own](crate::RawSocketsBuilder::stall). Default: 5 minutes. Zero is not possible, and means the default.
    #[must_use]
    pub fn stall(mut self, stall: Duration) -> FileServerBuilder<'p> {
        if !stall.is_zero() {
            self.stall = stall;
        }
        self
    }

    /// Lets clients have raw sockets. Default: they cannot.
    #[must_use]
    pub fn sockets(mut self, sockets: RawSockets) -> FileServerBuilder<'p> {
        self.sockets = Some(sockets);
        self
    }

    /// The object.
    ///
    /// # Errors
    /// When the folder cannot be opened.
    pub fn build(self) -> io::Result<FileServer> {
        let folder = Folder::open(self.folder)?;
        Ok(FileServer {
            uploads: Uploads::new(folder.try_clone()?, self.access, self.max_size),
            folder,
            sockets: self.sockets,
            permits: Permits::new(self.max_transfers, self.max_per_connection),
            stall: self.stall,
        })
    }
}

impl FileServer {
    /// Settings for a server of the files below this folder.
    pub fn builder(folder: &Path) -> FileServerBuilder<'_> {
        FileServerBuilder {
            folder,
            access: Access::default(),
            max_size: 4 << 30,
            max_transfers: 64,
            max_per_connection: None,
            stall: Duration::from_secs(300),
            sockets: None,
        }
    }

    /// The raw sockets, when clients may have some.
    pub fn raw_sockets(&self) -> Option<&RawSockets> {
        self.sockets.as_ref()
    }

    fn sockets(&self) -> Result<&RawSockets, Raise> {
        let text = "this server has no raw sockets: transfer by annotations";
        self.sockets.as_ref().ok_or_else(|| Raise::new("RuntimeError", text))
    }

    /// A place for a transfer. Those that do not go on make way.
    fn permit(&self) -> Result<Permit, Raise> {
        self.permits.end_stalled(self.stall);
        self.uploads.end_lost();
        self.permits.take()
    }

    /// A file from an offset on, for a transfer.
    fn open_at(&self, path: &str, offset: u64) -> Result<File, Raise> {
        let (mut file, size) = self.folder.file(path)?;
        if offset > size {
            let text = format!("offset {offset} is beyond the end of '{path}', which has {size} bytes");
            return Err(Raise::new("ValueError", text));
        }
        file.seek(SeekFrom::Start(offset))?;
        Ok(file)
    }
}

#[expose]
impl FileServer {
    /// The names in a folder, in order, with their sizes; `None` is the size of a folder.
    ///
    /// # Errors
    /// `FileNotFoundError`, `PermissionError`, `OSError`.
    pub fn list(&self, #[default(".")] path: &str) -> Result<Vec<(String, Option<u64>)>, Raise> {
        self.folder.list(path)
    }

    /// The bytes of a file.
    ///
    /// # Errors
    /// As for [`FileServer::list`].
    pub fn size(&self, path: &str) -> Result<u64, Raise> {
        Ok(self.folder.file(path)?.1)
    }

    /// The SHA-256 of a file, or of its first `length` bytes, in hexadecimal.
    ///
    /// # Errors
    /// As for [`FileServer::list`].
    pub fn checksum(&self, path: &str, #[default(None)] length: Option<u64>) -> Result<String, Raise> {
        let (mut file, _) = self.folder.file(path)?;
        let mut digest = Digest::default();
        digest.read(&mut file, length.unwrap_or(u64::MAX))?;
        Ok(digest.hex())
    }

    /// Bytes of a file, fewer than asked for at its end, and never more than 16 MiB.
    ///
    /// # Errors
    /// As for [`FileServer::list`]; `ValueError` for an offset beyond the end.
    pub fn read(&self, path: &str, #[default(0)] offset: u64, #[default(PIECE)] length: usize) -> Result<Bytes, Raise> {
        let mut file = self.open_at(path, offset)?;
        Ok(Bytes(next_piece(&mut file, length.min(MOST_READ))?.unwrap_or_default()))
    }

    /// A stream of positions in the file; the bytes up to each come with it, in the annotation [`FDAT`].
    ///
    /// # Errors
    /// As for [`FileServer::read`]; `ValueError` for a piece that no message can carry; `RuntimeError` when too much goes on already.
    pub fn stream(
        &self,
        path: &str,
        #[default(0)] offset: u64,
        #[default(PIECE)] piece: usize,
        cx: &Context,
    ) -> Result<ItemStream, Raise> {
        check_piece(piece, cx.dialect())?;
        let permit = self.permit()?;
        let pieces = Pieces {
            file: self.open_at(path, offset)?,
            position: offset,
            piece,
            permit,
        };
        pieces.go_on()?;
        Ok(ItemStream::fallible(pieces))
    }

    /// A ticket for a raw socket with the bytes of the file from an offset on.
    ///
    /// # Errors
    /// As for [`FileServer::read`], and those of [`RawSockets::offer`].
    pub fn open_socket(&self, path: &str, #[default(0)] offset: u64) -> Result<Offer, Raise> {
        let sockets = self.sockets()?;
        let permit = self.permit()?;
        let mut file = self.open_at(path, offset)?;
        sockets.offer(move |mut stream| {
            let _permit = permit;
            io::copy(&mut file, &mut stream).map(drop)
        })
    }

    /// Begins to add a file: gives an id for it, and how much of it is there already with the SHA-256 of that.
    ///
    /// # Errors
    /// `PermissionError` when clients may only read; `FileExistsError` when the file is there and may not be replaced; `ValueError` when it is too
    /// large; `RuntimeError` when too much goes on already; `BlockingIOError` when another client adds a file of this name at the moment.
    pub fn begin_upload(
        &self,
        path: &str,
        size: u64,
        #[default(false)] resume: bool,
        cx: &Context,
    ) -> Result<(String, u64, String), Raise> {
        self.uploads.begin(path, size, resume, self.permit()?, cx)
    }

    /// Adds bytes to a file that was begun: the argument, or those in the annotation [`FDAT`]. Gives the new position.
    ///
    /// # Errors
    /// `ValueError` for an unknown upload, and for another position than the present one; `OSError`.
    pub fn write(
        &self,
        upload: &str,
        position: u64,
        #[default(None)] data: Option<Bytes>,
        cx: &Context,
    ) -> Result<u64, Raise> {
        let annotations = cx.annotations();
        let data = match &data {
            Some(data) => &data.0,
            None => annotations.get(FDAT).unwrap_or_default(),
        };
        self.uploads.find(upload)?.write(position, data)
    }

    /// A ticket for a raw socket over which all the rest of a file that was begun may be sent.
    ///
    /// # Errors
    /// `ValueError` for an unknown upload, and those of [`RawSockets::offer`].
    pub fn upload_socket(&self, upload: &str) -> Result<Offer, Raise> {
        // A ticket that nobody brings must not keep the file from its next writer.
        let upload = Arc::downgrade(&self.uploads.find(upload)?);
        self.sockets()?.offer(move |stream| match upload.upgrade() {
            Some(upload) => upload.receive(stream),
            None => Err(io::Error::new(io::ErrorKind::NotConnected, "the upload is over")),
        })
    }

    /// Gives a file its name, once all of it is there and safe on the disk.
    ///
    /// # Errors
    /// `ValueError` for an unknown upload, when something is missing, and when the checksum is another one: what has come is forgotten then;
    /// `FileExistsError` when the name was taken meanwhile; `OSError`.
    pub fn finish_upload(&self, upload: &str, checksum: &str) -> Result<(), Raise> {
        self.uploads.finish(upload, checksum)
    }

    /// Forgets a file that was begun, and what has come of it.
    ///
    /// # Errors
    /// `ValueError` for an unknown upload; `OSError`.
    pub fn abort_upload(&self, upload: &str) -> Result<(), Raise> {
        self.uploads.abort(upload)
    }

    /// Does nothing: keeps a connection in use while the bytes go elsewhere.
    pub fn ping(&self) {}
}

fn check_piece(piece: usize, dialect: Dialect) -> Result<(), Raise> {
    let most = if dialect.is_pyro5() { MOST_PIECE } else { PIECE };
    match piece {
        0 => Err(Raise::new("ValueError", "a piece has at least one byte")),
        _ if piece > most => Err(Raise::new(
            "ValueError",
            format!("a piece has at most {most} bytes, not {piece}"),
        )),
        _ => Ok(()),
    }
}

/// A file in pieces. Each goes into the annotations of the answer that asks for it.
struct Pieces {
    file: File,
    position: u64,
    piece: usize,
    permit: Permit,
}

impl Pieces {
    fn go_on(&self) -> io::Result<()> {
        let text = "nobody has asked for the next piece for too long, and the stream has made way for others: begin again at the present position";
        match self.permit.go_on() {
            true => Ok(()),
            false => Err(io::Error::new(io::ErrorKind::TimedOut, text)),
        }
    }
}

impl Iterator for Pieces {
    type Item = io::Result<u64>;

    fn next(&mut self) -> Option<io::Result<u64>> {
        let bytes = match self.go_on().and_then(|()| next_piece(&mut self.file, self.piece)) {
            Ok(bytes) => bytes?,
            Err(error) => return Some(Err(error)),
        };
        self.position += bytes.len() as u64;
        context::current()?.annotate(FDAT, bytes);
        Some(Ok(self.position))
    }
}

/// The next bytes of a file, so many unless it ends; `None` at its end.
fn next_piece(file: &mut File, length: usize) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::with_capacity(length);
    file.take(length as u64).read_to_end(&mut bytes)?;
    Ok((!bytes.is_empty()).then_some(bytes))
}
