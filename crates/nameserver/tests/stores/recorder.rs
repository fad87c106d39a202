//! Operations of many clients on a few names, taken down to be checked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::linear::{Action, Operation, State, check};

/// What was done, by name.
pub(crate) struct Recorder {
    began: Instant,
    numbers: AtomicU32,
    operations: Mutex<BTreeMap<String, Vec<Operation>>>,
}

/// Came of an operation: what was seen, or that it was never heard what became of it, or that nothing happened.
pub(crate) enum Came<T> {
    Of(T),
    Unknown,
    Nothing,
}

/// The URI of a registration.
pub(crate) fn uri(number: u32) -> String {
    format!("PYRO:{number}@h:1")
}

/// What was registered, and which tags were set.
pub(crate) fn value(uri: &str, tags: &BTreeSet<String>) -> (u32, u32) {
    let number = uri.strip_prefix("PYRO:").and_then(|uri| uri.split('@').next());
    let tags = tags.first().map_or(0, |tag| tag.parse().unwrap());
    (number.unwrap().parse().unwrap(), tags)
}

/// Numbers that look like chance.
pub(crate) fn chance(seed: u64) -> impl Iterator<Item = u64> {
    let next = move |number: &u64| Some(number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(seed | 1));
    std::iter::successors(Some(seed), next)
        .skip(4)
        .map(|number| number >> 33)
}

/// What the clients work on: a store, or a name server.
pub(crate) trait Book {
    /// The URI's number and the tag's, of a name that is there.
    fn lookup(&self, name: &str) -> Came<State>;
    /// Whether the name was free.
    fn register(&self, name: &str, value: (u32, u32)) -> Came<bool>;
    /// Whether the name was there; so in the next one.
    fn set_tags(&self, name: &str, tags: u32) -> Came<bool>;
    fn remove(&self, name: &str) -> Came<bool>;
}

impl Recorder {
    pub(crate) fn new() -> Recorder {
        Recorder {
            began: Instant::now(),
            numbers: AtomicU32::new(0),
            operations: Mutex::default(),
        }
    }

    /// Does something with a name, which this number chooses; gives whether it was a change, and succeeded.
    pub(crate) fn act(&self, book: &dyn Book, name: &str, choice: u64) -> bool {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed) + 1;
        let begin = self.now();
        let (action, is_heard) = match choice % 8 {
            0..3 => match book.lookup(name) {
                Came::Of(found) => (Action::Lookup { found }, true),
                // It has changed nothing.
                Came::Unknown | Came::Nothing => return false,
            },
            3..5 => {
                let value = (number, 0);
                match book.register(name, value) {
                    Came::Of(done) => (
                        Action::Register {
                            value,
                            done: Some(done),
                        },
                        true,
                    ),
                    Came::Unknown => (Action::Register { value, done: None }, false),
                    Came::Nothing => return false,
                }
            }
            5 => match book.set_tags(name, number) {
                Came::Of(done) => (
                    Action::SetTags {
                        tags: number,
                        done: Some(done),
                    },
                    true,
                ),
                Came::Unknown => (
                    Action::SetTags {
                        tags: number,
                        done: None,
                    },
                    false,
                ),
                Came::Nothing => return false,
            },
            _ => match book.remove(name) {
                Came::Of(done) => (Action::Remove { done: Some(done) }, true),
                Came::Unknown => (Action::Remove { done: None }, false),
                Came::Nothing => return false,
            },
        };
        let end = is_heard.then(|| self.now());
        let mut operations = self.operations.lock().unwrap_or_else(PoisonError::into_inner);
        operations
            .entry(name.to_owned())
            .or_default()
            .push(Operation { begin, end, action });
        is_heard && !matches!(action, Action::Lookup { .. })
    }

    /// How many operations there have been.
    pub(crate) fn count(&self) -> u32 {
        self.numbers.load(Ordering::Relaxed)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_nanos()).unwrap()
    }

    /// Panics unless there is an order in which everybody saw what he saw; gives how many operations there were, and how many of them nobody heard of.
    pub(crate) fn check(self) -> (usize, usize) {
        let operations = self.operations.into_inner().unwrap_or_else(PoisonError::into_inner);
        for (name, operations) in &operations {
            if let Err(error) = check(operations) {
                panic!("{name}: {error}");
            }
        }
        let all = || operations.values().flatten();
        (all().count(), all().filter(|operation| operation.end.is_none()).count())
    }
}
