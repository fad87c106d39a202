//! The form of Python's `dbm.sqlite3`, which Python 3.13 makes: an SQLite file with one table of keys and values.

use rusqlite::Connection;

use super::{CAPABILITIES, listed};
use crate::local::{Changes, Contents, Trouble};
use crate::sqlite::{Tables, in_operation};
use crate::store::Capabilities;

const TABLE: &str = "CREATE TABLE IF NOT EXISTS Dict (key BLOB UNIQUE NOT NULL, value BLOB NOT NULL)";

/// That table. Python's module leaves the file's journal as SQLite has it, and so does this.
pub(super) struct DictTable;

impl Tables for DictTable {
    const CAPABILITIES: Capabilities = CAPABILITIES;
    const WORD: &'static str = "dbm";

    fn prepare(connection: &Connection) -> Result<(), Trouble> {
        connection
            .execute_batch(TABLE)
            .map_err(in_operation::<DictTable, _>("open"))
    }

    fn read(connection: &Connection) -> Result<Contents, Trouble> {
        let rows = rows(connection).map_err(in_operation::<DictTable, _>("everything"))?;
        rows.iter().map(|(key, value)| listed(key, value)).collect()
    }

    fn write(connection: &Connection, changes: &Changes) -> rusqlite::Result<()> {
        let mut keep = connection.prepare_cached("REPLACE INTO Dict (key, value) VALUES (?, ?)")?;
        let mut forget = connection.prepare_cached("DELETE FROM Dict WHERE key = ?")?;
        for (name, entry) in changes {
            match entry {
                Some(entry) => keep.execute((name.as_bytes(), entry.uri.as_bytes()))?,
                None => forget.execute((name.as_bytes(),))?,
            };
        }
        Ok(())
    }
}

fn rows(connection: &Connection) -> rusqlite::Result<Vec<(Vec<u8>, Vec<u8>)>> {
    let mut statement = connection.prepare_cached("SELECT CAST(key AS BLOB), CAST(value AS BLOB) FROM Dict")?;
    let rows = statement.query_map((), |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}
