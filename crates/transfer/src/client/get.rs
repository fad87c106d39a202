//! A file from the server.

use std::io::Read;
use std::path::Path;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use ferropyro::{Bytes, Items, Proxy, context};

use super::socket::{self, Awake};
use super::{BY_CALLS, By, Options, Summary, piece, split};
use crate::part::{Existing, Part};
use crate::{Error, FDAT, Result};

pub(super) fn get(proxy: &Proxy, remote: &str, local: &Path, options: Options<'_>) -> Result<Summary> {
    let size: u64 = proxy.call("size", (remote,))?;
    let mut part = begin(proxy, remote, local, options.resume, size)?;
    let resumed_at = part.position();
    let mut download = Download {
        proxy,
        remote,
        local,
        size,
        part: &mut part,
        options,
    };
    download.run()?;
    let checksum = check(proxy, remote, local, size, &part);
    match checksum {
        Ok(checksum) => {
            part.finish(Existing::Replace).map_err(Error::file(local.display()))?;
            Ok(Summary {
                size,
                resumed_at,
                checksum,
            })
        }
        Err(error @ Error::Damaged { .. }) => {
            // Nothing to go on from.
            let _ = part.discard();
            Err(error)
        }
        Err(error) => Err(error),
    }
}

/// The file in the making: with what an earlier try has left, if that is the beginning of the file.
fn begin(proxy: &Proxy, remote: &str, local: &Path, resume: bool, size: u64) -> Result<Part> {
    let (folder, name) = split(local)?;
    let cannot = |error| Error::file(local.display())(error);
    let folder = Dir::open_ambient_dir(folder, ambient_authority()).map_err(cannot)?;
    let mut part = Part::begin(folder, name, resume, size).map_err(cannot)?;
    if part.position() > 0 {
        let theirs: String = proxy.call("checksum", (remote, part.position()))?;
        if theirs != part.checksum() {
            part.restart().map_err(cannot)?;
        }
    }
    Ok(part)
}

/// Compares what has come with what the server has.
fn check(proxy: &Proxy, remote: &str, local: &Path, size: u64, part: &Part) -> Result<String> {
    if part.position() != size {
        let what = format!("{} of {size} bytes have come", part.position());
        return Err(Error::damaged(local.display(), what));
    }
    let theirs: String = proxy.call("checksum", (remote,))?;
    let ours = part.checksum();
    if theirs != ours {
        let what = format!("the checksum is {ours}, and the server's file has {theirs}: it may have changed meanwhile");
        return Err(Error::damaged(local.display(), what));
    }
    Ok(ours)
}

/// A file on its way here.
struct Download<'a, 'o> {
    proxy: &'a Proxy,
    remote: &'a str,
    local: &'a Path,
    size: u64,
    part: &'a mut Part,
    options: Options<'o>,
}

impl Download<'_, '_> {
    fn run(&mut self) -> Result<()> {
        self.options.tell(self.part.position(), self.size);
        match self.options.by {
            By::Calls => self.by_calls(),
            By::Annotations => self.by_annotations(),
            By::Socket => self.by_socket(),
        }
    }

    fn by_calls(&mut self) -> Result<()> {
        while self.part.position() < self.size {
            let args = (self.remote, self.part.position(), BY_CALLS);
            let bytes: Bytes = self.proxy.call("read", args)?;
            if bytes.0.is_empty() {
                break;
            }
            self.take(&bytes.0)?;
        }
        Ok(())
    }

    fn by_annotations(&mut self) -> Result<()> {
        let args = (self.remote, self.part.position(), piece(self.proxy)?);
        for position in self.proxy.call::<Items<u64>>("stream", args)? {
            let position = position?;
            let annotations = context::response_annotations();
            self.take(annotations.borrow().get(FDAT).unwrap_or_default())?;
            if self.part.position() != position {
                let what = format!(
                    "the server is at position {position}, and {} bytes have come",
                    self.part.position()
                );
                return Err(Error::damaged(self.local.display(), what));
            }
        }
        context::clear();
        Ok(())
    }

    fn by_socket(&mut self) -> Result<()> {
        let offer = self.proxy.call("open_socket", (self.remote, self.part.position()))?;
        let (mut stream, address) = socket::connect(self.proxy, &offer)?;
        let mut awake = Awake::new(self.proxy);
        let mut block = vec![0; socket::BLOCK];
        loop {
            match stream.read(&mut block) {
                Ok(0) => break,
                Ok(count) => self.take(&block[..count])?,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::socket(address)(error)),
            }
            awake.keep()?;
        }
        if self.part.position() < self.size {
            // What has come is good for another try.
            let text = format!("closed after {} of {} bytes", self.part.position(), self.size);
            let source = std::io::Error::new(std::io::ErrorKind::UnexpectedEof, text);
            return Err(Error::socket(address)(source));
        }
        Ok(())
    }

    fn take(&mut self, bytes: &[u8]) -> Result<()> {
        if bytes.len() as u64 > self.size - self.part.position() {
            let what = format!(
                "more than the {} bytes of the file have come: it has grown meanwhile",
                self.size
            );
            return Err(Error::damaged(self.local.display(), what));
        }
        self.part.write(bytes).map_err(Error::file(self.local.display()))?;
        self.options.tell(self.part.position(), self.size);
        Ok(())
    }
}
