//! The endpoints of an etcd cluster, and requests to whichever of them answers.

use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use etcd_client::{Client, ConnectOptions, KvClient, LeaseClient, WatchClient};
use tokio::time::{Instant, sleep, timeout_at};

use super::failure::{Failure, Outcome, Trouble};

/// How long an operation takes at most, with all its requests and their attempts. A leader that is lost is replaced in less, and clients of five seconds get an answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(4);
/// After this time without an answer a change gets none any more: it was on its way to a leader that is gone. The caller hears of it in time to try again.
const UNANSWERED: Duration = Duration::from_secs(3);
/// After this time without an answer other requests go to another endpoint.
const SUSPICIOUS: Duration = Duration::from_secs(1);
/// For this time an endpoint that was silent is asked after the others.
const REMEMBERED: Duration = Duration::from_secs(10);
/// How often a connection is tried that says nothing. etcd does not like it to be more often than every five seconds.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(50);
/// With less time than this nothing more is attempted: it would say no more than that the time was too short.
const TOO_LATE: Duration = Duration::from_millis(500);

/// The endpoints. There is a connection to each that has been needed so far.
pub(super) struct Cluster {
    endpoints: Vec<Endpoint>,
    /// The one that is asked first: the one that answered last.
    current: AtomicUsize,
}

struct Endpoint {
    address: String,
    clients: Clients,
    /// When it gave no answer last.
    silent: Mutex<Option<Instant>>,
}

/// What can be asked of an endpoint.
#[derive(Clone)]
pub(super) struct Clients {
    pub(super) kv: KvClient,
    pub(super) lease: LeaseClient,
    pub(super) watch: WatchClient,
}

/// What a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// One that may be repeated, and takes hardly any time.
    Quick,
    /// One that may be repeated, and takes its time.
    Long,
    /// One that must not be repeated unless it is known not to have been carried out.
    Change,
}

impl Cluster {
    /// The cluster with these endpoints, `HOST:PORT` each. Nothing is connected yet.
    pub(super) async fn new(addresses: Vec<String>) -> Result<Cluster, Failure> {
        let mut endpoints = Vec::with_capacity(addresses.len());
        for address in addresses {
            let options = ConnectOptions::new()
                .with_connect_timeout(SUSPICIOUS)
                // A member without the others says so at once.
                .with_require_leader(true)
                .with_keep_alive(KEEP_ALIVE, PATIENCE);
            // One client each: one for all of them would choose by itself whom to ask, those that are gone included.
            let client = Client::connect([&address], Some(options)).await;
            let client = client.map_err(|error| Failure::new(format!("{address}: {error}")))?;
            let clients = Clients {
                kv: client.kv_client(),
                lease: client.lease_client(),
                watch: client.watch_client(),
            };
            endpoints.push(Endpoint {
                address,
                clients,
                silent: Mutex::default(),
            });
        }
        Ok(Cluster {
            endpoints,
            current: AtomicUsize::new(0),
        })
    }

    /// Sends a request until an endpoint answers, or the time is over.
    pub(super) async fn request<T, Sent>(
        &self,
        kind: Kind,
        end: Instant,
        send: impl Fn(Clients) -> Sent,
    ) -> Result<T, Failure>
    where
        Sent: Future<Output = Result<T, etcd_client::Error>>,
    {
        let mut failure = Failure::default();
        loop {
            let index = self.current();
            let endpoint = &self.endpoints[index];
            let answer = send(endpoint.clients.clone());
            let trouble = match self.attempt(index, kind, end, answer).await {
                Ok(answer) => return Ok(answer),
                Err(trouble) => trouble,
            };
            failure.add(&endpoint.address, trouble.text);
            failure.is_unknown = kind == Kind::Change && trouble.outcome == Outcome::Unknown;
            if trouble.outcome == Outcome::Refused {
                return Err(failure);
            }
            self.leave(index);
            if failure.is_unknown || failure.is_too_long() || Instant::now() + TOO_LATE >= end {
                return Err(failure);
            }
            sleep(PAUSE).await;
        }
    }

    async fn attempt<T>(
        &self,
        index: usize,
        kind: Kind,
        end: Instant,
        answer: impl Future<Output = Result<T, etcd_client::Error>>,
    ) -> Result<T, Trouble> {
        let began = Instant::now();
        let mut answer = pin!(answer);
        let mut result = timeout_at(end.min(began + SUSPICIOUS), &mut answer).await;
        if result.is_err() {
            *self.silent(index) = Some(Instant::now());
            self.leave(index);
            let patience = match kind {
                Kind::Change => UNANSWERED,
                _ if self.endpoints.len() == 1 => PATIENCE,
                Kind::Quick => SUSPICIOUS,
                Kind::Long => PATIENCE / 2,
            };
            result = timeout_at(end.min(began + patience), answer).await;
        }
        match result {
            Ok(result) => result.map_err(Trouble::from),
            Err(_) => Err(Trouble::silence(began.elapsed().as_secs_f64())),
        }
    }

    /// Which endpoint to ask.
    pub(super) fn current(&self) -> usize {
        self.current.load(Ordering::Relaxed)
    }

    pub(super) fn address(&self, index: usize) -> &str {
        &self.endpoints[index].address
    }

    pub(super) fn clients(&self, index: usize) -> Clients {
        self.endpoints[index].clients.clone()
    }

    /// Asks another endpoint from now on, unless that has happened already: one that has not been silent of late, if there is one.
    pub(super) fn leave(&self, index: usize) {
        let count = self.endpoints.len();
        let others = (1..count).map(|step| (index + step) % count);
        let silent = |index: &usize| self.silent(*index).filter(|when| when.elapsed() < REMEMBERED);
        let next = others.min_by_key(silent).unwrap_or(index);
        let left = self
            .current
            .compare_exchange(index, next, Ordering::Relaxed, Ordering::Relaxed);
        if left.is_ok() && next != index {
            let (old, new) = (self.address(index), self.address(next));
            tracing::debug!("etcd: {old} is asked no more, {new} is");
        }
    }

    fn silent(&self, index: usize) -> MutexGuard<'_, Option<Instant>> {
        self.endpoints[index]
            .silent
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
