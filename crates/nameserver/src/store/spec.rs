//! Stores by what Pyro calls them: `memory`, `sql:FILE`, `dbm:FILE`; and `etcd:HOST:PORT`, which Pyro does not have.

use std::path::Path;
use std::sync::Arc;

use ferropyro::{Error, ErrorKind, Result};

use crate::local::{Contents, LocalStore};
use crate::memory::Nothing;
use crate::store::Store;
use crate::{dbm, sql};

/// A store that forgets everything when the process ends: Pyro's `memory`.
pub fn memory() -> impl Store {
    LocalStore::new(Nothing, Contents::new())
}

/// A store in an SQLite file, which is made if there is none: Pyro's `sql:FILE`. The file has the form that Pyro4 and Pyro5 have for it; one of Pyro4 before 4.40 is
/// upgraded.
///
/// Names are read from memory. What another program changes in the file is seen within about a second, and by every change that is made here.
///
/// # Errors
/// `Naming` when the file cannot be opened or read, is damaged, or is the database of something else.
pub fn sql(path: impl AsRef<Path>) -> Result<impl Store> {
    sql::open(path.as_ref())
}

/// A store in a file of Python's module dbm: Pyro4's `dbm:FILE`. It keeps no tags.
///
/// What is there may have the form of `dbm.dumb` or of `dbm.sqlite3` (Python 3.13); a new one is of `dbm.dumb`, which every Python reads.
///
/// # Errors
/// `Naming` when the files cannot be opened or read, are damaged, or are of gdbm or ndbm: the text says how to convert them.
pub fn dbm(path: impl AsRef<Path>) -> Result<Arc<dyn Store>> {
    dbm::open(path.as_ref())
}

/// A store in an etcd cluster, `HOST:PORT[,HOST:PORT...][/PREFIX]`, which any number of name servers share: they have the same names. Keys begin with the prefix, which is
/// `/ferropyro/names/` unless given. A crate feature, `etcd`, whose build needs protoc.
///
/// Operations are linearizable over all name servers of the cluster. One on a name takes 4 seconds at most, whatever becomes of etcd; meanwhile it is attempted again, at other
/// endpoints, as long as that is safe. An error that follows a change whose outcome is not known says so. Up to 128 names are removed together; of more, some may be gone when an error comes.
///
/// The name server's own entry is not shared: each has its own. [Times to live](crate::Entry::ttl) are etcd's leases: whole seconds, two at least with etcd's usual settings, and
/// begun anew when etcd elects another leader.
///
/// There is neither TLS nor a password towards etcd: it has to be in a network of its own, or behind a tunnel.
///
/// # Errors
/// `Value` for a text of another form; `Naming` when no endpoint answers.
#[cfg(feature = "etcd")]
pub fn etcd(place: &str) -> Result<impl Store + use<>> {
    crate::etcd::open(place)
}

/// The store that a text stands for: `memory`, `sql:FILE`, `dbm:FILE`, or, with the crate feature `etcd`, `etcd:HOST:PORT[,HOST:PORT...][/PREFIX]`.
///
/// # Errors
/// `Value` for anything else, and for etcd without the feature; those of the functions that are named like the stores.
pub fn open(spec: &str) -> Result<Arc<dyn Store>> {
    let error = |text: String| Err(Error::new(ErrorKind::Value, text));
    match spec.split_once(':') {
        None if spec == "memory" => Ok(Arc::new(memory())),
        Some(("sql", ":memory:")) => error(
            "We don't support the sqlite :memory: database type. Just use the default volatile in-memory store."
                .to_owned(),
        ),
        Some(("sql", file)) if !file.is_empty() => Ok(Arc::new(sql(file)?)),
        Some(("dbm", file)) if !file.is_empty() => dbm(file),
        #[cfg(feature = "etcd")]
        Some(("etcd", place)) => Ok(Arc::new(etcd(place)?)),
        #[cfg(not(feature = "etcd"))]
        Some(("etcd", _)) => error(format!(
            "storage '{spec}': this program was built without etcd; build it with: cargo build --release --features etcd (that needs protoc)"
        )),
        _ => error(format!("invalid storage type '{spec}'")),
    }
}
