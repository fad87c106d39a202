//! Work in threads beside the loop.

use std::io;
use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::task::spawn_blocking;

use crate::daemon::core::Core;

/// Does something in a thread where it may take its time. A program that drives the loop itself is told of its end.
///
/// # Errors
/// When the work panics.
pub(super) async fn beside_loop<T: Send + 'static>(
    core: &Arc<Core>,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    let (sender, receiver) = oneshot::channel();
    let end = End {
        sender: Some(sender),
        core: Arc::clone(core),
    };
    spawn_blocking(move || end.tell(work()));
    let panicked = |_| io::Error::other("the work beside the loop has panicked");
    receiver.await.map_err(panicked)
}

/// The end of some work, however it ends.
struct End<T> {
    sender: Option<oneshot::Sender<T>>,
    core: Arc<Core>,
}

impl<T> End<T> {
    fn tell(mut self, result: T) {
        if let Some(sender) = self.sender.take() {
            // Who waited for it may be gone.
            let _ = sender.send(result);
        }
    }
}

impl<T> Drop for End<T> {
    fn drop(&mut self) {
        // First there is something to do for the loop, then the program is told.
        drop(self.sender.take());
        self.core.wake();
    }
}
