//! When a future is evaluated: at once, after a while, or never.

use std::fmt;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::{Error, ErrorKind, Result};

/// Shared by the future and its thread.
#[derive(Default)]
pub(super) struct Schedule {
    phase: Mutex<Phase>,
    changed: Condvar,
}

#[derive(Debug)]
enum Phase {
    NotStarted {
        /// Counted from the start.
        delay: Duration,
    },
    Waiting {
        /// None: further away than the clock can tell.
        due: Option<Instant>,
    },
    Cancelled,
    Evaluated,
}

impl Default for Phase {
    fn default() -> Phase {
        Phase::NotStarted { delay: Duration::ZERO }
    }
}

impl Schedule {
    /// The waiting begins.
    pub(super) fn start(&self) -> Result<()> {
        let mut phase = self.lock();
        match *phase {
            Phase::NotStarted { delay } => *phase = waiting(delay),
            Phase::Cancelled => return Err(Error::new(ErrorKind::Runtime, "the future has been cancelled")),
            Phase::Waiting { .. } | Phase::Evaluated => return Err(already_evaluated()),
        }
        Ok(())
    }

    /// Whether there still was something to be delayed.
    pub(super) fn delay(&self, delay: Duration) -> bool {
        let mut phase = self.lock();
        match *phase {
            Phase::NotStarted { .. } => *phase = Phase::NotStarted { delay },
            Phase::Waiting { .. } => *phase = waiting(delay),
            Phase::Cancelled | Phase::Evaluated => return false,
        }
        self.changed.notify_all();
        true
    }

    /// Whether the evaluation will not be.
    pub(super) fn cancel(&self) -> bool {
        let mut phase = self.lock();
        if matches!(*phase, Phase::Evaluated) {
            return false;
        }
        *phase = Phase::Cancelled;
        self.changed.notify_all();
        true
    }

    /// Blocks until it is time for the evaluation; an error when it was cancelled meanwhile.
    pub(super) fn wait_for_turn(&self) -> Result<()> {
        let mut phase = self.lock();
        loop {
            let due = match *phase {
                Phase::Waiting { due } => due,
                Phase::Cancelled => return Err(Error::new(ErrorKind::Runtime, "future has been cancelled")),
                Phase::NotStarted { .. } | Phase::Evaluated => return Err(already_evaluated()),
            };
            phase = match due.map(|due| due.saturating_duration_since(Instant::now())) {
                Some(Duration::ZERO) => {
                    *phase = Phase::Evaluated;
                    return Ok(());
                }
                Some(left) => {
                    let woken = self.changed.wait_timeout(phase, left);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.changed.wait(phase).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    fn lock(&self) -> MutexGuard<'_, Phase> {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn waiting(delay: Duration) -> Phase {
    Phase::Waiting {
        due: Instant::now().checked_add(delay),
    }
}

pub(super) fn already_evaluated() -> Error {
    Error::new(ErrorKind::Runtime, "the future has already been evaluated")
}

impl fmt::Debug for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match *self.lock() {
            Phase::NotStarted { .. } => "not started",
            Phase::Waiting { .. } => "waiting",
            Phase::Cancelled => "cancelled",
            Phase::Evaluated => "evaluated",
        })
    }
}
