//! A client of the usual kind, which must not notice what is done to its server.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use ferropyro::{Proxy, Uri};

use crate::Problem;
use crate::server::Server;
use crate::trial::Trial;

/// A thread that makes calls until it is stopped.
pub(crate) struct Calls {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Record>,
}

/// How the calls went.
pub(crate) struct Record {
    times: Vec<Duration>,
    failures: Vec<String>,
}

/// Between two calls: what is measured is the server, not how busy the machine can be kept.
const PAUSE: Duration = Duration::from_millis(2);
/// Every so many calls a new connection is made.
const CALLS_A_CONNECTION: usize = 20;

impl Calls {
    pub(crate) fn start(server: &Server) -> Calls {
        let uri = server.uri.clone();
        let mut proxy = None;
        Calls::making(move |count| {
            if count.is_multiple_of(CALLS_A_CONNECTION) {
                proxy = None;
            }
            call(&uri, &mut proxy, count).inspect_err(|_| proxy = None)
        })
    }

    /// Of any kind; each is told how many came before.
    pub(crate) fn making(call: impl FnMut(usize) -> Result<(), Problem> + Send + 'static) -> Calls {
        let stop = Arc::new(AtomicBool::new(false));
        let wanted = Arc::clone(&stop);
        Calls {
            stop,
            thread: thread::spawn(move || call_until(call, &wanted)),
        }
    }

    /// Stops, and tells the trial how it went: no call may have failed.
    pub(crate) fn judge(self, trial: &mut Trial, goal: &str) -> Result<(), Problem> {
        self.stop.store(true, Ordering::Relaxed);
        let record = self.thread.join().map_err(|_| "the client panicked")?;
        let first = record.failures.first().map_or("", String::as_str);
        trial.expect(
            record.failures.is_empty() && !record.times.is_empty(),
            format_args!(
                "{} calls of a usual client, {} failed {first}",
                record.times.len(),
                record.failures.len()
            ),
        );
        trial.note(format_args!("{record} (goal: {goal})"));
        Ok(())
    }
}

fn call_until(mut call: impl FnMut(usize) -> Result<(), Problem>, wanted: &AtomicBool) -> Record {
    let mut record = Record {
        times: Vec::new(),
        failures: Vec::new(),
    };
    for count in 0usize.. {
        if wanted.load(Ordering::Relaxed) {
            break;
        }
        let begun = Instant::now();
        match call(count) {
            Ok(()) => record.times.push(begun.elapsed()),
            Err(problem) => record.failures.push(problem.to_string()),
        }
        thread::sleep(PAUSE);
    }
    record
}

fn call(uri: &Uri, proxy: &mut Option<Proxy>, number: usize) -> Result<(), Problem> {
    let proxy = match proxy {
        Some(proxy) => proxy,
        None => proxy.insert(Proxy::builder().timeout(Duration::from_secs(10)).build(uri.clone())?),
    };
    let answer: usize = proxy.call("echo", (number,))?;
    match answer == number {
        true => Ok(()),
        false => Err(format!("the echo of {number} is {answer}").into()),
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut times = self.times.clone();
        times.sort_unstable();
        let part = |of_a_thousand: usize| {
            let index = times.len() * of_a_thousand / 1000;
            times
                .get(index)
                .or(times.last())
                .copied()
                .unwrap_or_default()
                .as_secs_f64()
                * 1000.0
        };
        write!(
            f,
            "their times: half within {:.2} ms, 99 % within {:.2} ms, the longest {:.2} ms",
            part(500),
            part(990),
            part(1000)
        )
    }
}
