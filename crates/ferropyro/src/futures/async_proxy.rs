//! Calls in the background.

use std::fmt;
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ferropyro_formats::Dict;
use serde::Serialize;

use super::{Future, FutureResult};
use crate::arguments::Arguments;
use crate::{Error, ErrorKind, FromReply, Proxy, Result};

/// So many connections that no call uses are kept for later calls.
const MAX_IDLE: usize = 8;

/// How long to wait before asking a server again that had no free worker: at first, how much longer each time, and at the most.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGER: Duration = Duration::from_millis(400);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Makes the calls of a proxy in the background: Pyro4's `asyncproxy`.
///
/// Each call runs in a thread of its own, over a connection of its own, so that calls do not wait for each other. It returns a [`FutureResult`] at
/// once. What the thread that calls has set in its [context](crate::context), the correlation id and the annotations for the next call, goes
/// along.
///
/// Up to 8 connections that no call uses are kept for later calls. Remember that a connection takes up a thread of the server, and that objects made for
/// a session are made for a connection. A connection over which [`Items`](crate::Items) come is theirs until they are dropped, and closed then. When a
/// server has no free thread, calls wait until it has one, for no longer than the proxy's time limit.
///
/// ```
/// use ferropyro::futures::{AsyncProxy, FutureResult};
/// use ferropyro::{Daemon, Proxy, Result, expose};
///
/// struct Squares;
///
/// #[expose]
/// impl Squares {
///     pub fn square(&self, n: i64) -> i64 {
///         n * n
///     }
/// }
///
/// let daemon = Daemon::new()?;
/// let uri = daemon.register("squares", Squares)?;
/// let running = daemon.start();
///
/// let squares = AsyncProxy::new(Proxy::new(uri)?);
/// let results: Vec<FutureResult<i64>> = (1..=10).map(|n| squares.call("square", (n,))).collect();
/// let sum = results.iter().map(FutureResult::value).sum::<Result<i64>>()?;
/// assert_eq!(sum, 385);
///
/// let text = squares.call("square", (7,)).then(|n: i64| Ok(format!("7 squared is {n}")));
/// assert_eq!(text.value()?, "7 squared is 49");
/// # squares.release();
/// # running.stop();
/// # Ok::<(), ferropyro::Error>(())
/// ```
pub struct AsyncProxy {
    pool: Arc<Pool>,
}

impl AsyncProxy {
    /// Calls in the background for the object of this proxy, with its settings. If it is connected, its connection is the first one.
    pub fn new(proxy: Proxy) -> AsyncProxy {
        let pool = Pool {
            model: proxy.clone(),
            idle: Mutex::new(Idle {
                proxies: vec![proxy],
                ..Idle::default()
            }),
            freed: Condvar::new(),
        };
        AsyncProxy { pool: Arc::new(pool) }
    }

    /// As [`Proxy::call`], in the background. The errors are those of the result.
    pub fn call<R>(&self, method: &str, args: impl Arguments + Send + 'static) -> FutureResult<R>
    where
        R: FromReply + Send + 'static,
    {
        let method = method.to_owned();
        self.run(move |proxy| proxy.call(&method, args))
    }

    /// As [`Proxy::call_with`], in the background. The errors are those of the result.
    pub fn call_with<R>(&self, method: &str, args: impl Arguments + Send + 'static, kwargs: Dict) -> FutureResult<R>
    where
        R: FromReply + Send + 'static,
    {
        let method = method.to_owned();
        self.run(move |proxy| proxy.call_with(&method, args, &kwargs))
    }

    /// As [`Proxy::get`], in the background. The errors are those of the result.
    pub fn get<R: FromReply + Send + 'static>(&self, attribute: &str) -> FutureResult<R> {
        let attribute = attribute.to_owned();
        self.run(move |proxy| proxy.get(&attribute))
    }

    /// As [`Proxy::set`], in the background. The errors are those of the result.
    pub fn set<T: Serialize + Send + 'static>(&self, attribute: &str, value: T) -> FutureResult<()> {
        let attribute = attribute.to_owned();
        self.run(move |proxy| proxy.set(&attribute, value))
    }

    /// Does anything else with a proxy in the background, such as several calls one after another over one connection. The proxy is connected.
    /// The errors are those of connecting and of the work, in the result.
    pub fn run<R: Send + 'static>(&self, work: impl FnOnce(&Proxy) -> Result<R> + Send + 'static) -> FutureResult<R> {
        let pool = Arc::clone(&self.pool);
        let call = move || {
            let (proxy, releases) = pool.take()?;
            let result = work(&proxy);
            pool.give_back(proxy, releases);
            result
        };
        Future::with_luggage(call).start().unwrap_or_else(FutureResult::failed)
    }

    /// Closes the connections: those that no call uses now, the others when their calls are done. Later calls connect again.
    pub fn release(&self) {
        self.pool.release();
    }
}

/// Connections that are lent to calls.
struct Pool {
    /// Never connected itself.
    model: Proxy,
    idle: Mutex<Idle>,
    /// There is an idle proxy for one of those that wait.
    freed: Condvar,
}

#[derive(Default)]
struct Idle {
    proxies: Vec<Proxy>,
    /// How many calls wait for a proxy, since the server has no worker for one more.
    waiting: usize,
    /// Proxies that were lent before the last release are not kept.
    releases: u64,
}

impl Pool {
    /// A connected proxy, and what to say when giving it back.
    fn take(&self) -> Result<(Proxy, u64)> {
        let (proxy, releases) = {
            let mut idle = self.lock();
            (idle.pop(), idle.releases)
        };
        let mut proxy = proxy.unwrap_or_else(|| self.model.clone());
        let since = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            let error = match proxy.dialect() {
                Ok(_) => return Ok((proxy, releases)),
                Err(error) => error,
            };
            let left = self.patience().saturating_sub(since.elapsed());
            if !lacks_workers(&error) || left.is_zero() {
                return Err(error);
            }
            if let Some(free) = self.wait_for_idle(pause.min(left)) {
                proxy = free;
            }
            pause = longer(pause);
        }
    }

    /// How long a call waits for a free worker.
    fn patience(&self) -> Duration {
        self.model.timeout().unwrap_or(Duration::MAX)
    }

    /// A proxy that another call gives back within this time.
    fn wait_for_idle(&self, pause: Duration) -> Option<Proxy> {
        let mut idle = self.lock();
        idle.waiting += 1;
        let woken = self
            .freed
            .wait_timeout_while(idle, pause, |idle| idle.proxies.is_empty());
        idle = woken.unwrap_or_else(PoisonError::into_inner).0;
        idle.waiting -= 1;
        idle.pop()
    }

    fn give_back(&self, proxy: Proxy, releases: u64) {
        if !proxy.is_free() {
            return;
        }
        let mut idle = self.lock();
        if idle.releases == releases && idle.proxies.len() < MAX_IDLE + idle.waiting {
            idle.proxies.push(proxy);
            self.freed.notify_one();
        }
    }

    fn release(&self) {
        let mut idle = self.lock();
        idle.releases += 1;
        let proxies = mem::take(&mut idle.proxies);
        drop(idle);
        drop(proxies);
    }

    fn lock(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Idle {
    /// A proxy whose connection is free, and not closed by the server meanwhile; the other proxies are dropped.
    fn pop(&mut self) -> Option<Proxy> {
        while let Some(proxy) = self.proxies.pop() {
            if proxy.is_free() {
                return Some(proxy);
            }
        }
        None
    }
}

fn longer(pause: Duration) -> Duration {
    (pause + LONGER).min(LONGEST_PAUSE)
}

/// Whether a server of threads has refused the connection because it serves as many as it can.
fn lacks_workers(error: &Error) -> bool {
    error.kind() == ErrorKind::Communication && error.message().contains("no free workers")
}

/// Shows the URI.
impl fmt::Debug for AsyncProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AsyncProxy({})", self.pool.model.uri())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_two_seconds() {
        let pauses: Vec<Duration> = std::iter::successors(Some(FIRST_PAUSE), |&pause| Some(longer(pause)))
            .take(20)
            .collect();
        assert!(pauses.is_sorted());
        assert_eq!(pauses[..3], [100, 500, 900].map(Duration::from_millis));
        assert_eq!(pauses[19], Duration::from_secs(2));
    }
}
