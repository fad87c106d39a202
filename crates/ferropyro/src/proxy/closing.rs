//! Telling the server which iterators nobody wants any more.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::link::Link;
use super::shared::Shared;
use crate::Result;
use crate::logging::logger;

/// How long the server may take none of the bytes. Closing is a courtesy: it would notice by itself.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// So many streams can wait for a call to end; the server has to find out about more of them by itself.
const MOST_UNWANTED: usize = 1000;

impl Shared {
    /// Closes a stream: at once, or, when a call is on its way, after that. Waits for neither that call nor an answer.
    pub(super) fn close_stream(&self, id: String) {
        self.with_unwanted(|unwanted| {
            if unwanted.len() < MOST_UNWANTED {
                unwanted.push(id);
                self.has_unwanted.swap(true, Ordering::AcqRel);
            }
        });
        self.close_unwanted();
    }

    /// Whoever lets go of the connection calls this, and whoever adds a stream: so either of them sees it, however their steps mix.
    pub(super) fn close_unwanted(&self) {
        // Nearly every call finds none, and has no time to lose. A plain load might be done before the state is let go of, and a stream that is added
        // in between would be nobody's. Of two changes one comes first, and the other one sees what was done before it.
        while self.has_unwanted.fetch_or(false, Ordering::AcqRel) {
            let Some(mut state) = self.take_state() else { return };
            let unwanted = self.with_unwanted(|unwanted| {
                self.has_unwanted.store(false, Ordering::Release);
                std::mem::take(unwanted)
            });
            // Without a connection they are forgotten: the server drops the streams of one that has been gone for a while.
            let Some(link) = state.link() else { continue };
            let timeout = self.target().timeout;
            if let Err(error) = close_over(link, &unwanted, timeout) {
                tracing::debug!(target: logger::CLIENT, "item streams could not be closed: {error}");
                state.disconnect();
            }
        }
    }

    fn with_unwanted<T>(&self, on: impl FnOnce(&mut Vec<String>) -> T) -> T {
        on(&mut self.unwanted.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn close_over(link: &mut Link, ids: &[String], timeout: Option<Duration>) -> Result<()> {
    let is_patient = timeout.is_none_or(|timeout| timeout > CLOSE_TIMEOUT);
    if is_patient {
        link.set_timeout(Some(CLOSE_TIMEOUT))?;
    }
    for id in ids {
        link.conversation.begin_close(id)?;
        link.send()?;
    }
    if is_patient {
        link.set_timeout(timeout)?;
    }
    Ok(())
}
