//! Waits that end when the program says so, in the midst of them: a signal gives it the opportunity.

use std::cell::RefCell;
use std::fmt;
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
        Some(ask) if ask() => Err(io::Error::other(EndedByProgram)),
        _ => Ok(()),
    }
}

/// Whether an error is the end of a wait that the program did not want to go on.
pub(crate) fn is_ended_by_program(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<EndedByProgram>())
}

#[derive(Debug)]
struct EndedByProgram;

impl fmt::Display for EndedByProgram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a signal came, and the program has ended the wait")
    }
}

impl std::error::Error for EndedByProgram {}
