//! How many connections a server lets in.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::config::Config;

/// What a client reads when there are too many others.
const TOO_MANY: &str = "too many connections, increase server MAX_CONNECTIONS";
const TOO_MANY_FILES: &str = "too many connections, increase the server's limit of open files (ulimit -n)";
/// Files that are left for everything else in the program.
const SPARE_FILES: usize = 64;
/// Connections that are left for clients which wait, or are being told that they are too many.
const ANTEROOM: usize = 32;

/// The most connections, and the words for those that come then.
pub(super) struct Capacity {
    pub(super) most: usize,
    pub(super) refusal: &'static str,
}

impl Capacity {
    /// What the settings allow, and the system as it is now.
    pub(super) fn new(config: &Config) -> Capacity {
        Capacity::within(config.max_connections.unwrap_or(usize::MAX), open_files())
    }

    fn within(wanted: usize, files: Option<usize>) -> Capacity {
        let sockets = most_sockets(files);
        let possible = sockets - ANTEROOM.min(sockets / 2);
        match wanted <= possible {
            true => Capacity {
                most: wanted,
                refusal: TOO_MANY,
            },
            false => Capacity {
                most: possible,
                refusal: TOO_MANY_FILES,
            },
        }
    }
}

/// Where there are few files at all, a half of them.
fn most_sockets(files: Option<usize>) -> usize {
    files.map_or(usize::MAX, |files| files.saturating_sub(SPARE_FILES).max(files / 2))
}

/// The sockets that a server has accepted and not closed yet, whatever became of their clients.
pub(super) struct Seats {
    taken: Arc<AtomicUsize>,
    most: usize,
}

/// One of the [`Seats`], given back on drop.
pub(super) struct Seat(Arc<AtomicUsize>);

impl Seats {
    /// As many as the system allows now, without taking the files away that the rest of the program needs.
    pub(super) fn new() -> Seats {
        Seats::within(open_files())
    }

    fn within(files: Option<usize>) -> Seats {
        Seats {
            taken: Arc::default(),
            most: most_sockets(files),
        }
    }

    /// A seat for a socket that has been accepted, even if it is one too many.
    pub(super) fn take(&self) -> Seat {
        self.taken.fetch_add(1, Ordering::AcqRel);
        Seat(Arc::clone(&self.taken))
    }

    /// Whether somebody has to go.
    pub(super) fn are_too_few(&self) -> bool {
        self.taken.load(Ordering::Acquire) > self.most
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// How many files this process may have open; `None` for any number.
#[cfg(unix)]
fn open_files() -> Option<usize> {
    use rustix::process::{Resource, getrlimit};

    getrlimit(Resource::Nofile)
        .current
        .map(|files| usize::try_from(files).unwrap_or(usize::MAX))
}

#[cfg(not(unix))]
fn open_files() -> Option<usize> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_some_files_for_the_rest_of_the_program() {
        let most = |wanted, files| Capacity::within(wanted, files).most;
        assert_eq!(most(10_000, None), 10_000);
        assert_eq!(most(10_000, Some(20_000)), 10_000);
        assert_eq!(most(10_000, Some(1024)), 928);
        assert_eq!(most(10_000, Some(64)), 16);
        assert_eq!(most(usize::MAX, Some(1024)), 928);
        assert_eq!(Capacity::within(10_000, Some(1024)).refusal, TOO_MANY_FILES);
        assert_eq!(Capacity::within(928, Some(1024)).refusal, TOO_MANY);
    }

    #[test]
    fn every_accepted_socket_counts_until_it_is_closed() {
        let seats = Seats::within(Some(1024));
        let mut taken: Vec<Seat> = (0..960).map(|_| seats.take()).collect();
        assert!(!seats.are_too_few());
        taken.push(seats.take());
        assert!(seats.are_too_few());
        taken.pop();
        assert!(!seats.are_too_few());
    }
}
