//! A database of sorts. As with many real ones, a connection is for one thread at a time.

use std::collections::BTreeMap;
use std::sync::{Mutex, TryLockError};
use std::thread;
use std::time::Duration;

use ferropyro::Raise;

#[derive(Default)]
pub struct Connection(Mutex<BTreeMap<String, Vec<String>>>);

impl Connection {
    pub fn write(&self, user: &str, line: &str) -> Result<(), Raise> {
        self.with(user, |lines| lines.push(line.to_owned()))
    }

    pub fn read(&self, user: &str) -> Result<Vec<String>, Raise> {
        self.with(user, |lines| lines.clone())
    }

    fn with<T>(&self, user: &str, work: impl FnOnce(&mut Vec<String>) -> T) -> Result<T, Raise> {
        let mut books = match self.0.try_lock() {
            Ok(books) => books,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return Err("another thread uses this database connection".into()),
        };
        thread::sleep(Duration::from_millis(20)); // it is not a fast one either
        Ok(work(books.entry(user.to_owned()).or_default()))
    }
}
