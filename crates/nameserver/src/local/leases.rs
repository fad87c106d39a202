//! Names that are kept for a while only.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// When the time of each such name is over, by a clock that nobody sets.
#[derive(Debug, Default)]
pub(super) struct Leases(Mutex<HashMap<Arc<str>, Instant>>);

impl Leases {
    /// From now on a name is kept for this long, or for ever.
    pub(super) fn set(&self, name: Arc<str>, ttl: Option<Duration>) {
        let mut ends = self.ends();
        match ttl {
            Some(ttl) => _ = ends.insert(name, Instant::now() + ttl),
            // Usually there are no leases at all.
            None if ends.is_empty() => {}
            None => _ = ends.remove(&name),
        }
    }

    /// As [`Leases::set`], for a name whose time is not over yet; gives whether that was so.
    pub(super) fn renew(&self, name: &str, ttl: Duration) -> bool {
        match self.ends().get_mut(name) {
            Some(end) => {
                *end = Instant::now() + ttl;
                true
            }
            None => false,
        }
    }

    /// The names whose time is over.
    pub(super) fn take_expired(&self) -> Vec<Arc<str>> {
        let now = Instant::now();
        self.ends()
            .extract_if(|_, end| *end <= now)
            .map(|(name, _)| name)
            .collect()
    }

    fn ends(&self) -> MutexGuard<'_, HashMap<Arc<str>, Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
