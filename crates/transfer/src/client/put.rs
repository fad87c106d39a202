//! A file to the server.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::net::Shutdown;
use std::path::Path;

use ferropyro::{Bytes, Proxy, context};

use super::socket::{self, Awake};
use super::{BY_CALLS, By, Options, Summary, piece};
use crate::digest::Digest;
use crate::{Error, FDAT, Result};

pub(super) fn put(proxy: &Proxy, local: &Path, remote: &str, mut options: Options<'_>) -> Result<Summary> {
    let cannot = |error| Error::file(local.display())(error);
    let file = File::open(local).map_err(cannot)?;
    let size = file.metadata().map_err(cannot)?.len();
    let mut upload = Upload {
        proxy,
        local,
        file,
        size,
        id: String::new(),
        position: 0,
        digest: Digest::default(),
    };
    upload.begin(remote, options.resume)?;
    let resumed_at = upload.position;
    upload.send(&mut options).map_err(|error| upload.reason(error))?;
    let checksum = upload.digest.hex();
    proxy.call::<()>("finish_upload", (&upload.id, &checksum))?;
    Ok(Summary {
        size,
        resumed_at,
        checksum,
    })
}

/// A file on its way to the server.
struct Upload<'a> {
    proxy: &'a Proxy,
    local: &'a Path,
    file: File,
    size: u64,
    id: String,
    position: u64,
    digest: Digest,
}

impl Upload<'_> {
    /// Tells the server. What it has of an earlier try is of use if that is the beginning of the file.
    fn begin(&mut self, remote: &str, resume: bool) -> Result<()> {
        let (id, position, checksum): (String, u64, String) =
            self.proxy.call("begin_upload", (remote, self.size, resume))?;
        self.id = id;
        let read = self.digest.read(&mut self.file, position).map_err(self.cannot())?;
        if read == position && self.digest.hex() == checksum {
            self.position = position;
            return Ok(());
        }
        self.proxy.call::<()>("abort_upload", (&self.id,))?;
        self.digest = Digest::default();
        self.file.seek(SeekFrom::Start(0)).map_err(self.cannot())?;
        (self.id, self.position, _) = self
            .proxy
            .call::<(String, u64, String)>("begin_upload", (remote, self.size, false))?;
        Ok(())
    }

    fn send(&mut self, options: &mut Options<'_>) -> Result<()> {
        options.tell(self.position, self.size);
        match options.by {
            By::Calls => self.by_calls(options),
            By::Annotations => self.by_annotations(options),
            By::Socket => self.by_socket(options),
        }
    }

    fn by_calls(&mut self, options: &mut Options<'_>) -> Result<()> {
        while let Some(bytes) = self.next(BY_CALLS)? {
            let count = bytes.len() as u64;
            self.proxy
                .call::<u64>("write", (&self.id, self.position, Bytes(bytes)))?;
            self.sent(count, options);
        }
        Ok(())
    }

    fn by_annotations(&mut self, options: &mut Options<'_>) -> Result<()> {
        let piece = piece(self.proxy)?;
        while let Some(bytes) = self.next(piece)? {
            let count = bytes.len() as u64;
            context::annotate(FDAT, bytes);
            self.proxy.call::<u64>("write", (&self.id, self.position))?;
            self.sent(count, options);
        }
        Ok(())
    }

    fn by_socket(&mut self, options: &mut Options<'_>) -> Result<()> {
        if self.position == self.size {
            return Ok(());
        }
        let offer = self.proxy.call("upload_socket", (&self.id,))?;
        let (mut stream, address) = socket::connect(self.proxy, &offer)?;
        let mut awake = Awake::new(self.proxy);
        while let Some(bytes) = self.next(socket::BLOCK)? {
            stream.write_all(&bytes).map_err(Error::socket(&address))?;
            self.sent(bytes.len() as u64, options);
            awake.keep()?;
        }
        // The server closes the connection when it has everything.
        stream.shutdown(Shutdown::Write).map_err(Error::socket(&address))?;
        match stream.read(&mut [0]) {
            Ok(0) => Ok(()),
            Ok(_) => Err(Error::socket(address)(std::io::ErrorKind::InvalidData.into())),
            Err(error) => Err(Error::socket(address)(error)),
        }
    }

    /// A server that ends a raw socket early, because its disk is full for example, tells why when the file is to be finished.
    fn reason(&self, error: Error) -> Error {
        if !matches!(error, Error::Socket { .. }) || self.position == self.size {
            return error;
        }
        match self.proxy.call::<()>("finish_upload", (&self.id, &self.digest.hex())) {
            Err(reason)
                if reason
                    .as_remote()
                    .is_some_and(|remote| remote.class_name() == "ValueError") =>
            {
                reason.into()
            }
            _ => error,
        }
    }

    fn sent(&mut self, count: u64, options: &mut Options<'_>) {
        self.position += count;
        options.tell(self.position, self.size);
    }

    /// The next bytes of the file, as many as are told; `None` when the server has got all that was announced.
    fn next(&mut self, most: usize) -> Result<Option<Vec<u8>>> {
        let left = usize::try_from(self.size - self.position).unwrap_or(most).min(most);
        if left == 0 {
            return Ok(None);
        }
        let mut bytes = vec![0; left];
        self.file.read_exact(&mut bytes).map_err(self.cannot())?;
        self.digest.update(&bytes);
        Ok(Some(bytes))
    }

    fn cannot(&self) -> impl FnOnce(std::io::Error) -> Error + use<> {
        Error::file(self.local.display().to_string())
    }
}
