//! What was measured, written down by many connections at the same time.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use super::load::Sent;

/// How many different errors are told apart.
const KINDS_OF_ERRORS: usize = 20;
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
/// Digits of a time that are kept.
const DIGITS: u8 = 3;

/// What some connections have seen.
#[derive(Debug)]
pub(super) struct Tally {
    /// How long messages took, in nanoseconds; those that failed too.
    pub(super) took: Histogram<u64>,
    pub(super) calls: u64,
    pub(super) failed: u64,
    /// How often calls failed so.
    pub(super) errors: BTreeMap<String, u64>,
    /// When the last answer came.
    pub(super) last: Option<Instant>,
}

impl Tally {
    pub(super) fn new() -> Tally {
        let longest = u64::try_from(LONGEST.as_nanos()).unwrap_or(u64::MAX);
        Tally {
            took: Histogram::new_with_max(longest, DIGITS).expect("a day has three digits"),
            calls: 0,
            failed: 0,
            errors: BTreeMap::new(),
            last: None,
        }
    }

    /// A message that was begun then has its answer now, or has failed.
    pub(super) fn note(&mut self, began: Instant, sent: &Sent) {
        let now = Instant::now();
        let took = now.saturating_duration_since(began);
        self.took
            .saturating_record(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
        self.last = Some(now);
        self.calls += sent.calls;
        if let Some((calls, error)) = &sent.failed {
            self.failed += calls;
            self.count_error(error.lines().next().unwrap_or_default(), *calls);
        }
    }

    fn count_error(&mut self, error: &str, calls: u64) {
        let is_known = self.errors.contains_key(error) || self.errors.len() < KINDS_OF_ERRORS;
        let kind = if is_known { error } else { "others" };
        *self.errors.entry(kind.to_owned()).or_default() += calls;
    }

    fn add(&mut self, other: &Tally) {
        // Both have the same bounds.
        let _ = self.took.add(&other.took);
        self.calls += other.calls;
        self.failed += other.failed;
        for (error, calls) in &other.errors {
            self.count_error(error, *calls);
        }
        self.last = self.last.max(other.last);
    }
}

/// As many of them as processors write at the same time.
#[derive(Debug)]
pub(super) struct Tallies(Vec<Mutex<Tally>>);

impl Tallies {
    pub(super) fn new() -> Tallies {
        let count = thread::available_parallelism().map_or(1, usize::from);
        Tallies((0..count).map(|_| Mutex::new(Tally::new())).collect())
    }

    /// That of a connection.
    pub(super) fn of(&self, connection: u32) -> MutexGuard<'_, Tally> {
        let index = connection as usize % self.0.len();
        self.0[index].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many calls there were so far.
    pub(super) fn calls(&self) -> u64 {
        self.all().map(|tally| tally.calls).sum()
    }

    /// All of them as one.
    pub(super) fn sum(&self) -> Tally {
        let mut sum = Tally::new();
        self.all().for_each(|tally| sum.add(&tally));
        sum
    }

    fn all(&self) -> impl Iterator<Item = MutexGuard<'_, Tally>> {
        self.0
            .iter()
            .map(|tally| tally.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
