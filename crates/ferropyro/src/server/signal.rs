//! A flag that can be waited for.

use std::sync::atomic::{AtomicBool, Ordering};

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

    /// Waits until it happens.
    pub(super) async fn wait(&self) {
        let changed = self.watch();
        if !self.is_set() {
            changed.await;
        }
    }
}
