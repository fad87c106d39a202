//! A flag that can be waited for.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Poll, Waker};

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// Something that happens once.
#[derive(Default)]
pub(super) struct Signal {
    is_set: AtomicBool,
    changed: Notify,
}

impl Signal {
    /// Says that it has happened. False when it had happened before.
    pub(super) fn set(&self) -> bool {
        let is_first = !self.is_set.swap(true, Ordering::AcqRel);
        self.changed.notify_waiters();
        is_first
    }

    pub(super) fn is_set(&self) -> bool {
        self.is_set.load(Ordering::Acquire)
    }

    /// What ends when it happens after this; look at [`Signal::is_set`] then, for what happened before.
    pub(super) fn watch(&self) -> Notified<'_> {
        self.changed.notified()
    }

    /// Waits until it happens. Every connection asks at each of its turns, so that costs next to nothing when the same task asks again.
    pub(super) async fn wait(&self) {
        let mut changed = pin!(self.watch());
        let mut asked: Option<Waker> = None;
        poll_fn(|cx| {
            if self.is_set() {
                return Poll::Ready(());
            }
            if asked.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                return Poll::Pending;
            }
            asked = Some(cx.waker().clone());
            changed.as_mut().poll(cx)
        })
        .await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn whoever_waits_learns_that_it_has_happened() {
        let signal = Arc::new(Signal::default());
        let waiting = (0..10).map(|polls| {
            let signal = Arc::clone(&signal);
            tokio::spawn(async move {
                let mut wait = pin!(signal.wait());
                for _ in 0..polls {
                    // As a connection does that has something else to wait for.
                    poll_fn(|cx| {
                        assert!(wait.as_mut().poll(cx).is_pending());
                        Poll::Ready(())
                    })
                    .await;
                }
                wait.await;
            })
        });
        let waiting: Vec<_> = waiting.collect();
        tokio::task::yield_now().await;
        assert!(signal.set() && !signal.set());
        for task in waiting {
            task.await.expect("no panic");
        }
        signal.wait().await;
    }

    #[tokio::test]
    async fn the_task_that_asked_last_is_woken() {
        let signal = Arc::new(Signal::default());
        let copy = Arc::clone(&signal);
        let mut wait = Box::pin(async move { copy.wait().await });
        poll_fn(|cx| {
            assert!(wait.as_mut().poll(cx).is_pending());
            Poll::Ready(())
        })
        .await;
        let other = tokio::spawn(wait);
        tokio::task::yield_now().await;
        signal.set();
        other.await.expect("no panic");
    }
}
