//! What a trial says: figures, and whether they are as they must be.

use std::fmt::Display;
use std::time::{Duration, Instant};

/// How large a trial is, and what it has found.
pub(crate) struct Trial {
    full: bool,
    failures: Vec<String>,
}

/// How long is waited for what happens soon, if it happens.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

impl Trial {
    pub(crate) fn new(full: bool) -> Trial {
        Trial {
            full,
            failures: Vec::new(),
        }
    }

    /// The promised figure, or the one for a small machine.
    pub(crate) fn either<T>(&self, full: T, scaled: T) -> T {
        if self.full { full } else { scaled }
    }

    /// A figure that is told and not judged: times depend on the machine.
    pub(crate) fn note(&self, text: impl Display) {
        println!("         {text}");
    }

    /// What must hold.
    pub(crate) fn expect(&mut self, holds: bool, text: impl Display) {
        println!("{} {text}", if holds { "      ok" } else { "  FAILED" });
        if !holds {
            self.failures.push(text.to_string());
        }
    }

    /// What must become true, soon.
    pub(crate) fn expect_soon(&mut self, holds: impl FnMut() -> bool, text: impl Display) {
        let held = becomes_true(PATIENCE, holds);
        self.expect(held, text);
    }

    pub(crate) fn failures(self) -> Vec<String> {
        self.failures
    }
}

/// Looks until something that another process shows is true, at most for so long.
pub(crate) fn becomes_true(time: Duration, mut holds: impl FnMut() -> bool) -> bool {
    let begun = Instant::now();
    loop {
        if holds() {
            return true;
        }
        if begun.elapsed() >= time {
            return false;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Bytes as a person reads them.
pub(crate) fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}
