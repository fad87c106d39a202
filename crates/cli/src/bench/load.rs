//! The calls.

use std::future;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ferropyro::{Error, Uri, aio};
use indicatif::{ProgressBar, ProgressStyle};
use serde::de::IgnoredAny;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until};

use super::Work;
use super::pace::{Pace, Rate};
use super::tally::{Tallies, Tally};
use crate::client::Client;
use crate::exit::Failure;

/// How long answers are waited for when nothing is asked any more.
const LAST_WAIT: Duration = Duration::from_secs(5);
/// So that a server which is gone is not asked as fast as it is not there.
const PAUSE_AFTER_AN_ERROR: Duration = Duration::from_millis(100);
/// How many connections are being made at the same time.
const CONNECTING: usize = 32;
/// How often the user is told how it goes.
const LOOK: Duration = Duration::from_millis(200);
const LAST_LOOK: Duration = Duration::from_millis(2);

/// Calls to be made.
#[derive(Debug)]
pub(super) struct Load {
    pub(super) uri: Uri,
    pub(super) work: Arc<Work>,
    pub(super) connections: u32,
    pub(super) rate: Option<Rate>,
    pub(super) warm_up: Duration,
    pub(super) end: End,
}

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub(super) enum End {
    After(Duration),
    Calls(u64),
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Measured {
    pub(super) tally: Tally,
    /// From the first call that counts to the last answer.
    pub(super) time: Duration,
    /// Messages that were not answered when it was over.
    pub(super) unanswered: u64,
}

/// The user's wish to see the result now.
#[derive(Debug, Clone, Default)]
pub(super) struct Stop(Arc<Notify>);

impl Stop {
    pub(super) fn press(&self) {
        self.0.notify_one();
    }
}

/// What the connections have in common.
#[derive(Debug)]
struct Course {
    work: Arc<Work>,
    tallies: Tallies,
    /// When what is measured begins.
    begins: Instant,
    /// Messages that are still to be begun.
    left: AtomicU64,
    is_over: AtomicBool,
    /// Messages without an answer yet.
    waiting: AtomicU64,
}

impl Load {
    /// Connects, makes the calls, and gives what was measured. A connection that cannot be made at the beginning is an error.
    pub(super) async fn run(&self, client: &Client, stop: &Stop) -> Result<Measured, Failure> {
        let proxies = self.connect(client).await?;
        let course = Arc::new(Course::new(self));
        let mut tasks = JoinSet::new();
        for (proxy, number) in proxies.into_iter().zip(0..) {
            let pace = Pace::new(self.rate, self.work.batch, number, self.connections);
            tasks.spawn(Arc::clone(&course).drive(proxy, number, pace));
        }
        tokio::select! {
            () = all(&mut tasks) => {}
            () = self.time_is_over(&course) => {}
            () = stop.0.notified() => {}
            () = self.show_progress(&course) => {}
        }
        Ok(course.finish().await)
    }

    async fn connect(&self, client: &Client) -> Result<Vec<aio::Proxy>, Failure> {
        let mut proxies = Vec::new();
        while proxies.len() < self.connections as usize {
            let mut binding = JoinSet::new();
            for _ in 0..CONNECTING.min(self.connections as usize - proxies.len()) {
                let proxy = client.settings().build_async(self.uri.clone())?;
                binding.spawn(async { proxy.bind().await.map(|()| proxy) });
            }
            for bound in binding.join_all().await {
                let remark = format!("{} of {} connections were made", proxies.len(), self.connections);
                proxies.push(bound.map_err(|error| Failure::from(error).with(remark))?);
            }
        }
        Ok(proxies)
    }

    async fn time_is_over(&self, course: &Course) {
        match self.end {
            End::After(duration) => sleep_until((course.begins + duration).into()).await,
            End::Calls(_) => future::pending().await,
        }
    }

    /// On standard error, if that is a terminal.
    async fn show_progress(&self, course: &Course) {
        let (length, template) = match self.end {
            End::After(duration) => (duration.as_millis() as u64, "{wide_bar} {msg}, {eta} left"),
            End::Calls(calls) => (calls, "{wide_bar} {pos} of {len}, {msg}"),
        };
        let bar = ProgressBar::new(length);
        bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
        // Taken away when this is not waited for any more.
        let bar = Cleared(bar);
        loop {
            let calls = course.tallies.calls();
            let time = course.begins.elapsed();
            bar.0.set_position(match self.end {
                End::After(_) => time.as_millis() as u64,
                End::Calls(_) => calls,
            });
            bar.0.set_message(match calls {
                0 => "warming up".to_owned(),
                calls => format!("{:.0} calls a second", calls as f64 / time.as_secs_f64()),
            });
            sleep(LOOK).await;
        }
    }
}

/// A bar that goes away.
struct Cleared(ProgressBar);

impl Drop for Cleared {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

async fn all(tasks: &mut JoinSet<()>) {
    while tasks.join_next().await.is_some() {}
}

impl Course {
    fn new(load: &Load) -> Course {
        let per_message = u64::from(load.work.batch.map_or(1, NonZeroU32::get));
        Course {
            work: Arc::clone(&load.work),
            tallies: Tallies::new(),
            begins: Instant::now() + load.warm_up,
            left: AtomicU64::new(match load.end {
                End::After(_) => u64::MAX,
                End::Calls(calls) => calls.div_ceil(per_message),
            }),
            is_over: AtomicBool::new(false),
            waiting: AtomicU64::new(0),
        }
    }

    /// One connection's messages, until there are enough.
    async fn drive(self: Arc<Course>, proxy: aio::Proxy, number: u32, mut pace: Pace) {
        loop {
            let began = pace.turn().await;
            let counts = began >= self.begins;
            if self.is_over.load(Ordering::Relaxed) || counts && !self.takes_one() {
                return;
            }
            self.waiting.fetch_add(1, Ordering::Relaxed);
            let outcome = self.work.send(&proxy).await;
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            if counts {
                self.tallies.of(number).note(began, &outcome);
            }
            if outcome.connection_failed {
                sleep(PAUSE_AFTER_AN_ERROR).await;
            }
        }
    }

    /// Whether there was one left to be begun.
    fn takes_one(&self) -> bool {
        let take = |left: u64| left.checked_sub(1);
        self.left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
            .is_ok()
    }

    /// Waits for the answers that are due, and gives all that was seen.
    async fn finish(&self) -> Measured {
        self.is_over.store(true, Ordering::Relaxed);
        let asked = Instant::now();
        while self.waiting.load(Ordering::Relaxed) > 0 && asked.elapsed() < LAST_WAIT {
            sleep(LAST_LOOK).await;
        }
        let tally = self.tallies.sum();
        let last = tally.last.unwrap_or(self.begins);
        Measured {
            time: last.saturating_duration_since(self.begins),
            tally,
            unanswered: self.waiting.load(Ordering::Relaxed),
        }
    }
}

/// What came of a message.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) calls: u64,
    /// How many of them failed, and why the first one did.
    pub(super) failed: Option<(u64, String)>,
    connection_failed: bool,
}

impl Work {
    async fn send(&self, proxy: &aio::Proxy) -> Sent {
        let calls = u64::from(self.batch.map_or(1, NonZeroU32::get));
        let (succeeded, error) = match self.batch {
            None => match proxy
                .call_with::<IgnoredAny>(&self.method, &self.args, &self.kwargs)
                .await
            {
                Ok(_) => (1, None),
                Err(error) => (0, Some(error)),
            },
            Some(batch) => self.send_batch(proxy, batch).await,
        };
        Sent {
            calls,
            connection_failed: error.as_ref().is_some_and(|error| error.as_remote().is_none()),
            failed: error.map(|error| (calls - succeeded, error.to_string())),
        }
    }

    /// Gives how many calls succeeded; after one that fails there are none.
    async fn send_batch(&self, proxy: &aio::Proxy, size: NonZeroU32) -> (u64, Option<Error>) {
        let mut batch = proxy.batch();
        for _ in 0..size.get() {
            batch.call_with(&self.method, &self.args, &self.kwargs);
        }
        let results = match batch.run().await {
            Ok(results) => results,
            Err(error) => return (0, Some(error)),
        };
        let mut succeeded = 0;
        for result in results {
            match result {
                Ok(_) => succeeded += 1,
                Err(error) => return (succeeded, Some(error)),
            }
        }
        (succeeded, None)
    }
}
