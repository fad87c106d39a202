//! What a name server has done so far, for those who watch over it.

use std::sync::atomic::{AtomicU64, Ordering};

use ferropyro::Method;

/// What a name server has done and is doing: see [`NameServerObject::statistics`](crate::NameServerObject::statistics). How many names there are is asked of the
/// [store](crate::NameServerObject::store), which may have to wait for a disk or a network.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    /// The calls of each method since the name server was made, in the order of the methods' names.
    pub calls: Vec<MethodCalls>,
    /// The number of the latest change of a name: see [`History`](crate::store::History).
    pub revision: u64,
    /// Clients that are waiting for changes.
    pub watchers: usize,
    /// Whether clients can change nothing.
    pub is_read_only: bool,
}

/// The calls of one method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct MethodCalls {
    /// The method's name.
    pub method: &'static str,
    /// Calls that were answered, with what was asked for.
    pub succeeded: u64,
    /// Calls that raised an exception: unknown names, wrong arguments, a store that fails.
    pub failed: u64,
}

/// Counts the calls of some methods.
#[derive(Debug)]
pub(crate) struct Counters {
    methods: &'static [Method],
    counters: Vec<Counter>,
}

#[derive(Debug, Default)]
struct Counter {
    succeeded: AtomicU64,
    failed: AtomicU64,
}

impl Counters {
    pub(crate) fn new(methods: &'static [Method]) -> Counters {
        Counters {
            methods,
            counters: methods.iter().map(|_| Counter::default()).collect(),
        }
    }

    /// The place of a method, for [`Counters::count`]. The names that there are not have none.
    pub(crate) fn place(&self, name: &str) -> Option<usize> {
        self.methods.iter().position(|method| method.name == name)
    }

    /// A call of the method at this place has come to its end.
    pub(crate) fn count(&self, place: Option<usize>, has_succeeded: bool) {
        if let Some(counter) = place.and_then(|place| self.counters.get(place)) {
            let number = match has_succeeded {
                true => &counter.succeeded,
                false => &counter.failed,
            };
            number.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn read(&self) -> Vec<MethodCalls> {
        let calls = self.methods.iter().zip(&self.counters);
        calls
            .map(|(method, counter)| MethodCalls {
                method: &method.name,
                succeeded: counter.succeeded.load(Ordering::Relaxed),
                failed: counter.failed.load(Ordering::Relaxed),
            })
            .collect()
    }
}
