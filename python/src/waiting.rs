//! Waits that Ctrl-C ends: in the main thread, where Python runs the handlers of signals, they are cut into pieces.

use std::time::{Duration, Instant};

use pyo3::prelude::*;

use crate::package;

/// How often signals are looked for.
pub(crate) const LOOK: Duration = Duration::from_millis(100);

/// Does `step` without Python's lock until it has a result, or the deadline is over: `None`. A step waits for as long as it is told (`None`: for ever) and gives `None` if that was too short.
pub(crate) fn until<T: Send, E: Send>(
    py: Python<'_>,
    deadline: Option<Instant>,
    mut step: impl FnMut(Option<Duration>) -> Result<Option<T>, E> + Send,
) -> PyResult<Result<Option<T>, E>> {
    let mut piece = Some(LOOK);
    loop {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let time = match (piece, left) {
            (Some(piece), Some(left)) => Some(piece.min(left)),
            (piece, left) => piece.or(left),
        };
        match py.detach(|| step(time)) {
            Ok(None) => py.check_signals()?,
            done => return Ok(done),
        }
        if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            return Ok(Ok(None));
        }
        if !package::is_main_thread(py)? {
            piece = None;
        }
    }
}

/// When so many seconds are over; `None`: never.
pub(crate) fn deadline(seconds: Option<f64>) -> Option<Instant> {
    // What is too long for a clock is as good as for ever; what is negative is over.
    let seconds = Duration::try_from_secs_f64(seconds?.max(0.0)).ok()?;
    Instant::now().checked_add(seconds)
}
