//! The tables of Pyro's SQLite files, and what has to hold before one is used.

use rusqlite::Connection;

use super::PyroTables;
use crate::local::Trouble;
use crate::sqlite::in_operation;

/// Those of Pyro, word by word, so that Python's name server finds what it would have made.
const TABLES: &str = "
    CREATE TABLE pyro_names
    (
        id integer PRIMARY KEY,
        name nvarchar NOT NULL UNIQUE,
        uri nvarchar NOT NULL
    );
    CREATE TABLE pyro_metadata
    (
        object integer NOT NULL,
        metadata nvarchar NOT NULL,
        FOREIGN KEY(object) REFERENCES pyro_names(id)
    );";

/// Ours, which Python's name server does not look at: how long names are kept that are kept for a while only; and an index. Without that SQLite reads all tags whenever a name is removed, to see whether the name still has some.
const INDEX_NAME: &str = "ferropyro_metadata_object";
const INDEX: &str = "
    CREATE INDEX IF NOT EXISTS ferropyro_metadata_object ON pyro_metadata(object);
    CREATE TABLE IF NOT EXISTS ferropyro_leases
    (
        object integer PRIMARY KEY,
        name text NOT NULL,
        uri text NOT NULL,
        seconds real NOT NULL
    );";

/// A file of Pyro4 before 4.40, in which names had no tags.
const UPGRADE: &str = "
    ALTER TABLE pyro_names RENAME TO pyro_names_old;
    {TABLES}
    INSERT INTO pyro_names(name, uri) SELECT name, uri FROM pyro_names_old;
    DROP TABLE pyro_names_old;";

/// Makes or upgrades what is in the file.
pub(super) fn prepare(connection: &Connection) -> Result<(), Trouble> {
    let trouble = in_operation::<PyroTables, rusqlite::Error>;
    let tables = tables(connection).map_err(trouble("open"))?;
    let change = match Form::of(&tables)? {
        Form::Current => INDEX.to_owned(),
        Form::Empty => format!("{TABLES}{INDEX}"),
        Form::Old => format!("{}{INDEX}", UPGRADE.replace("{TABLES}", TABLES)),
    };
    connection
        .query_row("PRAGMA journal_mode = WAL", (), |_| Ok(()))
        .map_err(trouble("open"))?;
    if !tables.iter().any(|name| name == INDEX_NAME) {
        let whole = format!("BEGIN IMMEDIATE; {change}; COMMIT");
        connection.execute_batch(&whole).map_err(trouble("open"))?;
    }
    connection
        .execute_batch("PRAGMA foreign_keys = ON")
        .map_err(trouble("open"))
}

/// The names of all that is in the file.
fn tables(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare("SELECT name FROM sqlite_schema")?;
    let names = statement.query_map((), |row| row.get(0))?;
    names.collect()
}

/// What a file is.
enum Form {
    Empty,
    Current,
    Old,
}

impl Form {
    fn of(tables: &[String]) -> Result<Form, Trouble> {
        let has = |name: &str| tables.iter().any(|table| table == name);
        match (has("pyro_names"), has("pyro_metadata")) {
            (true, true) => Ok(Form::Current),
            (true, false) => Ok(Form::Old),
            (false, _) if tables.is_empty() => Ok(Form::Empty),
            (false, _) => {
                let text = format!(
                    "it is the database of another program, with the table {}; name a file of its own",
                    tables[0]
                );
                Err(text)
            }
        }
    }
}
