//! Whether a connection can be lent to somebody else.

use std::sync::Arc;

use super::Proxy;

impl Proxy {
    /// Whether there is a connection on which a call could be made at once, as far as this end knows: the other end may have closed it while nobody
    /// looked. Not one that is in a call, nor one over which somebody may yet ask for the items of an iterator. Waits for nothing.
    pub(crate) fn is_free(&self) -> bool {
        if Arc::strong_count(&self.shared) > 1 {
            return false;
        }
        let Some(mut state) = self.shared.try_state() else {
            return false;
        };
        state.link().is_some_and(|link| link.stream.is_silent())
    }
}
