//! Names in an SQLite file: Pyro's `sql:FILE`, in the form that Pyro4 and Pyro5 have for it, so that the file can go to Python's name server and
//! back (manual chapter "Name Server", storage).
//!
//! Every change is on the disk before it is acknowledged: the file has a write-ahead log, and `synchronous` is FULL.

mod rows;
mod schema;

use std::path::{Path, PathBuf};

use ferropyro::{Error, ErrorKind, Result};
use rusqlite::Connection;

use crate::local::{Changes, Contents, LocalStore, Trouble};
use crate::sqlite::{SqliteFile, Tables, in_operation};
use crate::store::{Capabilities, Waits};

/// The store in this file, which is made if there is none.
pub(crate) fn open(path: &Path) -> Result<LocalStore<SqliteFile<PyroTables>>> {
    let opened = refuse_lone_log(path).and_then(|()| SqliteFile::open(path));
    let (journal, contents) = opened.map_err(|text| {
        let text = format!("the names in {} cannot be used: {text}", path.display());
        Error::new(ErrorKind::Naming, text)
    })?;
    Ok(LocalStore::new(journal, contents))
}

/// The tables that Pyro4 and Pyro5 have.
pub(crate) struct PyroTables;

impl Tables for PyroTables {
    const CAPABILITIES: Capabilities = Capabilities {
        class: "SqlStorage",
        metadata: true,
        leases: true,
        waits: Waits::ForChanges,
    };
    const WORD: &'static str = "sqlite";

    fn prepare(connection: &Connection) -> std::result::Result<(), Trouble> {
        schema::prepare(connection)
    }

    fn read(connection: &Connection) -> std::result::Result<Contents, Trouble> {
        rows::read(connection).map_err(in_operation::<PyroTables, _>("everything"))
    }

    fn write(connection: &Connection, changes: &Changes) -> rusqlite::Result<()> {
        rows::write(connection, changes)
    }
}

/// A log without what it belongs to: the file was moved, or lost, without it. SQLite would begin anew, and throw the log away.
fn refuse_lone_log(path: &Path) -> std::result::Result<(), Trouble> {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let log = PathBuf::from(log);
    let length = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len());
    if length(path) == 0 && length(&log) > 0 {
        return Err(format!(
            "the file is empty or missing, but {} beside it has something in it: put back the file that it belongs to, or move it away to begin without names",
            log.display()
        ));
    }
    Ok(())
}
