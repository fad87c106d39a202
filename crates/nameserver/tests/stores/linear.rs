//! Whether what clients saw of one name fits some order of their operations in which each took effect at one moment between its begin and its end.
//!
//! The search is the one of Wing and Gong, which remembers where it has been, as Lowe proposed.

use std::collections::HashSet;

/// What a name stands for: the number of its registration, and of its tags.
pub(crate) type State = Option<(u32, u32)>;

/// An operation, and what came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Lookup {
        found: State,
    },
    /// `done`: whether the name was free; `None` when that was never heard.
    Register {
        value: (u32, u32),
        done: Option<bool>,
    },
    /// `done`: whether the name was there.
    SetTags {
        tags: u32,
        done: Option<bool>,
    },
    /// The same.
    Remove {
        done: Option<bool>,
    },
}

impl Action {
    /// What it makes of a state; `None` when nobody could have seen that happen.
    fn apply(self, state: State) -> Option<State> {
        let (before, after, done) = match self {
            Action::Lookup { found } => return (found == state).then_some(state),
            Action::Register { value, done } => (state.is_none(), Some(value), done),
            Action::SetTags { tags, done } => (state.is_some(), state.map(|(value, _)| (value, tags)), done),
            Action::Remove { done } => (state.is_some(), None, done),
        };
        let is_seen = done.is_none_or(|done| done == before);
        is_seen.then_some(if before { after } else { state })
    }
}

/// An action in time. Without an end it may take effect at any later moment, or never.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Operation {
    pub(crate) begin: u64,
    pub(crate) end: Option<u64>,
    pub(crate) action: Action,
}

/// A place in the search.
struct Step {
    /// What there is before.
    state: State,
    /// What can be next and has not been tried, the most promising ones last.
    candidates: Vec<usize>,
    /// What is being tried.
    chosen: Option<usize>,
}

/// Finds an order, beginning without the name.
///
/// # Errors
/// Where the search came furthest: the operations of which none could have been next.
pub(crate) fn check(operations: &[Operation]) -> Result<(), String> {
    let mut operations = operations.to_vec();
    operations.sort_by_key(|operation| operation.begin);
    let mut search = Search::new(&operations);
    let mut steps = vec![search.step(None)];
    let mut furthest = (0, String::new());
    while search.missing > 0 {
        let depth = steps.len();
        let Some(step) = steps.last_mut() else {
            return Err(furthest.1);
        };
        if let Some(chosen) = step.chosen.take() {
            search.toggle(chosen);
        }
        let Some(next) = step.candidates.pop() else {
            if depth > furthest.0 {
                furthest = (depth, search.describe(step.state));
            }
            steps.pop();
            continue;
        };
        let Some(state) = operations[next].action.apply(step.state) else {
            continue;
        };
        search.toggle(next);
        if search.is_new(state) {
            step.chosen = Some(next);
            steps.push(search.step(state));
        } else {
            search.toggle(next);
        }
    }
    Ok(())
}

struct Search<'o> {
    operations: &'o [Operation],
    is_done: Vec<bool>,
    /// The first that is not done.
    first: usize,
    /// Those with an end that are not done.
    missing: usize,
    /// The set of what is done, as one number.
    set: u128,
    seen: HashSet<(u128, State)>,
}

impl<'o> Search<'o> {
    fn new(operations: &'o [Operation]) -> Search<'o> {
        Search {
            operations,
            is_done: vec![false; operations.len()],
            first: 0,
            missing: operations.iter().filter(|operation| operation.end.is_some()).count(),
            set: 0,
            seen: HashSet::new(),
        }
    }

    /// Does an operation, or takes it back.
    fn toggle(&mut self, index: usize) {
        let is_done = !self.is_done[index];
        self.is_done[index] = is_done;
        self.set ^= scatter(index as u64);
        if self.operations[index].end.is_some() {
            self.missing = if is_done { self.missing - 1 } else { self.missing + 1 };
        }
        self.first = self.first.min(index);
        while self.is_done.get(self.first).is_some_and(|is_done| *is_done) {
            self.first += 1;
        }
    }

    fn is_new(&mut self, state: State) -> bool {
        self.seen.insert((self.set, state))
    }

    /// What can be next: what has not ended before something else began that is not done either. What was never heard of is tried after the rest.
    fn step(&self, state: State) -> Step {
        let mut candidates = Vec::new();
        let mut first_end = u64::MAX;
        for index in self.first..self.operations.len() {
            let operation = &self.operations[index];
            if operation.begin > first_end {
                break;
            }
            if !self.is_done[index] {
                first_end = first_end.min(operation.end.unwrap_or(u64::MAX));
                candidates.push(index);
            }
        }
        candidates.sort_by_key(|index| std::cmp::Reverse((self.operations[*index].end.is_none(), *index)));
        Step {
            state,
            candidates,
            chosen: None,
        }
    }

    fn describe(&self, state: State) -> String {
        let next = self.step(state).candidates.into_iter();
        let next: Vec<&Operation> = next.map(|index| &self.operations[index]).collect();
        format!("the name is {state:?}, and none of these fits: {next:#?}")
    }
}

/// A number that looks like chance, so that two sets with the same one do not occur.
fn scatter(index: u64) -> u128 {
    let half = |seed: u64| {
        let mut number = (index ^ seed).wrapping_add(0x9e37_79b9_7f4a_7c15);
        for factor in [0xbf58_476d_1ce4_e5b9, 0x94d0_49bb_1331_11eb] {
            number = (number ^ (number >> 30)).wrapping_mul(factor);
        }
        number ^ (number >> 31)
    };
    u128::from(half(0)) << 64 | u128::from(half(0x5851_f42d_4c95_7f2d))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(begin: u64, end: u64, action: Action) -> Operation {
        Operation {
            begin,
            end: (end > 0).then_some(end),
            action,
        }
    }

    fn register(number: u32, done: Option<bool>) -> Action {
        Action::Register {
            value: (number, 0),
            done,
        }
    }

    fn lookup(number: u32) -> Action {
        Action::Lookup {
            found: (number > 0).then_some((number, 0)),
        }
    }

    #[test]
    fn finds_an_order_where_there_is_one() {
        check(&[]).unwrap();
        // Two at a time, and each sees what fits one order only.
        check(&[
            operation(1, 9, register(1, Some(true))),
            operation(2, 8, register(2, Some(false))),
            operation(3, 4, lookup(0)),
            operation(5, 6, lookup(1)),
            operation(10, 11, Action::Remove { done: Some(true) }),
            operation(10, 12, lookup(1)),
        ])
        .unwrap();
        // What nobody heard of may have happened late, or never.
        check(&[
            operation(1, 0, register(1, None)),
            operation(2, 0, Action::Remove { done: None }),
            operation(3, 4, lookup(0)),
            operation(5, 6, lookup(1)),
            operation(7, 8, register(2, Some(true))),
            operation(9, 10, lookup(2)),
        ])
        .unwrap();
    }

    #[test]
    fn finds_no_order_where_there_is_none() {
        for wrong in [
            // Two winners.
            [
                operation(1, 5, register(1, Some(true))),
                operation(2, 6, register(2, Some(true))),
            ],
            // A registration that is lost.
            [operation(1, 2, register(1, Some(true))), operation(3, 4, lookup(0))],
            // One that was never made.
            [operation(1, 2, register(1, Some(false))), operation(3, 4, lookup(1))],
            // One that is seen before it begins.
            [operation(1, 2, lookup(1)), operation(3, 0, register(1, None))],
        ] {
            assert!(check(&wrong).is_err(), "{wrong:?}");
        }
        // An old value after a new one.
        let stale = [
            operation(1, 2, register(1, Some(true))),
            operation(
                3,
                9,
                Action::SetTags {
                    tags: 7,
                    done: Some(true),
                },
            ),
            operation(4, 5, Action::Lookup { found: Some((1, 7)) }),
            operation(6, 7, lookup(1)),
        ];
        assert!(check(&stale).unwrap_err().contains("none of these fits"));
    }
}
