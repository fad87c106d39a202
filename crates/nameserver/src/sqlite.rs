//! A journal in an SQLite file, whatever its tables are.

use std::marker::PhantomData;
use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;

use crate::local::{Changes, Contents, Journal, Trouble};
use crate::store::Capabilities;

/// How long others may have the file locked.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is particular about the tables.
pub(crate) trait Tables: Send + 'static {
    const CAPABILITIES: Capabilities;
    /// The first word of Pyro's errors.
    const WORD: &'static str;

    /// Checks a file that has been opened, and makes the tables that it lacks. The connection waits for others already, and is safe.
    fn prepare(connection: &Connection) -> Result<(), Trouble>;

    /// All names.
    fn read(connection: &Connection) -> Result<Contents, Trouble>;

    /// Writes changes, within a transaction that has begun.
    fn write(connection: &Connection, changes: &Changes) -> rusqlite::Result<()>;
}

/// The file.
pub(crate) struct SqliteFile<T> {
    connection: Connection,
    /// What SQLite counts up when another connection has changed something.
    version: i64,
    tables: PhantomData<fn() -> T>,
}

impl<T: Tables> SqliteFile<T> {
    /// Opens the file, or makes it.
    pub(crate) fn open(path: &Path) -> Result<(SqliteFile<T>, Contents), Trouble> {
        let connection = Connection::open(path).map_err(in_operation::<T, _>("open"))?;
        set_up(&connection).map_err(in_operation::<T, _>("open"))?;
        refuse_damage(&connection).map_err(in_operation::<T, _>("open"))??;
        T::prepare(&connection)?;
        let mut file = SqliteFile {
            connection,
            version: 0,
            tables: PhantomData,
        };
        let contents = file.refresh()?;
        Ok((file, contents.unwrap_or_default()))
    }

    /// All names, if another connection has changed some.
    fn changed(&mut self) -> Result<Option<Contents>, Trouble> {
        let version = self
            .connection
            .query_row("PRAGMA data_version", (), |row| row.get(0))
            .map_err(in_operation::<T, _>("everything"))?;
        if version == self.version {
            return Ok(None);
        }
        let contents = T::read(&self.connection)?;
        self.version = version;
        Ok(Some(contents))
    }
}

/// On the disk before it is acknowledged.
fn set_up(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(PATIENCE)?;
    connection.execute_batch("PRAGMA synchronous = FULL; PRAGMA cache_size = -8192")
}

/// A damaged file is not served in part.
fn refuse_damage(connection: &Connection) -> rusqlite::Result<Result<(), Trouble>> {
    let verdict: String = connection.query_row("PRAGMA integrity_check(1)", (), |row| row.get(0))?;
    Ok(match verdict.as_str() {
        "ok" => Ok(()),
        trouble => Err(format!(
            "the file is damaged ({trouble}); restore it from a copy, or save what can be read with: sqlite3 FILE .recover"
        )),
    })
}

impl<T: Tables> Journal for SqliteFile<T> {
    const CAPABILITIES: Capabilities = T::CAPABILITIES;

    fn begin(&mut self) -> Result<Option<Contents>, Trouble> {
        self.connection
            .execute_batch("BEGIN IMMEDIATE")
            .map_err(in_operation::<T, _>("setitem"))?;
        let changed = self.changed();
        if changed.is_err() {
            self.abandon();
        }
        changed
    }

    fn commit(&mut self, changes: &Changes) -> Result<(), Trouble> {
        let written = T::write(&self.connection, changes).and_then(|()| self.connection.execute_batch("COMMIT"));
        if written.is_err() {
            self.abandon();
        }
        written.map_err(in_operation::<T, _>("setitem"))
    }

    fn abandon(&mut self) {
        if !self.connection.is_autocommit() {
            // What cannot be rolled back now is when the connection or the process ends.
            let _ = self.connection.execute_batch("ROLLBACK");
        }
    }

    fn refresh(&mut self) -> Result<Option<Contents>, Trouble> {
        // So that what is read is of the version that was asked for.
        self.connection
            .execute_batch("BEGIN")
            .map_err(in_operation::<T, _>("everything"))?;
        let changed = self.changed();
        self.abandon();
        changed
    }

    fn close(&mut self) -> Result<(), Trouble> {
        // Does nothing where there is no log.
        let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
        let done = self.connection.query_row(checkpoint, (), |_| Ok(()));
        done.map_err(in_operation::<T, _>("close"))
    }
}

/// The words of Pyro's error.
pub(crate) fn in_operation<T: Tables, E: std::fmt::Display>(operation: &'static str) -> impl FnOnce(E) -> Trouble {
    move |error| format!("{} error in {operation}: {error}", T::WORD)
}
