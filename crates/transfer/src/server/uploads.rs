//! Files that clients are adding.

use std::collections::HashMap;
use std::io::{self, Read};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError, Weak};

use ferropyro::{Context, Raise, Resource};
use uuid::Uuid;

use super::folder::{Folder, os_error};
use crate::part::{Existing, Part};
use crate::permits::Permit;
use crate::{Access, LOGGER};

/// Received at a time.
const BLOCK: usize = 256 << 10;

type ById = Mutex<HashMap<String, Arc<Upload>>>;

/// The files that clients are adding just now. Each belongs to the connection over which it was begun, and ends with that.
#[derive(Debug)]
pub(crate) struct Uploads {
    folder: Folder,
    access: Access,
    max_size: u64,
    by_id: Arc<ById>,
}

/// A file that a client is adding.
#[derive(Debug)]
pub(crate) struct Upload {
    id: String,
    path: String,
    size: u64,
    /// Not there once it is over. Locked while bytes come.
    part: Mutex<Option<Part>>,
    /// Why the last raw socket has ended early.
    trouble: Mutex<Option<String>>,
    is_over: AtomicBool,
    all: Weak<ById>,
    permit: Permit,
}

impl Uploads {
    pub(crate) fn new(folder: Folder, access: Access, max_size: u64) -> Uploads {
        Uploads {
            folder,
            access,
            max_size,
            by_id: Arc::default(),
        }
    }

    /// Begins a file: gives its id, and how much of it is there with the checksum of that.
    pub(crate) fn begin(
        &self,
        path: &str,
        size: u64,
        resume: bool,
        permit: Permit,
        context: &Context,
    ) -> Result<(String, u64, String), Raise> {
        self.check(path, size)?;
        let (folder, name) = self.folder.place(path)?;
        let part = Part::begin(folder, &name, resume, size).map_err(|error| os_error(path, &error))?;
        let (position, checksum) = (part.position(), part.checksum());
        let id = Uuid::new_v4().to_string();
        let upload = Arc::new(Upload {
            id: id.clone(),
            path: path.to_owned(),
            size,
            part: Mutex::new(Some(part)),
            trouble: Mutex::default(),
            is_over: AtomicBool::new(false),
            all: Arc::downgrade(&self.by_id),
            permit,
        });
        // From now on: what an earlier try has left may have taken a while to read.
        if !upload.permit.go_on() {
            return Err(unknown());
        }
        // In this order: when the connection ends, whatever it has is here.
        lock(&self.by_id).insert(id.clone(), Arc::clone(&upload));
        if let Err(error) = context.track_resource(&upload) {
            upload.close();
            return Err(error.into());
        }
        Ok((id, position, checksum))
    }

    fn check(&self, path: &str, size: u64) -> Result<(), Raise> {
        if self.access == Access::Read {
            return Err(Raise::new(
                "PermissionError",
                "the files of this server can only be read",
            ));
        }
        if size > self.max_size {
            let text = format!(
                "'{path}' has {size} bytes; this server takes files of {} at most",
                self.max_size
            );
            return Err(Raise::new("ValueError", text));
        }
        match self.access != Access::Replace && self.folder.has(path)? {
            true => Err(os_error(path, &io::ErrorKind::AlreadyExists.into())),
            false => Ok(()),
        }
    }

    /// Ends those that have lost their places. What has come stays on the disk.
    pub(crate) fn end_lost(&self) {
        let all = lock(&self.by_id).values().cloned().collect::<Vec<_>>();
        for upload in all.into_iter().filter(|upload| upload.permit.is_lost()) {
            tracing::warn!(target: LOGGER, "the upload of '{}' has not gone on for too long: it is over", upload.path);
            upload.close();
        }
    }

    pub(crate) fn find(&self, id: &str) -> Result<Arc<Upload>, Raise> {
        lock(&self.by_id).get(id).cloned().ok_or_else(unknown)
    }

    pub(crate) fn finish(&self, id: &str, checksum: &str) -> Result<(), Raise> {
        let upload = self.find(id)?;
        let part = upload.take()?;
        let raise = |error| os_error(&upload.path, &error);
        if part.checksum() != checksum {
            let text = format!(
                "the checksum of '{}' is {}, not {checksum}",
                upload.path,
                part.checksum()
            );
            part.discard().map_err(raise)?;
            return Err(Raise::new("ValueError", text));
        }
        let existing = match self.access {
            Access::Replace => Existing::Replace,
            Access::Read | Access::Create => Existing::Refuse,
        };
        part.finish(existing).map_err(raise)
    }

    pub(crate) fn abort(&self, id: &str) -> Result<(), Raise> {
        let upload = self.find(id)?;
        upload.is_over.store(true, Ordering::Release);
        let part = upload.taken()?;
        upload.close();
        part.discard().map_err(|error| os_error(&upload.path, &error))
    }
}

impl Upload {
    /// Adds bytes at this position, which must be the present one.
    pub(crate) fn write(&self, position: u64, data: &[u8]) -> Result<u64, Raise> {
        let mut part = self.part()?;
        let part = part.as_mut().ok_or_else(unknown)?;
        let present = part.position();
        if position != present {
            let text = format!("'{}' goes on at position {present}, not {position}", self.path);
            return Err(Raise::new("ValueError", text));
        }
        if data.len() as u64 > self.size - present {
            let text = format!(
                "'{}' was announced with {} bytes, and this is more",
                self.path, self.size
            );
            return Err(Raise::new("ValueError", text));
        }
        if !data.is_empty() && !self.permit.go_on() {
            return Err(unknown());
        }
        part.write(data).map_err(|error| os_error(&self.path, &error))?;
        Ok(part.position())
    }

    /// Takes the rest of the file from a raw socket. That is closed when all of it is here, and when that cannot be.
    pub(crate) fn receive(&self, stream: TcpStream) -> io::Result<()> {
        let received = self.receive_rest(&stream);
        *self.trouble() = received.as_ref().err().map(ToString::to_string);
        received
    }

    fn receive_rest(&self, mut stream: &TcpStream) -> io::Result<()> {
        let mut part = match self.part.try_lock() {
            Ok(part) => part,
            Err(_) => {
                return Err(io::Error::new(
                    io::ErrorKind::WouldBlock,
                    "the file is written over another socket",
                ));
            }
        };
        let part = part.as_mut().ok_or(io::ErrorKind::NotFound)?;
        let mut block = vec![0; BLOCK];
        while part.position() < self.size && !self.is_over.load(Ordering::Acquire) {
            let left = usize::try_from(self.size - part.position()).unwrap_or(BLOCK).min(BLOCK);
            match stream.read(&mut block[..left]) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) if !self.permit.go_on() => return Err(io::ErrorKind::TimedOut.into()),
                Ok(count) => part.write(&block[..count])?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The whole file, when it is complete; the upload is over then.
    fn take(&self) -> Result<Part, Raise> {
        if let Some(part) = self.part()?.as_ref()
            && part.position() < self.size
        {
            let mut text = format!("'{}' has {} of its {} bytes", self.path, part.position(), self.size);
            if let Some(trouble) = &*self.trouble() {
                text += &format!("; the raw socket ended with: {trouble}");
            }
            return Err(Raise::new("ValueError", text));
        }
        let part = self.taken()?;
        self.close();
        Ok(part)
    }

    fn trouble(&self) -> MutexGuard<'_, Option<String>> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn taken(&self) -> Result<Part, Raise> {
        self.part()?.take().ok_or_else(unknown)
    }

    /// The file, unless bytes come for it just now: nobody waits for those here.
    fn part(&self) -> Result<MutexGuard<'_, Option<Part>>, Raise> {
        match self.part.try_lock() {
            Ok(part) => Ok(part),
            Err(TryLockError::Poisoned(poisoned)) => Ok(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => {
                let text = format!(
                    "'{}' is being written just now: wait until the server has closed the raw socket",
                    self.path
                );
                Err(Raise::new("BlockingIOError", text))
            }
        }
    }
}

/// The end of the client's connection, or of the upload. What has come stays on the disk for another try.
impl Resource for Upload {
    fn close(&self) {
        self.is_over.store(true, Ordering::Release);
        if let Some(all) = self.all.upgrade() {
            let removed = lock(&all).remove(&self.id);
            drop(removed);
        }
    }
}

fn unknown() -> Raise {
    Raise::new(
        "ValueError",
        "there is no such upload: it is over, or has not gone on for too long, or its client's connection has ended",
    )
}

fn lock(by_id: &ById) -> MutexGuard<'_, HashMap<String, Arc<Upload>>> {
    by_id.lock().unwrap_or_else(PoisonError::into_inner)
}
