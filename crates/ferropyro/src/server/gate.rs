//! A bound on what runs at a time.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Lets so many in at a time.
pub(crate) struct Gate {
    places: usize,
    free: Mutex<usize>,
    changed: Condvar,
}

/// Places behind the [`Gate`], given back on drop.
pub(crate) struct Permit {
    gate: Arc<Gate>,
    places: usize,
}

impl Gate {
    pub(crate) fn new(places: usize) -> Arc<Gate> {
        Arc::new(Gate {
            places,
            free: Mutex::new(places),
            changed: Condvar::new(),
        })
    }

    /// Takes so many places, if there are as many.
    pub(crate) fn try_enter(self: &Arc<Gate>, places: usize) -> Option<Permit> {
        let mut free = self.free();
        *free = free.checked_sub(places)?;
        Some(Permit {
            gate: Arc::clone(self),
            places,
        })
    }

    /// Waits until nobody is behind it any more, at most for this time. Gives how many places are still taken.
    pub(crate) fn wait_until_empty(&self, timeout: Duration) -> usize {
        let waited = self
            .changed
            .wait_timeout_while(self.free(), timeout, |free| *free < self.places);
        let (free, _) = waited.unwrap_or_else(PoisonError::into_inner);
        self.places - *free
    }

    fn free(&self) -> MutexGuard<'_, usize> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        *self.gate.free() += self.places;
        self.gate.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_get_in_than_there_are_places() {
        let gate = Gate::new(10);
        let some = gate.try_enter(7);
        assert!(some.is_some());
        assert!(gate.try_enter(4).is_none());
        let others = gate.try_enter(3);
        assert!(others.is_some());
        assert!(gate.try_enter(1).is_none());
        assert_eq!(gate.wait_until_empty(Duration::ZERO), 10);
        drop(some);
        assert!(gate.try_enter(8).is_none());
        assert!(gate.try_enter(7).is_some());
        drop(others);
        assert!(gate.try_enter(11).is_none());
        assert!(gate.try_enter(10).is_some());
        assert_eq!(gate.wait_until_empty(Duration::ZERO), 0);
    }
}
