//! A bound on what runs at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Lets so many in at a time.
pub(crate) struct Gate {
    free: AtomicUsize,
}

/// A place behind the [`Gate`], given back on drop.
pub(crate) struct Permit(Arc<Gate>);

impl Gate {
    pub(crate) fn new(places: usize) -> Arc<Gate> {
        Arc::new(Gate {
            free: AtomicUsize::new(places),
        })
    }

    pub(crate) fn try_enter(self: &Arc<Gate>) -> Option<Permit> {
        let taken = self
            .free
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |free| free.checked_sub(1));
        taken.is_ok().then(|| Permit(Arc::clone(self)))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.free.fetch_add(1, Ordering::AcqRel);
    }
}
