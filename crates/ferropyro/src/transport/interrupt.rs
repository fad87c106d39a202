//! Waits that end when the program says so, in the midst of them: a signal gives it the opportunity.

use std::cell::RefCell;
use std::io;
use std::sync::Arc;

/// Whether a wait that a signal has interrupted is to end.
pub(crate) type Ask = dyn Fn() -> bool + Send + Sync;

thread_local!(static ASK: RefCell<Option<Arc<Ask>>> = const { RefCell::new(None) });

/// While this lives, the program is asked when a signal interrupts a wait of this thread.
pub(crate) struct Interruptible(Option<Arc<Ask>>);

impl Interruptible {
    pub(crate) fn by(ask: &Arc<Ask>) -> Interruptible {
        Interruptible(ASK.replace(Some(Arc::clone(ask))))
    }
}

impl Drop for Interruptible {
    fn drop(&mut self) {
        ASK.set(self.0.take());
    }
}

/// A signal has interrupted a wait: an error if it is to end.
pub(crate) fn interrupted() -> io::Result<()> {
    let ask = ASK.with_borrow(Clone::clone);
    match ask {
        Some(ask) if ask() => Err(io::Error::other("interrupted by the program")),
        _ => Ok(()),
    }
}
