//! Lines of the log that strangers cause, as often as they like: so many a second are enough.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::logging::logger;

/// The time that the ration is for.
const PERIOD: Duration = Duration::from_secs(1);

/// So many lines a second, and the count of those that were left out.
#[derive(Debug)]
pub(crate) struct Ration {
    lines: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// When the second began that is counted; `None`: there has been nothing to log for longer.
    begun: Option<Instant>,
    logged: usize,
    left_out: usize,
}

impl Ration {
    pub(crate) fn new(lines: usize) -> Ration {
        Ration {
            lines,
            state: Mutex::default(),
        }
    }

    /// Logs a line, or counts it if there have been enough of them in this second. What was left out in the one before is told first.
    pub(crate) fn log(&self, line: impl FnOnce()) {
        let (is_due, left_out) = self.take(Instant::now());
        tell(left_out);
        if is_due {
            line();
        }
    }

    /// Whether there may be one more line now; nobody is told of those that may not.
    pub(crate) fn is_due(&self) -> bool {
        self.take(Instant::now()).0
    }

    /// Tells what was left out, if there has been no line since that would have told it.
    pub(crate) fn settle(&self) {
        tell(self.take_left_out(Instant::now()));
    }

    /// Whether there may be a line at this time, and how many were left out in a second that is over.
    fn take(&self, now: Instant) -> (bool, usize) {
        let left_out = self.take_left_out(now);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.begun.get_or_insert(now);
        let is_due = state.logged < self.lines;
        match is_due {
            true => state.logged += 1,
            false => state.left_out += 1,
        }
        (is_due, left_out)
    }

    fn take_left_out(&self, now: Instant) -> usize {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match state.begun {
            Some(begun) if now.saturating_duration_since(begun) >= PERIOD => std::mem::take(&mut *state).left_out,
            _ => 0,
        }
    }
}

fn tell(left_out: usize) {
    if left_out > 0 {
        tracing::warn!(target: logger::SERVER, "{left_out} more lines about refused clients were left out");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What became of so many lines at this time: how many were logged, and how many were told to have been left out before.
    fn lines(ration: &Ration, count: usize, now: Instant) -> (usize, usize) {
        let taken: Vec<_> = (0..count).map(|_| ration.take(now)).collect();
        let logged = taken.iter().filter(|(is_due, _)| *is_due).count();
        (logged, taken.iter().map(|(_, left_out)| left_out).sum())
    }

    #[test]
    fn a_flood_of_lines_is_some_lines_a_second_and_a_count() {
        let ration = Ration::new(10);
        let begin = Instant::now();
        let after = |milliseconds| begin + Duration::from_millis(milliseconds);
        assert_eq!(lines(&ration, 10, begin), (10, 0));
        assert_eq!(lines(&ration, 990, after(999)), (0, 0));
        assert_eq!(lines(&ration, 11, after(1000)), (10, 990));
        // Nobody comes for a while: whoever looks is told, once.
        assert_eq!(ration.take_left_out(after(1999)), 0);
        assert_eq!(ration.take_left_out(after(2000)), 1);
        assert_eq!(ration.take_left_out(after(9000)), 0);
        assert_eq!(lines(&ration, 1, after(9000)), (1, 0));
        // A second begins with its first line.
        assert_eq!(lines(&ration, 10, after(9999)), (9, 0));
        assert_eq!(lines(&ration, 1, after(10_000)), (1, 1));
    }
}
