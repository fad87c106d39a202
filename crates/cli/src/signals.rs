//! Ctrl-C and SIGTERM: servers end properly.

use crate::exit::{Exit, Failure};

/// Runs this when the user presses Ctrl-C, or somebody sends SIGTERM or SIGHUP. Can be used once in a process.
pub(crate) fn on_stop(stop: impl FnMut() + Send + 'static) -> Result<(), Failure> {
    ctrlc::set_handler(stop).map_err(|error| Failure::new(Exit::Failed, format_args!("cannot handle signals: {error}")))
}
