//! Which of Python's forms of dbm a file has, as Python's `dbm.whichdb` finds it out.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use super::{in_operation, with_suffix};
use crate::local::Trouble;

/// The form of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// There is none yet.
    Missing,
    Dumb,
    Sqlite,
    /// Another library's, of this name.
    Foreign(&'static str),
}

/// What files of gdbm begin with, in the byte order of the machine that made them.
const GDBM: [u32; 3] = [0x1357_9ace, 0x1357_9acd, 0x1357_9acf];

/// The form of what is at this path.
pub(super) fn form(path: &Path) -> Result<Form, Trouble> {
    let exists = |suffix| with_suffix(path, suffix).exists();
    if exists(".pag") && exists(".dir") || exists(".db") {
        return Ok(Form::Foreign("ndbm"));
    }
    if exists(".dat") || exists(".dir") {
        return Ok(Form::Dumb);
    }
    if !fs::exists(path).map_err(in_operation("open"))? {
        return Ok(Form::Missing);
    }
    let mut start = Vec::new();
    let file = File::open(path).map_err(in_operation("open"))?;
    file.take(16).read_to_end(&mut start).map_err(in_operation("open"))?;
    match *start {
        // Python 3.13 makes an empty file, and then what is in it.
        [] => Ok(Form::Sqlite),
        [a, b, c, d, ..] if is_gdbm([a, b, c, d]) => Ok(Form::Foreign("gdbm")),
        _ if start == *b"SQLite format 3\0" => Ok(Form::Sqlite),
        _ => Err("it is no file of Python's dbm".to_owned()),
    }
}

fn is_gdbm(start: [u8; 4]) -> bool {
    GDBM.contains(&u32::from_le_bytes(start)) || GDBM.contains(&u32::from_be_bytes(start))
}

/// What to do about a file of another library.
pub(super) fn refusal(path: &Path, format: &str) -> Trouble {
    let path = path.display();
    format!(
        "it is a file of {format}, which is read by Python only. Convert it, with a Python that has dbm.{module}, and use dbm:{path}.dumb:\n  \
         python3 -c \"import dbm.{module}, dbm.dumb; old = dbm.{module}.open('{path}', 'r'); new = dbm.dumb.open('{path}.dumb', 'n'); \
         [new.__setitem__(key, old[key]) for key in old.keys()]; new.close()\"",
        module = if format == "gdbm" { "gnu" } else { "ndbm" },
    )
}
