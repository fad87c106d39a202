//! A bound on what runs at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Lets so many in at a time.
pub(crate) struct Gate {
    free: AtomicUsize,
}

/// Places behind the [`Gate`], given back on drop.
pub(crate) struct Permit {
    gate: Arc<Gate>,
    places: usize,
}

impl Gate {
    pub(crate) fn new(places: usize) -> Arc<Gate> {
        Arc::new(Gate {
            free: AtomicUsize::new(places),
        })
    }

    /// Takes so many places, if there are as many.
    pub(crate) fn try_enter(self: &Arc<Gate>, places: usize) -> Option<Permit> {
        let taken = self
            .free
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |free| free.checked_sub(places));
        taken.is_ok().then(|| Permit {
            gate: Arc::clone(self),
            places,
        })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.gate.free.fetch_add(self.places, Ordering::AcqRel);
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
        drop(some);
        assert!(gate.try_enter(8).is_none());
        assert!(gate.try_enter(7).is_some());
        drop(others);
        assert!(gate.try_enter(11).is_none());
        assert!(gate.try_enter(10).is_some());
    }
}
