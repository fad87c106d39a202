//! What one thread at a time may use, and any thread may close.

use std::mem;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ferropyro_connection::{Error, Result};
use pyo3::prelude::*;

use crate::connection::raise;
use crate::waiting;

/// A direction of a connection. Nobody waits for the lock in here with Python's in hand; it is held for moments only.
pub(crate) struct Slot<T> {
    place: Mutex<Place<T>>,
    freed: Condvar,
}

enum Place<T> {
    Free(T),
    InUse,
    Closed,
}

const CLOSED: Error = Error::Closed("handle is closed");

impl<T: Send> Slot<T> {
    pub(crate) fn new(content: T) -> Slot<T> {
        Slot {
            place: Mutex::new(Place::Free(content)),
            freed: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Place<T>> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs this with what is in here, when no other thread uses it any more.
    pub(crate) fn with<R>(&self, py: Python<'_>, run: impl FnOnce(&mut T) -> PyResult<R>) -> PyResult<R> {
        let taken = match self.take(Some(Duration::ZERO)) {
            Ok(None) => waiting::until(py, None, |time| self.take(time))?,
            taken => taken,
        };
        let mut content = taken
            .and_then(|taken| taken.ok_or(CLOSED))
            .map_err(|error| raise(py, error))?;
        let result = run(&mut content);
        match self.put_back(content) {
            // That is why it has failed.
            false if result.is_err() => Err(raise(py, CLOSED)),
            _ => result,
        }
    }

    fn take(&self, time: Option<Duration>) -> Result<Option<T>> {
        let mut place = self.lock();
        loop {
            match mem::replace(&mut *place, Place::InUse) {
                Place::Free(content) => return Ok(Some(content)),
                Place::Closed => {
                    *place = Place::Closed;
                    return Err(CLOSED);
                }
                Place::InUse => {}
            }
            place = match time {
                Some(Duration::ZERO) => return Ok(None),
                None => self.freed.wait(place).unwrap_or_else(PoisonError::into_inner),
                Some(time) => {
                    let woken = self.freed.wait_timeout(place, time);
                    let (place, time) = woken.unwrap_or_else(PoisonError::into_inner);
                    if time.timed_out() && matches!(*place, Place::InUse) {
                        return Ok(None);
                    }
                    place
                }
            };
        }
    }

    /// False if it was closed meanwhile.
    fn put_back(&self, content: T) -> bool {
        let mut place = self.lock();
        if matches!(*place, Place::Closed) {
            return false;
        }
        *place = Place::Free(content);
        drop(place);
        self.freed.notify_one();
        true
    }

    /// Gives whether somebody uses it just now.
    pub(crate) fn close(&self) -> bool {
        let before = mem::replace(&mut *self.lock(), Place::Closed);
        self.freed.notify_all();
        matches!(before, Place::InUse)
    }

    pub(crate) fn is_closed(&self) -> bool {
        matches!(*self.lock(), Place::Closed)
    }
}
