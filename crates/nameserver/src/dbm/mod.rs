//! Names in files of Python's module dbm: Pyro4's `dbm:FILE` (manual chapter "Name Server", storage). There are no tags in them.

mod dumb;
mod index;
mod sqlite;
mod which;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ferropyro::{Error, ErrorKind, Result};

use self::which::Form;
use crate::local::{LocalStore, Trouble};
use crate::sqlite::SqliteFile;
use crate::store::{Capabilities, Entry, Listed, Store, Waits};

/// What all forms have in common.
const CAPABILITIES: Capabilities = Capabilities {
    class: "DbmStorage",
    metadata: false,
    leases: false,
    waits: Waits::ForChanges,
};

/// The store in this file, or in the files whose names begin with it.
pub(crate) fn open(path: &Path) -> Result<Arc<dyn Store>> {
    open_form(path).map_err(|text| {
        let text = format!("the names in {} cannot be used: {text}", path.display());
        Error::new(ErrorKind::Naming, text)
    })
}

fn open_form(path: &Path) -> Result<Arc<dyn Store>, Trouble> {
    match which::form(path)? {
        Form::Dumb | Form::Missing => {
            let (files, contents) = dumb::Dumb::open(path)?;
            Ok(Arc::new(LocalStore::new(files, contents)))
        }
        Form::Sqlite => {
            let (file, contents) = SqliteFile::<sqlite::DictTable>::open(path)?;
            Ok(Arc::new(LocalStore::new(file, contents)))
        }
        Form::Foreign(format) => Err(which::refusal(path, format)),
    }
}

/// What a key and a value stand for.
fn listed(key: &[u8], value: &[u8]) -> Result<Listed, Trouble> {
    let text =
        |bytes| std::str::from_utf8(bytes).map_err(|_| format!("it is damaged: {} is no text", bytes.escape_ascii()));
    let entry = Entry::new(text(value)?, Default::default());
    Ok((text(key)?.into(), Arc::new(entry)))
}

/// The path with this behind it.
fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}

/// The words of Pyro's error.
fn in_operation<E: std::fmt::Display>(operation: &str) -> impl Fn(E) -> Trouble {
    move |error| format!("dbm error in {operation}: {error}")
}
