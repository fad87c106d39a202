//! How long a pattern may take for all names of a list.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// About a tenth of a second.
const MAX_STEPS: u64 = 10_000_000;
/// For each name: a long list must not fail because it is long.
const FREE_STEPS: u64 = 100;

/// The steps taken so far, shared by all clones.
#[derive(Debug, Clone, Default)]
pub(super) struct Budget(Arc<AtomicU64>);

impl Budget {
    /// Takes the steps for a name. None: there were too many for this name alone.
    pub(super) fn spend(&self, steps: Option<u64>) {
        let cost = steps.map_or(MAX_STEPS + 1, |steps| steps.saturating_sub(FREE_STEPS));
        if cost > 0 {
            self.0.fetch_add(cost, Ordering::Relaxed);
        }
    }

    pub(super) fn exceeded(&self) -> bool {
        self.0.load(Ordering::Relaxed) > MAX_STEPS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_cheap_names_are_no_matter_and_dear_ones_add_up() {
        let budget = Budget::default();
        (0..1_000_000).for_each(|_| budget.spend(Some(FREE_STEPS)));
        assert!(!budget.exceeded());
        let clone = budget.clone();
        (0..100).for_each(|_| clone.spend(Some(MAX_STEPS / 100 + FREE_STEPS)));
        assert!(!budget.exceeded());
        clone.spend(Some(FREE_STEPS + 1));
        assert!(budget.exceeded());
    }
}
