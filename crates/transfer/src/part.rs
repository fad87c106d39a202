//! A file in the making: the bytes gather in a file beside it, which takes its name when everything has come.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};

use cap_std::fs::{Dir, OpenOptions};

use crate::digest::Digest;

/// The end of the name of a file in the making.
const SUFFIX: &str = ".ferropyro-part";
/// Read and written by nobody but its owner.
#[cfg(unix)]
const PRIVATE: u32 = 0o600;

/// A file in the making. Nobody else writes it while this lives: it is locked.
#[derive(Debug)]
pub(crate) struct Part {
    folder: Dir,
    name: String,
    file: File,
    digest: Digest,
    position: u64,
}

/// What happens to a file that has the name already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Existing {
    Replace,
    Refuse,
}

impl Part {
    /// Begins a file of this name in a folder. `resume`: with what an earlier try has left, as far as that is no longer than `size`; else empty.
    pub(crate) fn begin(folder: Dir, name: &str, resume: bool, size: u64) -> io::Result<Part> {
        Part::begin_with(&mut OpenOptions::new(), folder, name, resume, size)
    }

    /// Begins an empty file that only the user of this program may read and write, where the system has such a thing.
    pub(crate) fn begin_private(folder: Dir, name: &str) -> io::Result<Part> {
        let mut options = OpenOptions::new();
        make_private(&mut options);
        let part = Part::begin_with(&mut options, folder, name, false, 0)?;
        // One that an earlier try has left may have been open to others.
        keep_private(&part.file)?;
        Ok(part)
    }

    fn begin_with(options: &mut OpenOptions, folder: Dir, name: &str, resume: bool, size: u64) -> io::Result<Part> {
        options.read(true).write(true).create(true);
        let file = folder.open_with(part_name(name), options)?.into_std();
        if !file.metadata()?.is_file() {
            return Err(io::Error::other(format!("{} is no file", part_name(name))));
        }
        file.try_lock().map_err(|error| match error {
            std::fs::TryLockError::WouldBlock => {
                io::Error::new(io::ErrorKind::WouldBlock, "another transfer writes this file just now")
            }
            std::fs::TryLockError::Error(error) => error,
        })?;
        check_identity(&folder, name, &file)?;
        let mut part = Part {
            folder,
            name: name.to_owned(),
            file,
            digest: Digest::default(),
            position: 0,
        };
        let length = part.file.metadata()?.len();
        if resume && length <= size {
            part.position = part.digest.read(&mut part.file, length)?;
        } else {
            part.restart()?;
        }
        Ok(part)
    }

    /// Forgets all that has come.
    pub(crate) fn restart(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        self.digest = Digest::default();
        self.position = 0;
        Ok(())
    }

    /// How many bytes are there.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// The checksum of what is there.
    pub(crate) fn checksum(&self) -> String {
        self.digest.hex()
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Err(error) = self.file.write_all(bytes) {
            // What was written of the bytes is not counted, and must not be there either.
            let _ = self.file.set_len(self.position);
            let _ = self.file.seek(SeekFrom::Start(self.position));
            return Err(error);
        }
        self.digest.update(bytes);
        self.position += bytes.len() as u64;
        Ok(())
    }

    /// Gives the file its name, once all of it is safe on the disk; the name is safe there too when this returns.
    pub(crate) fn finish(self, existing: Existing) -> io::Result<()> {
        self.finish_with(existing, sync_names)
    }

    fn finish_with(self, existing: Existing, sync_names: impl FnOnce(&Dir) -> io::Result<()>) -> io::Result<()> {
        self.file.sync_all()?;
        let part = part_name(&self.name);
        match existing {
            Existing::Replace => self.folder.rename(&part, &self.folder, &self.name)?,
            Existing::Refuse => {
                // Renaming would replace a file that somebody has just made.
                self.folder.hard_link(&part, &self.folder, &self.name)?;
                self.folder.remove_file(&part)?;
            }
        }
        sync_names(&self.folder)
    }

    /// Leaves nothing behind.
    pub(crate) fn discard(self) -> io::Result<()> {
        self.folder.remove_file(part_name(&self.name))
    }
}

#[cfg(unix)]
fn make_private(options: &mut OpenOptions) {
    use cap_std::fs::OpenOptionsExt as _;
    options.mode(PRIVATE);
}

#[cfg(not(unix))]
fn make_private(_options: &mut OpenOptions) {}

#[cfg(unix)]
fn keep_private(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(std::fs::Permissions::from_mode(PRIVATE))
}

#[cfg(not(unix))]
fn keep_private(_file: &File) -> io::Result<()> {
    Ok(())
}

/// Whether a name is that of a file in the making.
pub(crate) fn is_part(name: &str) -> bool {
    name.to_ascii_lowercase().ends_with(SUFFIX)
}

fn part_name(name: &str) -> String {
    format!("{name}{SUFFIX}")
}

/// Sees to it that the names in a folder outlast a loss of power, as far as the system does that: not where the folder may be written and not read, and
/// not in file systems without such a thing.
#[cfg(unix)]
fn sync_names(folder: &Dir) -> io::Result<()> {
    // Opened anew: a `Dir` may be good for paths only.
    match folder.open(".").and_then(|folder| folder.sync_all()) {
        Err(error) if !is_impossible(error.kind()) => Err(error),
        _ => Ok(()),
    }
}

#[cfg(unix)]
fn is_impossible(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{InvalidInput, PermissionDenied, Unsupported};
    matches!(kind, InvalidInput | PermissionDenied | Unsupported)
}

#[cfg(not(unix))]
fn sync_names(_folder: &Dir) -> io::Result<()> {
    Ok(())
}

/// Another process may have finished the file between our opening and locking it; then it has its real name by now, and is not ours to write.
#[cfg(unix)]
fn check_identity(folder: &Dir, name: &str, file: &File) -> io::Result<()> {
    use cap_std::fs::MetadataExt as _;
    use std::os::unix::fs::MetadataExt as _;
    let there = folder.metadata(part_name(name))?;
    let ours = file.metadata()?;
    if (there.dev(), there.ino()) == (ours.dev(), ours.ino()) {
        return Ok(());
    }
    let text = "another transfer has just finished this file";
    Err(io::Error::new(io::ErrorKind::WouldBlock, text))
}

#[cfg(not(unix))]
fn check_identity(_folder: &Dir, _name: &str, _file: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use cap_std::ambient_authority;

    use super::*;

    fn begin(folder: &tempfile::TempDir, resume: bool, size: u64) -> io::Result<Part> {
        let dir = Dir::open_ambient_dir(folder.path(), ambient_authority())?;
        Part::begin(dir, "file", resume, size)
    }

    #[test]
    fn the_name_is_taken_only_when_everything_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "old").unwrap();
        let mut part = begin(&folder, false, 3).unwrap();
        part.write(b"new").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"old");
        part.finish(Existing::Replace).unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_exists_can_be_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "old").unwrap();
        let part = begin(&folder, false, 0).unwrap();
        let error = part.finish(Existing::Refuse).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&file).unwrap(), b"old");
    }

    #[test]
    fn the_name_is_made_safe_after_the_file_has_it() {
        for existing in [Existing::Replace, Existing::Refuse] {
            let folder = tempfile::tempdir().unwrap();
            let part = begin(&folder, false, 0).unwrap();
            let error = part.finish_with(existing, |synced| {
                let names: Vec<_> = synced.entries()?.map(|entry| entry.unwrap().file_name()).collect();
                assert_eq!(names, ["file"], "{existing:?}");
                Err(io::Error::other("the disk is broken"))
            });
            assert_eq!(error.unwrap_err().to_string(), "the disk is broken");
        }
    }

    #[cfg(unix)]
    #[test]
    fn the_names_of_a_folder_can_be_made_safe_unless_that_cannot_be() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("inner")).unwrap();
        let dir = Dir::open_ambient_dir(folder.path(), ambient_authority()).unwrap();
        let inner = dir.open_dir("inner").unwrap();
        sync_names(&dir).unwrap();
        sync_names(&inner).unwrap();
        for kind in [io::ErrorKind::PermissionDenied, io::ErrorKind::InvalidInput] {
            assert!(is_impossible(kind));
        }
        assert!(!is_impossible(io::ErrorKind::StorageFull));
    }

    #[test]
    fn a_later_try_goes_on_where_an_earlier_one_has_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let mut part = begin(&folder, false, 6).unwrap();
        part.write(b"abc").unwrap();
        let checksum = part.checksum();
        drop(part);
        let part = begin(&folder, true, 6).unwrap();
        assert_eq!((part.position(), part.checksum()), (3, checksum));
        drop(part);
        for (resume, size) in [(true, 2), (false, 6)] {
            let part = begin(&folder, resume, size).unwrap();
            assert_eq!(part.position(), 0, "{resume} {size}");
        }
    }

    #[test]
    fn two_do_not_write_the_same_file() {
        let folder = tempfile::tempdir().unwrap();
        let first = begin(&folder, false, 6).unwrap();
        let error = begin(&folder, true, 6).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        first.discard().unwrap();
        begin(&folder, true, 6).unwrap();
    }
}
