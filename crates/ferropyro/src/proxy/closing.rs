//! Telling the server which iterators nobody wants any more.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::link::Link;
use super::shared::Shared;
use crate::Result;
use crate::logging::logger;

/// How long the server may take none of the bytes. Closing is a courtesy: it would notice by itself.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// So many streams can wait for a call to end; the server has to find out about more of them by itself.
const MOST_UNWANTED: usize = 1000;

/// The streams that the server has not been told of yet.
#[derive(Default)]
pub(crate) struct Unwanted {
    ids: Mutex<Vec<String>>,
    /// Whether there may be any.
    any: AtomicBool,
}

impl Unwanted {
    pub(crate) fn add(&self, id: String) {
        self.with_ids(|ids| {
            if ids.len() < MOST_UNWANTED {
                ids.push(id);
                self.any.swap(true, Ordering::AcqRel);
            }
        });
    }

    /// Whether there may be any. Whoever lets go of a connection asks this, and so does whoever has added a stream: then either of them sees it, however
    /// their steps mix.
    pub(crate) fn are_there(&self) -> bool {
        // Nearly every call finds none, and has no time to lose. A plain load might be done before the connection is let go of, and a stream that is added
        // in between would be nobody's. Of two changes one comes first, and the other one sees what was done before it.
        self.any.fetch_or(false, Ordering::AcqRel)
    }

    /// Takes them; done by whoever has the connection then.
    pub(crate) fn take(&self) -> Vec<String> {
        self.with_ids(|ids| {
            self.any.store(false, Ordering::Release);
            std::mem::take(ids)
        })
    }

    fn with_ids<T>(&self, on: impl FnOnce(&mut Vec<String>) -> T) -> T {
        on(&mut self.ids.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Shared {
    /// Closes a stream: at once, or, when a call is on its way, after that. Waits for neither that call nor an answer.
    pub(super) fn close_stream(&self, id: String) {
        self.unwanted.add(id);
        self.close_unwanted();
    }

    /// For whoever lets go of the connection.
    pub(super) fn close_unwanted(&self) {
        while self.unwanted.are_there() {
            let Some(mut state) = self.take_state() else { return };
            let unwanted = self.unwanted.take();
            // Without a connection they are forgotten: the server drops the streams of one that has been gone for a while.
            let Some(link) = state.link() else { continue };
            let timeout = self.target().timeout;
            if let Err(error) = close_over(link, &unwanted, timeout) {
                tracing::debug!(target: logger::CLIENT, "item streams could not be closed: {error}");
                state.disconnect();
            }
        }
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
