//! The folder whose files are served, and the way from a client's text to a file in it.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Component, Path};

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use ferropyro::Raise;

use crate::part::{Existing, Part, is_part};

/// The most names of a folder that are listed.
const MOST_NAMES: usize = 10_000;

/// A folder whose files clients may name, and that no path leads out of: neither `..`, nor an absolute path, nor a symbolic link, also not one that
/// somebody makes at this very moment. For objects of your own; a [`FileServer`](crate::FileServer) has one.
// What a client says is checked here for clear answers; that it holds against symbolic links is the business of `Dir`.
#[derive(Debug)]
pub struct Folder {
    dir: Dir,
}

impl Folder {
    /// The folder at this path.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(path: &Path) -> io::Result<Folder> {
        let dir = Dir::open_ambient_dir(path, ambient_authority())?;
        Ok(Folder { dir })
    }

    /// All bytes of a file that has no more than `most`.
    ///
    /// # Errors
    /// `FileNotFoundError`; `PermissionError`, also for a path that leads out of the folder; `ValueError` for a larger file; `OSError`.
    pub fn read(&self, path: &str, most: u64) -> Result<Vec<u8>, Raise> {
        let (file, size) = self.file(path)?;
        let too_large = |size| {
            let text = format!("'{path}' has {size} bytes; this server gives files of {most} at most in one piece");
            Raise::new("ValueError", text)
        };
        if size > most {
            return Err(too_large(size));
        }
        let mut bytes = Vec::new();
        // It may have grown meanwhile.
        let mut limited = file.take(most.saturating_add(1));
        limited
            .read_to_end(&mut bytes)
            .map_err(|error| os_error(path, &error))?;
        match bytes.len() as u64 {
            length if length > most => Err(too_large(length)),
            _ => Ok(bytes),
        }
    }

    /// Adds a file that nobody but the user of this program may read and write (mode 0600, where the system has modes), or puts it in the place of the one
    /// that has the name. It has its name when all bytes are safe on the disk. A link of that name is replaced, not what it leads to.
    ///
    /// # Errors
    /// `FileNotFoundError` when the folder that it shall be in is missing; `PermissionError`, also for a path that leads out of the folder;
    /// `BlockingIOError` when somebody else adds a file of this name at the moment; `OSError`.
    pub fn store_private(&self, path: &str, bytes: &[u8]) -> Result<(), Raise> {
        let (dir, name) = self.place(path)?;
        let store = || {
            let mut part = Part::begin_private(dir, &name)?;
            match part.write(bytes) {
                Ok(()) => part.finish(Existing::Replace),
                Err(error) => part.discard().and(Err(error)),
            }
        };
        store().map_err(|error| os_error(path, &error))
    }

    pub(crate) fn try_clone(&self) -> io::Result<Folder> {
        let dir = self.dir.try_clone()?;
        Ok(Folder { dir })
    }

    /// A file, open for reading, and its size. Devices, pipes and folders are none.
    pub(crate) fn file(&self, path: &str) -> Result<(File, u64), Raise> {
        let inner = inner_path(path)?;
        let raise = |error| os_error(path, &error);
        if is_part(path) {
            return Err(os_error(path, &io::ErrorKind::NotFound.into()));
        }
        // Before it is opened: to open a pipe is to wait for its other end.
        if !self.dir.metadata(inner).map_err(raise)?.is_file() {
            return Err(Raise::new("OSError", format!("'{path}' is no file")));
        }
        let file = self.dir.open(inner).map_err(raise)?.into_std();
        let size = file.metadata().map_err(raise)?.len();
        Ok((file, size))
    }

    /// The names in a folder, in order, with the sizes of the files. What is neither a file nor a folder is left out.
    pub(crate) fn list(&self, path: &str) -> Result<Vec<(String, Option<u64>)>, Raise> {
        let inner = inner_path(path)?;
        let raise = |error| os_error(path, &error);
        let mut names = Vec::new();
        for entry in self.dir.read_dir(inner).map_err(raise)? {
            let entry = entry.map_err(raise)?;
            let Ok(name) = entry.file_name().into_string() else {
                continue; // no client could ask for it
            };
            let metadata = entry.metadata().map_err(raise)?;
            if metadata.is_dir() {
                names.push((name, None));
            } else if metadata.is_file() && !is_part(&name) {
                names.push((name, Some(metadata.len())));
            }
            if names.len() > MOST_NAMES {
                let text = format!("'{path}' has more than {MOST_NAMES} names");
                return Err(Raise::new("ValueError", text));
            }
        }
        names.sort();
        Ok(names)
    }

    /// The folder that a file is in, or will be, and its name there.
    pub(crate) fn place(&self, path: &str) -> Result<(Dir, String), Raise> {
        let inner = inner_path(path)?;
        let name = inner.file_name().and_then(|name| name.to_str());
        let name = name.filter(|name| !is_part(name)).ok_or_else(|| outside(path))?;
        let dir = match inner.parent() {
            Some(parent) if parent != Path::new("") => self.dir.open_dir(parent),
            _ => self.dir.try_clone(),
        };
        Ok((dir.map_err(|error| os_error(path, &error))?, name.to_owned()))
    }

    /// Whether there is something of this name already.
    pub(crate) fn has(&self, path: &str) -> Result<bool, Raise> {
        match self.dir.symlink_metadata(inner_path(path)?) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(os_error(path, &error)),
        }
    }
}

/// The path, when it goes nowhere but down.
fn inner_path(text: &str) -> Result<&Path, Raise> {
    let path = Path::new(text);
    let goes_down = |part| matches!(part, Component::Normal(_) | Component::CurDir);
    // A backslash is a part of a name here, and a separator for the next system that the file is copied to.
    match !text.is_empty() && !text.contains(['\0', '\\']) && path.components().all(goes_down) {
        true => Ok(path),
        false => Err(outside(text)),
    }
}

fn outside(path: &str) -> Raise {
    let text = format!("'{path}' is no path of a file below the served folder");
    Raise::new("PermissionError", text)
}

/// Python's exception for an error of the system, with the path that the client knows.
pub(crate) fn os_error(path: &str, error: &io::Error) -> Raise {
    match error.kind() {
        io::ErrorKind::NotFound => Raise::new("FileNotFoundError", format!("there is no file '{path}'")),
        io::ErrorKind::AlreadyExists => Raise::new("FileExistsError", format!("there is a file '{path}' already")),
        io::ErrorKind::PermissionDenied => Raise::new("PermissionError", format!("'{path}': {error}")),
        io::ErrorKind::WouldBlock => Raise::new("BlockingIOError", format!("'{path}': {error}")),
        _ => Raise::new("OSError", format!("'{path}': {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_goes_nowhere_but_down() {
        for path in ["a", "a/b.c", "./a", "a/./b", "...", "..a/b..", "."] {
            assert!(inner_path(path).is_ok(), "{path}");
        }
        for path in [
            "",
            "/",
            "/etc/passwd",
            "..",
            "a/../../b",
            "a/..",
            "./../a",
            "a\0b",
            "..\\a",
            "C:\\a",
        ] {
            assert!(inner_path(path).is_err(), "{path}");
        }
    }
}
