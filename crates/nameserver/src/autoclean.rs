//! Takes names out whose servers are gone: Pyro's NS_AUTOCLEAN (manual chapter "Name Server", auto-clean).

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use ferropyro::logging::logger;
use ferropyro::naming::NAMESERVER_ID;
use ferropyro::uri::Protocol;
use ferropyro::{DAEMON_ID, Location, Uri};

use crate::store::{Listed, Store};

/// How long a server has to be away, as in Pyro.
const GRACE: Duration = Duration::from_secs(20);
/// How long one attempt to reach it takes at most, where COMMTIMEOUT says nothing.
const PATIENCE: Duration = Duration::from_secs(5);
/// Attempts at a time.
const AT_A_TIME: usize = 16;

/// Looks at every server that names lead to, again and again, and removes the names of those that stay away. It only connects, and says nothing.
///
/// A name is removed only if it still leads where the attempts went: one that has moved meanwhile stays. Names that lead to Unix domain sockets, or to
/// other names, stay too, and so does everything as long as this machine itself has no network.
#[derive(Debug)]
pub(crate) struct Cleaner {
    period: Duration,
    patience: Duration,
    grace: Duration,
    /// When the next round is due.
    next: Instant,
    /// What could not be reached, and since when.
    away: BTreeMap<(String, String), Instant>,
}

/// What became of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Reached,
    Away,
    /// The trouble is on this side.
    Unknown,
}

impl Cleaner {
    /// Looks once in this period. A server has to be silent for as long as COMMTIMEOUT to count as away.
    pub(crate) fn new(period: Duration, commtimeout: Option<Duration>) -> Cleaner {
        Cleaner {
            period,
            patience: commtimeout.unwrap_or(PATIENCE),
            grace: GRACE,
            next: Instant::now() + period,
            away: BTreeMap::new(),
        }
    }

    /// Does a round, if it is time for one.
    pub(crate) fn clean(&mut self, store: &dyn Store, is_over: &(dyn Fn() -> bool + Sync)) {
        if Instant::now() < self.next {
            return;
        }
        match store.entries() {
            Ok(entries) => self.look(store, entries, is_over),
            Err(error) => tracing::warn!(target: logger::NAMING, "nothing is cleaned up: {error}"),
        }
        self.next = Instant::now() + self.period;
    }

    fn look(&mut self, store: &dyn Store, entries: Vec<Listed>, is_over: &(dyn Fn() -> bool + Sync)) {
        let places: Vec<(String, String, (String, u16))> = entries
            .into_iter()
            .filter(|(name, _)| **name != *NAMESERVER_ID && **name != *DAEMON_ID)
            .filter_map(|(name, entry)| Some((name.to_string(), entry.uri.clone(), place(&entry.uri)?)))
            .collect();
        let found = attempts(places.iter().map(|(_, _, place)| place), self.patience, is_over);
        let mut away = BTreeMap::new();
        for (name, uri, place) in places {
            let since = self.away.get(&(name.clone(), uri.clone())).copied();
            let since = match found.get(&place) {
                Some(Found::Reached) => continue,
                Some(Found::Away) => since.unwrap_or_else(Instant::now),
                Some(Found::Unknown) | None => match since {
                    Some(since) => since,
                    None => continue,
                },
            };
            let is_over = found.get(&place) == Some(&Found::Away) && since.elapsed() >= self.grace;
            if !(is_over && remove(store, &name, &uri)) {
                away.insert((name, uri), since);
            }
        }
        self.away = away;
    }
}

/// Gives whether nothing is left to do about it.
fn remove(store: &dyn Store, name: &str, uri: &str) -> bool {
    match store.remove_if(name, uri) {
        Ok(true) => tracing::info!(target: logger::NAMING, "{name} is removed: nobody has been at {uri} for a while"),
        Ok(false) => tracing::debug!(target: logger::NAMING, "{name} stays: it has moved"),
        Err(error) => {
            tracing::warn!(target: logger::NAMING, "{name} is not removed, though nobody is at {uri}: {error}");
            return false;
        }
    }
    true
}

/// Where a server can be looked for.
fn place(uri: &str) -> Option<(String, u16)> {
    let uri: Uri = uri.parse().ok()?;
    match uri.location()? {
        Location::Tcp { host, port } if uri.protocol() == Protocol::Pyro => Some((host.clone(), *port)),
        _ => None,
    }
}

/// Tries each place once.
fn attempts<'p>(
    places: impl Iterator<Item = &'p (String, u16)>,
    patience: Duration,
    is_over: &(dyn Fn() -> bool + Sync),
) -> BTreeMap<(String, u16), Found> {
    let places: BTreeSet<_> = places.collect();
    let workers = places.len().min(AT_A_TIME);
    let (places, found) = (Mutex::new(places.into_iter()), Mutex::new(BTreeMap::new()));
    let next = || places.lock().map(|mut places| places.next()).ok().flatten();
    let work = || {
        while let (Some(place), false) = (next(), is_over()) {
            let result = attempt(place, patience);
            if let Ok(mut found) = found.lock() {
                found.insert(place.clone(), result);
            }
        }
    };
    thread::scope(|scope| (0..workers).for_each(|_| drop(scope.spawn(work))));
    found.into_inner().unwrap_or_default()
}

fn attempt((host, port): &(String, u16), patience: Duration) -> Found {
    let addresses = match (host.as_str(), *port).to_socket_addrs() {
        Ok(addresses) => addresses,
        // The system says only in words which kind of failure it was.
        Err(error) if error.to_string().contains("Temporary failure") => return Found::Unknown,
        Err(_) => return Found::Away,
    };
    let mut found = Found::Away;
    for address in addresses {
        match TcpStream::connect_timeout(&address, patience) {
            Ok(_) => return Found::Reached,
            Err(error) if is_our_own(error.kind()) => found = Found::Unknown,
            Err(_) => {}
        }
    }
    found
}

/// Whether an error says something about this machine, not about the other one.
fn is_our_own(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::NetworkUnreachable | ErrorKind::NetworkDown | ErrorKind::AddrNotAvailable
    )
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::sync::Arc;

    use super::*;
    use crate::store::{self, Entry};

    fn cleaner(grace: Duration) -> Cleaner {
        Cleaner {
            grace,
            next: Instant::now(),
            ..Cleaner::new(Duration::ZERO, Some(Duration::from_secs(1)))
        }
    }

    fn store(names: &[(&str, &str)]) -> Arc<dyn Store> {
        let store = store::memory();
        for (name, uri) in names {
            store.put(name, Entry::new(*uri, BTreeSet::new()), true).unwrap();
        }
        Arc::new(store)
    }

    fn names(store: &dyn Store) -> Vec<String> {
        let mut names: Vec<String> = store
            .entries()
            .unwrap()
            .iter()
            .map(|(name, _)| name.to_string())
            .collect();
        names.sort();
        names
    }

    /// A port at which nobody listens.
    fn dead_port() -> u16 {
        TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
    }

    // Conformance: NS-27
    #[test]
    fn only_a_name_whose_tcp_server_is_gone_goes() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (live, dead) = (listener.local_addr().unwrap().port(), dead_port());
        let mut all = vec![
            ("Pyro.NameServer", format!("PYRO:Pyro.NameServer@127.0.0.1:{dead}")),
            ("dead", format!("PYRO:a@127.0.0.1:{dead}")),
            ("live", format!("PYRO:a@localhost:{live}")),
            ("name", "PYRONAME:other@127.0.0.1:1".to_owned()),
            ("tags", "PYROMETA:tag@127.0.0.1:1".to_owned()),
            ("unix", "PYRO:a@./u:/nowhere/at/all".to_owned()),
        ];
        let six = TcpListener::bind("[::1]:0").ok();
        if let Some(six) = &six {
            all.push(("six", format!("PYRO:a@[::1]:{}", six.local_addr().unwrap().port())));
        }
        let borrowed: Vec<(&str, &str)> = all.iter().map(|(name, uri)| (*name, uri.as_str())).collect();
        let store = store(&borrowed);
        let before = names(&*store);
        let mut cleaner = cleaner(Duration::from_millis(200));
        cleaner.clean(&*store, &|| false);
        assert_eq!(names(&*store), before, "not at the first look");
        thread::sleep(Duration::from_millis(250));
        cleaner.clean(&*store, &|| false);
        let expected: Vec<String> = before.into_iter().filter(|name| name != "dead").collect();
        assert_eq!(names(&*store), expected);
    }

    // Conformance: NS-27
    #[test]
    fn a_server_that_comes_back_in_time_keeps_its_name() {
        let port = dead_port();
        let uri = format!("PYRO:a@127.0.0.1:{port}");
        let store = store(&[("a", &uri)]);
        let mut cleaner = cleaner(Duration::from_millis(300));
        cleaner.clean(&*store, &|| false);
        thread::sleep(Duration::from_millis(350));
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        cleaner.clean(&*store, &|| false);
        assert_eq!(names(&*store), ["a"]);
        drop(listener);
        cleaner.clean(&*store, &|| false);
        assert_eq!(names(&*store), ["a"], "the time counts from the beginning again");
    }

    /// T27 of the limits: it is always at one of two places, and the name leads to where it is, or was a moment ago.
    #[test]
    fn a_name_that_moves_a_thousand_times_is_never_removed() {
        let ports = [dead_port(), dead_port()];
        let store = store(&[]);
        let moved = Arc::clone(&store);
        let mover = thread::spawn(move || {
            let mut listener = None;
            for round in 0..1000 {
                let port = ports[round % 2];
                drop(listener.take());
                listener = Some(TcpListener::bind(("127.0.0.1", port)).unwrap());
                let uri = format!("PYRO:a@127.0.0.1:{port}");
                assert!(moved.put("a", Entry::new(uri, BTreeSet::new()), false).unwrap());
                thread::sleep(Duration::from_millis(1));
                assert!(moved.get("a").unwrap().is_some(), "gone in round {round}");
            }
        });
        let mut cleaner = cleaner(Duration::from_millis(100));
        let mut looks = 0;
        while !mover.is_finished() {
            cleaner.clean(&*store, &|| false);
            looks += 1;
        }
        mover.join().unwrap();
        assert!(looks > 100, "{looks}");
    }
}
