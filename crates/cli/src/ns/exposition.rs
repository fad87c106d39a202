//! The text format of Prometheus, version 0.0.4.

use std::fmt::{Display, Write as _};
use std::time::{SystemTime, UNIX_EPOCH};

use ferropyro_nameserver::NameServerDaemon;

/// The metrics of a name server that was started then; without the number of names its store does not answer.
pub(super) fn text(nameserver: &NameServerDaemon, started: SystemTime, names: Option<usize>) -> String {
    let own = nameserver.object().statistics();
    let daemon = nameserver.daemon().statistics();
    let class = nameserver.object().store().capabilities().class;
    let mut page = Page::default();
    page.metric("build_info", "gauge", "The version of this name server.");
    page.sample(&[("version", env!("CARGO_PKG_VERSION"))], 1);
    page.metric("store_info", "gauge", "What the names are kept in.");
    page.sample(&[("class", class)], 1);
    page.metric("start_time_seconds", "gauge", "When it started, in seconds since 1970.");
    let started = started.duration_since(UNIX_EPOCH).unwrap_or_default();
    page.sample(&[], format_args!("{:.3}", started.as_secs_f64()));
    page.metric("store_up", "gauge", "Whether the store answers.");
    page.sample(&[], u8::from(names.is_some()));
    if let Some(names) = names {
        page.metric("names", "gauge", "Names that are registered, its own among them.");
        page.sample(&[], names);
    }
    page.metric("read_only", "gauge", "Whether clients can change nothing.");
    page.sample(&[], u8::from(own.is_read_only));
    page.metric("revision", "gauge", "The number of the latest change of a name.");
    page.sample(&[], own.revision);
    page.metric("watchers", "gauge", "Clients that wait for changes.");
    page.sample(&[], own.watchers);
    page.metric("calls_total", "counter", "Calls of its methods, by what came of them.");
    for calls in &own.calls {
        for (outcome, number) in [("ok", calls.succeeded), ("error", calls.failed)] {
            page.sample(&[("method", calls.method), ("outcome", outcome)], number);
        }
    }
    page.metric("connections", "gauge", "Connections of clients.");
    page.sample(&[], daemon.connections);
    page.metric(
        "failed_calls_total",
        "counter",
        "Calls that raised an exception, of whatever object.",
    );
    page.sample(&[], daemon.failed_calls);
    page.metric(
        "failed_oneway_calls_total",
        "counter",
        "Those of them whose callers do not know.",
    );
    page.sample(&[], daemon.failed_oneway_calls);
    page.text
}

#[derive(Default)]
struct Page {
    text: String,
    name: String,
}

impl Page {
    /// Begins a metric.
    fn metric(&mut self, name: &str, kind: &str, help: &str) {
        self.name = format!("ferropyro_nameserver_{name}");
        let name = &self.name;
        // Writing to a String does not fail.
        let _ = write!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    /// One value of the metric that was begun. The values of labels must not have quotes, backslashes or line breaks in them.
    fn sample(&mut self, labels: &[(&str, &str)], value: impl Display) {
        let labels: Vec<String> = labels
            .iter()
            .map(|(name, value)| format!("{name}=\"{value}\""))
            .collect();
        let labels = match labels.is_empty() {
            true => String::new(),
            false => format!("{{{}}}", labels.join(",")),
        };
        let _ = writeln!(self.text, "{}{labels} {value}", self.name);
    }
}
