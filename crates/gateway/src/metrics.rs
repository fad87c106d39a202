//! What has happened, in numbers.

use std::fmt::{Display, Write};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use hyper::StatusCode;

/// The upper bounds of the times that requests take, in microseconds and as Prometheus wants them.
const BOUNDS: [(u64, &str); 10] = [
    (500, "0.0005"),
    (1_000, "0.001"),
    (2_500, "0.0025"),
    (5_000, "0.005"),
    (10_000, "0.01"),
    (50_000, "0.05"),
    (250_000, "0.25"),
    (1_000_000, "1"),
    (5_000_000, "5"),
    (30_000_000, "30"),
];

#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Relaxed);
    }

    fn value(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// The numbers of one gateway.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    in_progress: AtomicU64,
    /// By the first digit of the status.
    answers: [Count; 6],
    /// By their time; those that take longest are in none of them.
    times: [Count; BOUNDS.len()],
    microseconds: AtomicU64,
    pub(crate) lookups: Count,
    pub(crate) opened: Count,
    pub(crate) reused: Count,
    pub(crate) events: Count,
}

/// A request that is being answered; it counts as over when this is dropped, answered or not.
pub(crate) struct InProgress<'m>(&'m Metrics);

impl Drop for InProgress<'_> {
    fn drop(&mut self) {
        self.0.in_progress.fetch_sub(1, Relaxed);
    }
}

impl Metrics {
    pub(crate) fn begin(&self) -> InProgress<'_> {
        self.in_progress.fetch_add(1, Relaxed);
        InProgress(self)
    }

    pub(crate) fn answered(&self, status: StatusCode, time: Duration) {
        if let Some(count) = self.answers.get(usize::from(status.as_u16() / 100)) {
            count.add();
        }
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.microseconds.fetch_add(micros, Relaxed);
        let place = BOUNDS.iter().position(|(bound, _)| micros <= *bound);
        if let Some(count) = place.and_then(|place| self.times.get(place)) {
            count.add();
        }
    }

    /// In the text format of Prometheus, version 0.0.4. `idle` is the number of connections to objects that are kept.
    pub(crate) fn text(&self, idle: usize) -> String {
        let mut page = Page::default();
        let classes = ["", "1xx", "2xx", "3xx", "4xx", "5xx"];
        page.metric("requests_total", "counter", "Requests that were answered, by status.");
        for (class, count) in classes.iter().zip(&self.answers).skip(1) {
            page.sample(&format!("{{status=\"{class}\"}}"), count.value());
        }
        page.metric("requests_in_progress", "gauge", "Requests that are not answered yet.");
        page.sample("", self.in_progress.load(Relaxed));
        page.metric(
            "request_seconds",
            "histogram",
            "Time from the head of a request to that of the answer.",
        );
        self.histogram(&mut page);
        page.metric("lookups_total", "counter", "Names that the name server was asked for.");
        page.sample("", self.lookups.value());
        page.metric(
            "connections_opened_total",
            "counter",
            "Connections to objects that were made.",
        );
        page.sample("", self.opened.value());
        page.metric(
            "connections_reused_total",
            "counter",
            "Times that a connection to an object was used again.",
        );
        page.sample("", self.reused.value());
        page.metric(
            "connections_idle",
            "gauge",
            "Connections to objects that are kept for later requests.",
        );
        page.sample("", idle as u64);
        page.metric(
            "events_total",
            "counter",
            "Items of iterators that were sent as events.",
        );
        page.sample("", self.events.value());
        page.0
    }

    fn histogram(&self, page: &mut Page) {
        let total: u64 = self.answers.iter().map(Count::value).sum();
        let mut below = 0;
        for ((_, bound), count) in BOUNDS.iter().zip(&self.times) {
            below += count.value();
            page.sample(&format!("_bucket{{le=\"{bound}\"}}"), below);
        }
        // The counts are read one by one while others go on; a histogram must not go down.
        let total = total.max(below);
        page.sample("_bucket{le=\"+Inf\"}", total);
        page.sample("_sum", self.microseconds.load(Relaxed) as f64 / 1e6);
        page.sample("_count", total);
    }
}

/// The text, and the name of the metric that was begun last.
#[derive(Default)]
struct Page(String, &'static str);

impl Page {
    fn metric(&mut self, name: &'static str, kind: &str, help: &str) {
        self.1 = name;
        // Writing to a String does not fail.
        let _ = write!(
            self.0,
            "# HELP ferropyro_gateway_{name} {help}\n# TYPE ferropyro_gateway_{name} {kind}\n"
        );
    }

    /// A value of it, with what follows the name.
    fn sample(&mut self, rest: &str, value: impl Display) {
        let _ = writeln!(self.0, "ferropyro_gateway_{}{rest} {value}", self.1);
    }
}
