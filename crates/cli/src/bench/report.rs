//! What the user is told.

use std::fmt;
use std::time::Duration;

use ferropyro::{Dict, Serializer, Value};

use super::load::{Load, Measured};
use crate::exit::{Exit, Failure};
use crate::json::{self, Format};
use crate::output;

/// What --check asks for.
const PART_OF_THE_RATE: f64 = 0.9;
const SLOWEST: Duration = Duration::from_millis(500);
const DEVIATION: Duration = Duration::from_millis(100);

/// The shares of the calls whose times are told, in percent, and how they are called in JSON; those that there are calls enough for.
const SHARES: [(f64, &str); 5] = [
    (50.0, "p50"),
    (90.0, "p90"),
    (99.0, "p99"),
    (99.9, "p99.9"),
    (99.99, "p99.99"),
];

/// A load and what came of it.
#[derive(Debug)]
pub(super) struct Report {
    load: Load,
    serializer: Serializer,
    measured: Measured,
}

impl Report {
    pub(super) fn new(load: Load, serializer: Serializer, measured: Measured) -> Report {
        Report {
            load,
            serializer,
            measured,
        }
    }

    pub(super) fn has_failures(&self) -> bool {
        self.measured.tally.failed > 0 || self.measured.unanswered > 0
    }

    /// Prints all of it.
    pub(super) fn print(&self, format: &Format) -> Result<(), Failure> {
        match format.is_json() {
            true => output::line(json::to_json(Value::Dict(self.to_dict()))?),
            false => output::text(self),
        }
        Ok(())
    }

    /// Says what keeps it from being good enough; gives the status of that.
    pub(super) fn check(&self) -> Exit {
        let complaints = self.complaints();
        for complaint in &complaints {
            output::note(format_args!("not good enough: {complaint}"));
        }
        if complaints.is_empty() { Exit::Ok } else { Exit::Failed }
    }

    fn complaints(&self) -> Vec<String> {
        let Measured { tally, unanswered, .. } = &self.measured;
        let mut complaints = Vec::new();
        if self.has_failures() {
            complaints.push(format!("{} calls failed, {unanswered} were not answered", tally.failed));
        }
        let reached = self.rate();
        if let Some(wanted) = self
            .load
            .rate
            .filter(|wanted| reached < wanted.per_second() * PART_OF_THE_RATE)
        {
            let share = reached / wanted.per_second() * 100.0;
            complaints.push(format!(
                "{share:.0} % of the rate were reached, and not {:.0} %",
                PART_OF_THE_RATE * 100.0
            ));
        }
        let slowest = Duration::from_nanos(tally.took.max());
        if slowest >= SLOWEST {
            complaints.push(format!(
                "the slowest took {} ms, and not less than {} ms",
                slowest.as_millis(),
                SLOWEST.as_millis()
            ));
        }
        let deviation = tally.took.stdev() / 1e6;
        if deviation >= DEVIATION.as_millis() as f64 {
            complaints.push(format!(
                "the deviation is {deviation:.0} ms, and not below {} ms",
                DEVIATION.as_millis()
            ));
        }
        complaints
    }

    /// Answered calls a second.
    fn rate(&self) -> f64 {
        let calls = self.measured.tally.calls - self.measured.tally.failed;
        match self.measured.time.as_secs_f64() {
            0.0 => 0.0,
            seconds => calls as f64 / seconds,
        }
    }

    /// Names and times in milliseconds, for the table and for JSON.
    fn times(&self) -> impl Iterator<Item = (String, &'static str, f64)> {
        let took = &self.measured.tally.took;
        let shares = SHARES
            .into_iter()
            // One call at the least has to be among the slower ones.
            .filter(|(percent, _)| took.len() as f64 * (100.0 - percent) > 99.999)
            .map(|(percent, key)| (format!("{percent} %"), key, took.value_at_percentile(percent) as f64));
        let least = ("least".to_owned(), "min", took.min() as f64);
        let rest = [
            ("most".to_owned(), "max", took.max() as f64),
            ("mean".to_owned(), "mean", took.mean()),
            ("deviation".to_owned(), "stddev", took.stdev()),
        ];
        let all = std::iter::once(least).chain(shares).chain(rest);
        all.map(|(name, key, nanoseconds)| (name, key, nanoseconds / 1e6))
    }

    fn to_dict(&self) -> Dict {
        let Measured {
            tally,
            time,
            unanswered,
        } = &self.measured;
        let count = |count: u64| Value::from(i64::try_from(count).unwrap_or(i64::MAX));
        let mut dict = Dict::new();
        dict.insert("uri", Value::from(self.load.uri.to_string()));
        dict.insert("method", Value::from(self.load.work.method.clone()));
        dict.insert("serializer", Value::from(self.serializer.name()));
        dict.insert("connections", Value::from(i64::from(self.load.connections)));
        dict.insert(
            "batch",
            self.load
                .work
                .batch
                .map_or(Value::None, |batch| Value::from(i64::from(batch.get()))),
        );
        dict.insert(
            "wanted_rate",
            self.load
                .rate
                .map_or(Value::None, |rate| Value::from(rate.per_second())),
        );
        dict.insert("seconds", Value::from(time.as_secs_f64()));
        dict.insert("calls", count(tally.calls));
        dict.insert("failed", count(tally.failed));
        dict.insert("unanswered_messages", count(*unanswered));
        dict.insert("rate", Value::from(self.rate()));
        let times = self
            .times()
            .map(|(_, key, milliseconds)| (Value::from(key), Value::from(milliseconds)));
        dict.insert("latency_ms", Value::Dict(times.collect()));
        let errors = tally
            .errors
            .iter()
            .map(|(error, calls)| (Value::from(error.as_str()), count(*calls)));
        dict.insert("errors", Value::Dict(errors.collect()));
        dict
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Measured {
            tally,
            time,
            unanswered,
        } = &self.measured;
        let plural = if self.load.connections == 1 { "" } else { "s" };
        write!(
            f,
            "{}, method {}, {}, {} connection{plural}",
            self.load.uri,
            self.load.work.method,
            self.serializer.name(),
            self.load.connections
        )?;
        match self.load.work.batch {
            Some(batch) => writeln!(f, ", {batch} calls in a message")?,
            None => writeln!(f)?,
        }
        write!(
            f,
            "{} calls in {:.2} s, {:.1} a second",
            tally.calls,
            time.as_secs_f64(),
            self.rate()
        )?;
        match self.load.rate {
            Some(wanted) => writeln!(f, " of {} wanted", wanted.per_second())?,
            None => writeln!(f)?,
        }
        if *unanswered > 0 {
            writeln!(f, "{unanswered} messages were not answered")?;
        }
        if tally.failed > 0 {
            writeln!(f, "{} calls failed:", tally.failed)?;
        }
        for (error, calls) in &tally.errors {
            writeln!(f, "{calls:>9}  {error}")?;
        }
        let what = if self.load.work.batch.is_some() {
            "message"
        } else {
            "call"
        };
        writeln!(f, "\nms until a {what} was answered")?;
        for (name, _, milliseconds) in self.times() {
            writeln!(f, "{name:>9}  {milliseconds:.3}")?;
        }
        Ok(())
    }
}
