//! The thread that looks after a daemon's house: item streams and leases whose time is over (setting POLLTIMEOUT).

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::daemon::core::Core;
use crate::logging::logger;
use crate::panics::contain;

/// A POLLTIMEOUT below this would only cost time.
const SHORTEST_PAUSE: Duration = Duration::from_millis(50);

/// Keeps house until it is dropped.
pub(crate) struct Housekeeper {
    work: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Housekeeper {
    pub(crate) fn start(core: &Arc<Core>) -> Housekeeper {
        let core = Arc::clone(core);
        let (stop, stopped) = channel::<()>();
        let keep_house = move || {
            let pause = core.config.polltimeout.max(SHORTEST_PAUSE);
            // It ends when the other end of the channel is dropped.
            while stopped.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                contain("housekeeping", || core.keep_house());
            }
        };
        match thread::Builder::new()
            .name("pyro-housekeeper".to_owned())
            .spawn(keep_house)
        {
            Ok(thread) => Housekeeper {
                work: Some((stop, thread)),
            },
            Err(error) => {
                tracing::error!(target: logger::SERVER, "no housekeeping, no thread can be started: {error}");
                Housekeeper { work: None }
            }
        }
    }
}

impl Drop for Housekeeper {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.work.take() {
            drop(stop);
            // A panic has been reported where it happened.
            let _ = thread.join();
        }
    }
}
