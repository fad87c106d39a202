//! Ctrl-C and the signals of Unix: servers end properly, and the name server reads its configuration anew.

use std::process::exit;

use crate::exit::{Exit, Failure};

/// Runs this when the user presses Ctrl-C, or somebody sends SIGTERM or SIGHUP; the program goes on, to end what it has begun. When that is done a second time it
/// ends at once. Can be used once in a process.
pub(crate) fn on_stop(stop: impl FnMut() + Send + 'static) -> Result<(), Failure> {
    system::listen(once(stop), None)
}

/// The same for a program that SIGHUP does not end: `reload` is run for it, as often as it comes.
pub(crate) fn on_stop_or_reload(
    stop: impl FnMut() + Send + 'static,
    reload: impl FnMut() + Send + 'static,
) -> Result<(), Failure> {
    system::listen(once(stop), Some(Box::new(reload)))
}

/// Somebody who asks again does not want to wait.
fn once(mut stop: impl FnMut() + Send + 'static) -> Handler {
    let mut is_stopping = false;
    Box::new(move || {
        if is_stopping {
            exit(Exit::Failed as i32);
        }
        is_stopping = true;
        stop();
    })
}

type Handler = Box<dyn FnMut() + Send>;

fn impossible(error: impl std::fmt::Display) -> Failure {
    Failure::new(Exit::Failed, format_args!("cannot handle signals: {error}"))
}

#[cfg(unix)]
mod system {
    use std::io::{self, IsTerminal};
    use std::thread;

    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;

    use super::{Failure, Handler, impossible};

    /// Signals are handled in a thread of their own, where everything is allowed.
    pub(super) fn listen(mut stop: Handler, mut reload: Option<Handler>) -> Result<(), Failure> {
        let had_terminal = io::stdin().is_terminal();
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).map_err(impossible)?;
        let work = move || {
            for signal in signals.forever() {
                // SIGHUP has two meanings: somebody sends it, or the terminal was closed.
                let is_hangup = had_terminal && !io::stdin().is_terminal();
                match &mut reload {
                    Some(reload) if signal == SIGHUP && !is_hangup => reload(),
                    _ => stop(),
                }
            }
        };
        let thread = thread::Builder::new().name("signals".to_owned());
        thread.spawn(work).map(drop).map_err(impossible)
    }
}

#[cfg(windows)]
mod system {
    use super::{Failure, Handler, impossible};

    /// There is nothing but Ctrl-C, and nothing to reload for.
    pub(super) fn listen(stop: Handler, _reload: Option<Handler>) -> Result<(), Failure> {
        ctrlc::set_handler(stop).map_err(impossible)
    }
}
