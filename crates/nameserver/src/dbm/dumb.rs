//! The form of Python's `dbm.dumb`: an index of text (`.dir`), and values at multiples of 512 bytes in another file (`.dat`).
//!
//! Python's module changes values in place and writes the index when it closes, so that its files are in disorder in between. Here nothing is ever
//! written over: a value goes to the end of the data file, and then a line to the end of the index, where it counts more than an earlier one
//! for the same key. When a key goes, a new index takes the place of the old one.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::index::{self, Place};
use super::{CAPABILITIES, in_operation, listed, with_suffix};
use crate::local::{Changes, Contents, Journal, Trouble};
use crate::store::Capabilities;

/// Values begin at multiples of this.
const BLOCK: u64 = 512;

/// The two files.
pub(super) struct Dumb {
    index_path: PathBuf,
    data_path: PathBuf,
    index: File,
    data: File,
    places: BTreeMap<Vec<u8>, Place>,
    /// How the index looked when it was last written or read.
    seen: Option<Seen>,
}

/// What changes when somebody else writes a file.
type Seen = (u64, Option<SystemTime>);

impl Dumb {
    pub(super) fn open(path: &Path) -> Result<(Dumb, Contents), Trouble> {
        let (index_path, data_path) = (with_suffix(path, ".dir"), with_suffix(path, ".dat"));
        let trouble = in_operation("open");
        let mut dumb = Dumb {
            data: open_file(&data_path).map_err(&trouble)?,
            index: open_file(&index_path).map_err(&trouble)?,
            index_path,
            data_path,
            places: BTreeMap::new(),
            seen: None,
        };
        sync_folder(&dumb.data_path).map_err(&trouble)?;
        let contents = dumb.refresh()?;
        Ok((dumb, contents.unwrap_or_default()))
    }

    /// Reads both files again.
    fn load(&mut self) -> Result<Contents, Trouble> {
        let trouble = in_operation("everything");
        // Python puts another file in its place.
        self.index = open_file(&self.index_path).map_err(&trouble)?;
        let lines = fs::read(&self.index_path).map_err(&trouble)?;
        // What follows the last line break is a line whose writing did not come to its end.
        let whole = lines.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        if whole < lines.len() {
            self.index.set_len(whole as u64).map_err(&trouble)?;
        }
        self.places.clear();
        for line in lines[..whole].split_inclusive(|byte| *byte == b'\n') {
            let (key, place) = index::parse(line)?;
            self.places.insert(key, place);
        }
        self.values()
    }

    fn values(&mut self) -> Result<Contents, Trouble> {
        let trouble = in_operation("everything");
        self.data = open_file(&self.data_path).map_err(&trouble)?;
        let length = self.data.metadata().map_err(&trouble)?.len();
        let mut reader = BufReader::new(&self.data);
        let mut contents = Contents::with_capacity(self.places.len());
        for (key, place) in &self.places {
            let end = place.start.checked_add(place.length);
            if end.is_none_or(|end| end > length) {
                let text = format!(
                    "it is damaged: the value of {} is beyond the end of the data",
                    key.escape_ascii()
                );
                return Err(text);
            }
            let mut value = vec![0; place.length as usize];
            reader.seek(SeekFrom::Start(place.start)).map_err(&trouble)?;
            reader.read_exact(&mut value).map_err(&trouble)?;
            contents.push(listed(key, &value)?);
        }
        Ok(contents)
    }

    fn look(&self) -> io::Result<Seen> {
        let found = fs::metadata(&self.index_path)?;
        Ok((found.len(), found.modified().ok()))
    }

    /// Appends the values; gives where they are.
    fn write_values(&mut self, changes: &Changes) -> io::Result<BTreeMap<Vec<u8>, Option<Place>>> {
        let mut end = self.data.seek(SeekFrom::End(0))?;
        let mut places = BTreeMap::new();
        let mut bytes = Vec::new();
        for (name, entry) in changes {
            let place = entry.as_ref().map(|entry| {
                let start = end.next_multiple_of(BLOCK);
                bytes.resize(bytes.len() + (start - end) as usize, 0);
                bytes.extend_from_slice(entry.uri.as_bytes());
                end = start + entry.uri.len() as u64;
                Place {
                    start,
                    length: entry.uri.len() as u64,
                }
            });
            places.insert(name.as_bytes().to_vec(), place);
        }
        if !bytes.is_empty() {
            self.data.write_all(&bytes)?;
            self.data.sync_data()?;
        }
        Ok(places)
    }

    fn append_lines(&mut self, changed: &BTreeMap<Vec<u8>, Option<Place>>) -> io::Result<()> {
        let lines = changed
            .iter()
            .filter_map(|(key, place)| Some(index::line(key, (*place)?)));
        let lines = lines.collect::<Vec<_>>().concat();
        let end = self.index.seek(SeekFrom::End(0))?;
        let written = self.index.write_all(&lines).and_then(|()| self.index.sync_data());
        if written.is_err() {
            // If this fails too, what is there by then is read again before the next change.
            let _ = self.index.set_len(end);
        }
        written
    }

    fn replace_index(&mut self, places: &BTreeMap<Vec<u8>, Place>) -> io::Result<()> {
        let lines = places.iter().map(|(key, place)| index::line(key, *place));
        let lines = lines.collect::<Vec<_>>().concat();
        let new_path = with_suffix(&self.index_path, ".new");
        let mut new = File::create(&new_path)?;
        new.set_permissions(self.index.metadata()?.permissions())?;
        new.write_all(&lines)?;
        new.sync_all()?;
        fs::rename(&new_path, &self.index_path)?;
        sync_folder(&self.index_path)?;
        self.index = open_file(&self.index_path)?;
        Ok(())
    }

    fn write(&mut self, changes: &Changes) -> io::Result<()> {
        let changed = self.write_values(changes)?;
        let mut places = std::mem::take(&mut self.places);
        // A line cannot say that a key is gone.
        let rewrite = changed
            .iter()
            .any(|(key, place)| place.is_none() && places.contains_key(key));
        for (key, place) in &changed {
            match place {
                Some(place) => _ = places.insert(key.clone(), *place),
                None => _ = places.remove(key),
            }
        }
        let written = match rewrite {
            true => self.replace_index(&places),
            false => self.append_lines(&changed),
        };
        self.places = places;
        written
    }
}

impl Journal for Dumb {
    const CAPABILITIES: Capabilities = CAPABILITIES;

    fn begin(&mut self) -> Result<Option<Contents>, Trouble> {
        self.refresh()
    }

    fn commit(&mut self, changes: &Changes) -> Result<(), Trouble> {
        let written = self.write(changes);
        // What it is after a failure is read before the next change.
        self.seen = match written {
            Ok(()) => self.look().ok(),
            Err(_) => None,
        };
        written.map_err(in_operation("setitem"))
    }

    fn abandon(&mut self) {}

    fn refresh(&mut self) -> Result<Option<Contents>, Trouble> {
        let seen = self.look().map_err(in_operation("everything"))?;
        if self.seen == Some(seen) {
            return Ok(None);
        }
        let contents = self.load()?;
        self.seen = self.look().ok();
        Ok(Some(contents))
    }

    fn close(&mut self) -> Result<(), Trouble> {
        Ok(())
    }
}

/// For reading and writing. A new one is for its owner alone, as Pyro makes them.
fn open_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// That files are there is kept in their folder.
fn sync_folder(path: &Path) -> io::Result<()> {
    if cfg!(windows) {
        return Ok(()); // Windows has no such thing for folders
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}
