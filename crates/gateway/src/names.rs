//! Where objects are: what the name server says.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ferropyro::{Arguments, Dict, Error, ErrorKind, FromReply, Uri, aio, naming};
use tokio::sync;
use tokio::time::timeout;

use crate::failure::Failure;
use crate::metrics::Metrics;

/// The most connections to the name server that are kept while nobody uses them: some name servers have a thread for each.
const MOST_IDLE: usize = 4;
/// How long such a connection is good without having been used.
const KEPT_FOR: Duration = Duration::from_secs(10);
/// How long the name server may take over it, before it is looked for anew.
const PATIENCE: Duration = Duration::from_secs(5);

/// The name server. Every request asks it anew, so that a call goes to where the name points at that time; those who ask for the same name at the same time
/// ask together.
pub(crate) struct Names {
    settings: naming::Settings,
    idle: Mutex<Vec<(aio::Proxy, Instant)>>,
    /// The names that somebody asks for at present, and how many do.
    lookups: Mutex<HashMap<String, (usize, Arc<Lookup>)>>,
}

/// Where a name leads.
type Place = Result<Arc<Uri>, Failure>;

/// A name that somebody asks for at present.
#[derive(Default)]
struct Lookup {
    /// Those who have come so far.
    arrivals: AtomicU64,
    /// The last answer, and how many had come when the question was sent: theirs it is too.
    answer: sync::Mutex<Option<(u64, Place)>>,
}

/// Somebody who asks for a name.
struct Asking<'n> {
    names: &'n Names,
    name: &'n str,
    lookup: Arc<Lookup>,
}

impl Names {
    pub(crate) fn new(settings: naming::Settings) -> Names {
        Names {
            settings,
            idle: Mutex::default(),
            lookups: Mutex::default(),
        }
    }

    /// Where the object of this name is, as the name server says after this was called.
    pub(crate) async fn lookup(&self, name: &str, metrics: &Metrics) -> Place {
        let asking = Asking::new(self, name);
        let place = asking.lookup.arrivals.fetch_add(1, Ordering::SeqCst) + 1;
        let mut known = asking.lookup.answer.lock().await;
        if let Some((asked_for, answer)) = &*known
            && *asked_for >= place
        {
            return answer.clone();
        }
        let asked_for = asking.lookup.arrivals.load(Ordering::SeqCst);
        metrics.lookups.add();
        let found = self.call("lookup", &(name,), &Dict::new()).await;
        let answer = found.map(|(_, uri)| Arc::new(uri)).map_err(Failure::of_lookup);
        *known = Some((asked_for, answer.clone()));
        answer
    }

    /// Calls a method of the name server that changes nothing. Gives its URI too.
    pub(crate) async fn call<R: FromReply>(
        &self,
        method: &str,
        args: &impl Arguments,
        kwargs: &Dict,
    ) -> Result<(Uri, R), Error> {
        if let Some(nameserver) = self.take() {
            match timeout(PATIENCE, nameserver.call_with(method, args, kwargs)).await {
                // It has ended meanwhile, is somewhere else, or the network has lost the connection without a word.
                Err(_) => {}
                Ok(Err(error)) if is_of_the_connection(&error) => {}
                Ok(answer) => {
                    let uri = nameserver.uri();
                    self.put_back(nameserver);
                    return Ok((uri, answer?));
                }
            }
        }
        let nameserver = aio::locate_ns_with(None, &self.settings).await?;
        let answer = nameserver.call_with(method, args, kwargs).await;
        let uri = nameserver.uri();
        self.put_back(nameserver);
        Ok((uri, answer?))
    }

    fn take(&self) -> Option<aio::Proxy> {
        loop {
            let (proxy, since) = lock(&self.idle).pop()?;
            if since.elapsed() < KEPT_FOR && proxy.is_free() {
                return Some(proxy);
            }
        }
    }

    fn put_back(&self, nameserver: aio::Proxy) {
        let mut idle = lock(&self.idle);
        if idle.len() < MOST_IDLE && nameserver.is_free() {
            idle.push((nameserver, Instant::now()));
        }
    }
}

impl<'n> Asking<'n> {
    fn new(names: &'n Names, name: &'n str) -> Asking<'n> {
        let mut lookups = lock(&names.lookups);
        let lookup = match lookups.get_mut(name) {
            Some((asking, lookup)) => {
                *asking += 1;
                Arc::clone(lookup)
            }
            None => Arc::clone(&lookups.entry(name.to_owned()).or_insert((1, Arc::default())).1),
        };
        Asking { names, name, lookup }
    }
}

/// The last one to leave forgets the name.
impl Drop for Asking<'_> {
    fn drop(&mut self) {
        let mut lookups = lock(&self.names.lookups);
        if let Some((asking, _)) = lookups.get_mut(self.name) {
            *asking -= 1;
            if *asking == 0 {
                lookups.remove(self.name);
            }
        }
    }
}

fn is_of_the_connection(error: &Error) -> bool {
    let kinds = [
        ErrorKind::Communication,
        ErrorKind::ConnectionClosed,
        ErrorKind::Timeout,
        ErrorKind::Protocol,
    ];
    error.as_remote().is_none() && kinds.contains(&error.kind())
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Names")
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_forgotten_when_the_last_one_who_asks_for_it_leaves() {
        let names = Names::new(naming::Settings::default());
        let first = Asking::new(&names, "a");
        let second = Asking::new(&names, "a");
        let other = Asking::new(&names, "b");
        assert!(Arc::ptr_eq(&first.lookup, &second.lookup));
        drop(first);
        assert_eq!(lock(&names.lookups).len(), 2);
        // As if it were in the midst of leaving: what else holds the look-up does not count.
        let _held = Arc::clone(&second.lookup);
        drop(second);
        drop(other);
        assert!(lock(&names.lookups).is_empty());
    }
}
