//! What has changed lately, for those who watch.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ferropyro::{Error, ErrorKind, Result};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::store::Entry;

/// Changes that are kept. Who asks for older ones has to list the names anew.
const KEPT: usize = 10_000;

/// One change of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its number. Later changes have higher ones; some may be missing.
    pub revision: u64,
    /// The name.
    pub name: Arc<str>,
    /// What it stands for from then on; `None`: it is gone.
    pub entry: Option<Arc<Entry>>,
}

/// The changes of a store in their order, the latest of them.
#[derive(Debug)]
pub struct History {
    kept: Mutex<Kept>,
    latest: watch::Sender<u64>,
}

#[derive(Debug)]
struct Kept {
    events: VecDeque<Event>,
    /// All changes behind this one are known.
    since: u64,
}

impl Default for History {
    fn default() -> History {
        History::new()
    }
}

impl History {
    /// A history in which nothing has happened. Revisions begin with the time in microseconds, so that those of an earlier history are lower.
    pub fn new() -> History {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        History {
            kept: Mutex::new(Kept {
                events: VecDeque::new(),
                since: 0,
            }),
            latest: watch::Sender::new(0),
        }
        .beginning_at(u64::try_from(now.as_micros()).unwrap_or_default())
    }

    fn beginning_at(self, revision: u64) -> History {
        self.begin_at(revision);
        self
    }

    /// Forgets everything: what has changed up to this revision is not known. For stores that count revisions themselves, or have lost sight of them.
    pub fn begin_at(&self, revision: u64) {
        let mut kept = self.kept();
        kept.events.clear();
        kept.since = revision;
        self.latest.send_replace(revision);
    }

    /// Takes down a change, under the next number.
    pub fn record(&self, name: Arc<str>, entry: Option<Arc<Entry>>) {
        let mut kept = self.kept();
        let revision = *self.latest.borrow() + 1;
        self.add(&mut kept, Event { revision, name, entry });
    }

    /// Takes down a change under its own number, which must not be lower than that of the one before; several that have the same one go to [`History::record_all_at`].
    pub fn record_at(&self, event: Event) {
        let mut kept = self.kept();
        self.add(&mut kept, event);
    }

    /// Takes down changes that have the same number, or ascending ones, in such a way that nobody sees some of them without the others.
    pub fn record_all_at(&self, events: impl IntoIterator<Item = Event>) {
        let mut kept = self.kept();
        for event in events {
            self.add(&mut kept, event);
        }
    }

    fn add(&self, kept: &mut Kept, event: Event) {
        let revision = event.revision;
        kept.events.push_back(event);
        while kept.events.len() > KEPT {
            let oldest = kept.events.front().map_or(0, |event| event.revision);
            // All of that number go, so that none of them is missing later on.
            while kept.events.front().is_some_and(|event| event.revision == oldest) {
                kept.events.pop_front();
            }
            kept.since = oldest;
        }
        self.latest.send_replace(revision);
    }

    /// The number of the latest change.
    pub fn latest(&self) -> u64 {
        *self.latest.borrow()
    }

    /// The changes behind this revision, of names that start with this text.
    ///
    /// # Errors
    /// `Naming` when they are not known any more, or never were.
    pub fn behind(&self, revision: u64, prefix: &str) -> Result<Vec<Event>> {
        let kept = self.kept();
        if revision < kept.since {
            let text = format!(
                "changes are known behind revision {} only: list the names anew, and watch from there",
                kept.since
            );
            return Err(Error::new(ErrorKind::Naming, text));
        }
        let start = kept.events.partition_point(|event| event.revision <= revision);
        let events = kept.events.range(start..);
        Ok(events.filter(|event| event.name.starts_with(prefix)).cloned().collect())
    }

    /// Waits until there is a change behind this revision, at most for this time.
    pub(crate) async fn wait(&self, revision: u64, time: Duration) {
        let mut latest = self.latest.subscribe();
        // That the time is over is no failure, and the sender is in here.
        let _ = timeout(time, latest.wait_for(|latest| *latest > revision)).await;
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(events: &[Event]) -> Vec<&str> {
        events.iter().map(|event| &*event.name).collect()
    }

    #[test]
    fn changes_behind_a_revision_come_in_their_order() {
        let history = History::new();
        let begin = history.latest();
        for name in ["a", "b", "a"] {
            history.record(name.into(), None);
        }
        assert_eq!(names(&history.behind(begin, "").unwrap()), ["a", "b", "a"]);
        assert_eq!(names(&history.behind(begin + 1, "").unwrap()), ["b", "a"]);
        assert_eq!(names(&history.behind(begin, "b").unwrap()), ["b"]);
        assert!(history.behind(history.latest(), "").unwrap().is_empty());
    }

    #[test]
    fn what_is_not_known_any_more_is_an_error_and_no_gap() {
        let history = History::new();
        let begin = history.latest();
        assert!(history.behind(begin - 1, "").is_err());
        for _ in 0..=KEPT {
            history.record("a".into(), None);
        }
        assert!(history.behind(begin, "").is_err());
        assert_eq!(history.behind(begin + 1, "").unwrap().len(), KEPT);
        history.begin_at(begin + 2 * KEPT as u64);
        assert!(history.behind(begin + 1, "").is_err());
    }

    #[test]
    fn changes_of_one_number_go_together() {
        let history = History::new();
        history.begin_at(0);
        let event = |revision| Event {
            revision,
            name: "a".into(),
            entry: None,
        };
        history.record_at(event(1));
        (0..KEPT).for_each(|_| history.record_at(event(2)));
        assert!(history.behind(0, "").is_err());
        assert_eq!(history.behind(1, "").unwrap().len(), KEPT);
        history.record_at(event(3));
        assert!(history.behind(1, "").is_err());
        assert_eq!(history.behind(2, "").unwrap().len(), 1);
    }
}
