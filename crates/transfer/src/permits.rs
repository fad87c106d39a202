//! How much may go on at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ferropyro::Raise;

/// So many transfers at a time, and no more.
#[derive(Debug)]
pub(crate) struct Permits {
    most: usize,
    taken: AtomicUsize,
}

/// One transfer's place; it is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Permit(Arc<Permits>);

impl Permits {
    pub(crate) fn new(most: usize) -> Arc<Permits> {
        Arc::new(Permits {
            most,
            taken: AtomicUsize::new(0),
        })
    }

    pub(crate) fn take(self: &Arc<Permits>) -> Result<Permit, Raise> {
        let more = |taken| (taken < self.most).then_some(taken + 1);
        match self.taken.fetch_update(Ordering::AcqRel, Ordering::Acquire, more) {
            Ok(_) => Ok(Permit(Arc::clone(self))),
            Err(_) => {
                let text = format!(
                    "{} transfers are under way, and there may not be more: try again later",
                    self.most
                );
                Err(Raise::new("RuntimeError", text))
            }
        }
    }

    pub(crate) fn taken(&self) -> usize {
        self.taken.load(Ordering::Acquire)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_when_its_permit_is_dropped() {
        let permits = Permits::new(2);
        let first = permits.take().unwrap();
        let second = permits.take().unwrap();
        let refusal = permits.take().unwrap_err();
        assert!(
            refusal
                .to_string()
                .starts_with("RuntimeError: 2 transfers are under way")
        );
        drop(first);
        let third = permits.take().unwrap();
        assert_eq!(permits.taken(), 2);
        drop((second, third));
        assert_eq!(permits.taken(), 0);
    }
}
