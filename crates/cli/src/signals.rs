//! Ctrl-C and SIGTERM: servers end properly.

use std::process::exit;

use crate::exit::{Exit, Failure};

/// Runs this when the user presses Ctrl-C, or somebody sends SIGTERM or SIGHUP; the program goes on, to end what it has begun. When that is done a second time it
/// ends at once. Can be used once in a process.
pub(crate) fn on_stop(mut stop: impl FnMut() + Send + 'static) -> Result<(), Failure> {
    let mut is_stopping = false;
    let handler = move || {
        if is_stopping {
            exit(Exit::Failed as i32);
        }
        is_stopping = true;
        stop();
    };
    ctrlc::set_handler(handler)
        .map_err(|error| Failure::new(Exit::Failed, format_args!("cannot handle signals: {error}")))
}
