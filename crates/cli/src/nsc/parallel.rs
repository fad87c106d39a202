//! The same work for many things, several at a time.

use std::sync::{Mutex, PoisonError};
use std::thread;

/// Does the work for all items, until it fails for one. Each of the workers is made by `worker`.
pub(super) fn each<T, E, W>(
    items: impl Iterator<Item = T> + Send,
    workers: usize,
    worker: impl Fn() -> W + Sync,
) -> Result<(), E>
where
    E: Send,
    W: FnMut(T) -> Result<(), E>,
{
    let (items, trouble) = (Mutex::new(items), Mutex::new(None));
    let next = || {
        let has_failed = trouble.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        let mut items = items.lock().unwrap_or_else(PoisonError::into_inner);
        if has_failed { None } else { items.next() }
    };
    let work = || {
        let mut worker = worker();
        while let Some(item) = next() {
            if let Err(error) = worker(item) {
                trouble
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .get_or_insert(error);
            }
        }
    };
    thread::scope(|scope| (0..workers).for_each(|_| drop(scope.spawn(work))));
    trouble
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner)
        .map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn every_item_has_its_turn_once() {
        let sum = AtomicUsize::new(0);
        let worker = || {
            |item| {
                sum.fetch_add(item, Ordering::Relaxed);
                Ok::<(), ()>(())
            }
        };
        assert_eq!(each(1..=1000, 16, worker), Ok(()));
        assert_eq!(sum.into_inner(), 500_500);
    }

    #[test]
    fn a_failure_is_the_end() {
        let count = AtomicUsize::new(0);
        let worker = || {
            |item| {
                count.fetch_add(1, Ordering::Relaxed);
                if item == 3 { Err("three") } else { Ok(()) }
            }
        };
        assert_eq!(each(0.., 4, worker), Err("three"));
    }
}
