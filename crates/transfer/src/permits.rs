//! How much may go on at a time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ferropyro::{Raise, context};

/// So many transfers at a time, and no more; of these so many of one client's connection.
#[derive(Debug)]
pub(crate) struct Permits {
    most: usize,
    share: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    places: HashMap<u64, Place>,
    next: u64,
}

/// What is known of a transfer.
#[derive(Debug)]
struct Place {
    /// The number of the connection whose call has begun it.
    connection: Option<u64>,
    /// When it went on for the last time. `None` for one that has other limits.
    last_progress: Option<Instant>,
}

/// One transfer's place; it is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    permits: Arc<Permits>,
    number: u64,
}

impl Permits {
    /// For so many transfers, and so many of one connection: a quarter, unless that is told.
    pub(crate) fn new(most: usize, share: Option<usize>) -> Arc<Permits> {
        Arc::new(Permits {
            most,
            share: share.unwrap_or(most / 4).max(1),
            state: Mutex::default(),
        })
    }

    /// A place for a transfer of the client whose call this thread serves.
    pub(crate) fn take(self: &Arc<Permits>) -> Result<Permit, Raise> {
        self.take_for(context::current().map(|call| call.connection().number()))
    }

    fn take_for(self: &Arc<Permits>, connection: Option<u64>) -> Result<Permit, Raise> {
        let mut state = self.state();
        let all = state.places.len();
        let own = state.places.values().filter(|place| place.connection == connection);
        let text = if all >= self.most {
            format!("{all} transfers are under way, and there may not be more: try again later")
        } else if connection.is_some() && own.count() >= self.share {
            let share = self.share;
            format!("{share} transfers of this connection are under way, and it may not have more: end one first")
        } else {
            state.next += 1;
            let number = state.next;
            let place = Place {
                connection,
                last_progress: None,
            };
            state.places.insert(number, place);
            let permits = Arc::clone(self);
            return Ok(Permit { permits, number });
        };
        Err(Raise::new("RuntimeError", text))
    }

    /// Takes the places of those away that have not gone on for so long.
    pub(crate) fn end_stalled(&self, stall: Duration) {
        let is_stalled = |place: &Place| place.last_progress.is_some_and(|last| last.elapsed() >= stall);
        self.state().places.retain(|_, place| !is_stalled(place));
    }

    pub(crate) fn taken(&self) -> usize {
        self.state().places.len()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit {
    /// The transfer goes on: from now on it must, lest it lose its place. False when it has lost that.
    #[must_use]
    pub(crate) fn go_on(&self) -> bool {
        match self.permits.state().places.get_mut(&self.number) {
            Some(place) => {
                place.last_progress = Some(Instant::now());
                true
            }
            None => false,
        }
    }

    /// Whether the transfer has lost its place.
    pub(crate) fn is_lost(&self) -> bool {
        !self.permits.state().places.contains_key(&self.number)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.permits.state().places.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_when_its_permit_is_dropped() {
        let permits = Permits::new(2, None);
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

    #[test]
    fn a_connection_has_a_quarter_of_the_places_and_at_least_one() {
        for (most, share, expected) in [
            (32, None, 8),
            (3, None, 1),
            (32, Some(0), 1),
            (32, Some(5), 5),
            (4, Some(9), 4),
        ] {
            let permits = Permits::new(most, share);
            let taken: Vec<Permit> = (0..most).map_while(|_| permits.take_for(Some(1)).ok()).collect();
            assert_eq!(taken.len(), expected, "{share:?} of {most}");
            assert_eq!(permits.take_for(Some(2)).is_ok(), expected < most);
        }
    }

    #[test]
    fn who_does_not_go_on_loses_the_place() {
        let permits = Permits::new(3, None);
        let (stalled, going, other) = (
            permits.take().unwrap(),
            permits.take().unwrap(),
            permits.take().unwrap(),
        );
        assert!(stalled.go_on() && going.go_on());
        permits.end_stalled(Duration::from_secs(600));
        assert_eq!(permits.taken(), 3);
        permits.end_stalled(Duration::ZERO);
        // The one that has never gone on has limits of its own.
        assert!(stalled.is_lost() && going.is_lost() && !other.is_lost());
        let next = permits.take().unwrap();
        assert!(!stalled.go_on());
        drop(stalled);
        assert!(!next.is_lost());
        assert_eq!(permits.taken(), 2);
    }
}
