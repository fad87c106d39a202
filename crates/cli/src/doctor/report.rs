//! What the checks have found: verdicts, facts and remedies, as text or as JSON.

use ferropyro::{Dict, Value};

use crate::exit::{Exit, Failure};
use crate::json;
use crate::output::{self, Colour};

/// The number of the form of the JSON document. It changes when a program that reads the old form could not read the new one.
const SCHEMA: u32 = 1;

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// As it should be.
    Ok,
    /// It works here and now, and will not work for everybody, or not for long.
    Warning,
    /// It does not work.
    Failed,
    /// It could not be looked at, as something before it has failed.
    Skipped,
}

impl Verdict {
    fn word(self) -> &'static str {
        match self {
            Verdict::Ok => "ok",
            Verdict::Warning => "warning",
            Verdict::Failed => "failed",
            Verdict::Skipped => "skipped",
        }
    }

    fn colour(self) -> Colour {
        match self {
            Verdict::Ok => Colour::Green,
            Verdict::Warning => Colour::Yellow,
            Verdict::Failed => Colour::Red,
            Verdict::Skipped => Colour::Grey,
        }
    }
}

/// What is checked. The ids are part of the interface: programs look for them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject {
    id: &'static str,
    title: &'static str,
}

impl Subject {
    pub(super) const fn new(id: &'static str, title: &'static str) -> Subject {
        Subject { id, title }
    }

    pub(super) fn id(self) -> &'static str {
        self.id
    }

    pub(super) fn ok(self, found: impl Into<String>) -> Check {
        self.check(Verdict::Ok, found.into(), None)
    }

    pub(super) fn warning(self, found: impl Into<String>, remedy: impl Into<String>) -> Check {
        self.check(Verdict::Warning, found.into(), Some(remedy.into()))
    }

    pub(super) fn failed(self, found: impl Into<String>, remedy: impl Into<String>) -> Check {
        self.check(Verdict::Failed, found.into(), Some(remedy.into()))
    }

    pub(super) fn skipped(self, why: impl Into<String>) -> Check {
        self.check(Verdict::Skipped, why.into(), None)
    }

    fn check(self, verdict: Verdict, found: String, remedy: Option<String>) -> Check {
        Check {
            subject: self,
            verdict,
            found,
            facts: Vec::new(),
            remedy,
        }
    }
}

/// A check that was made.
#[derive(Debug, Clone)]
pub(super) struct Check {
    subject: Subject,
    verdict: Verdict,
    found: String,
    facts: Vec<(&'static str, Value)>,
    remedy: Option<String>,
}

impl Check {
    pub(super) fn id(&self) -> &'static str {
        self.subject.id
    }

    #[cfg(test)]
    pub(super) fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// The same with a detail. A name may come more than once.
    #[must_use]
    pub(super) fn fact(mut self, name: &'static str, value: impl Into<Value>) -> Check {
        self.facts.push((name, value.into()));
        self
    }

    /// The same with a detail for each of these.
    #[must_use]
    pub(super) fn facts<V: Into<Value>>(mut self, name: &'static str, values: impl IntoIterator<Item = V>) -> Check {
        self.facts.extend(values.into_iter().map(|value| (name, value.into())));
        self
    }

    /// What is printed behind the verdict.
    fn line(&self) -> String {
        format!("{}: {}  [{}]", self.subject.title, self.found, self.subject.id)
    }

    /// What stands under the line: the remedy; and the facts, which only explain what is wrong, unless somebody wants to see them all.
    fn details(&self, is_verbose: bool) -> Vec<String> {
        let mut lines = Vec::new();
        let is_asked_for = is_verbose || matches!(self.verdict, Verdict::Warning | Verdict::Failed);
        for (name, value) in self.facts.iter().filter(|_| is_asked_for) {
            let text = match value {
                Value::Str(text) => text.to_string(),
                other => other.to_string(),
            };
            // What the line says already need not be said again.
            if !self.found.contains(&text) {
                lines.push(format!("{name}: {text}"));
            }
        }
        lines.extend(self.remedy.iter().map(|remedy| format!("-> {remedy}")));
        lines
    }

    fn to_value(&self) -> Value {
        let facts = self
            .facts
            .iter()
            .map(|(name, value)| Value::Dict(Dict::from([("name", Value::from(*name)), ("value", value.clone())])));
        Value::Dict(Dict::from([
            ("id", Value::from(self.subject.id)),
            ("title", Value::from(self.subject.title)),
            ("verdict", Value::from(self.verdict.word())),
            ("found", Value::from(self.found.as_str())),
            ("facts", Value::List(facts.collect())),
            ("remedy", self.remedy.as_deref().map_or(Value::None, Value::from)),
        ]))
    }
}

/// A number of things, in words.
pub(super) fn counted(count: usize, thing: &str) -> String {
    match count {
        1 => format!("1 {thing}"),
        count => format!("{count} {thing}s"),
    }
}

/// All checks, in their order.
#[derive(Debug, Default)]
pub(super) struct Report {
    checks: Vec<Check>,
}

impl Report {
    pub(super) fn add(&mut self, check: Check) {
        self.checks.push(check);
    }

    pub(super) fn extend(&mut self, checks: impl IntoIterator<Item = Check>) {
        self.checks.extend(checks);
    }

    /// 1 if anything does not work.
    pub(super) fn exit(&self) -> Exit {
        match self.count(Verdict::Failed) {
            0 => Exit::Ok,
            _ => Exit::Failed,
        }
    }

    pub(super) fn print(&self, is_verbose: bool) {
        for check in &self.checks {
            let word = format!("{:<8}", check.verdict.word());
            output::marked(check.verdict.colour(), word, check.line());
            for detail in check.details(is_verbose) {
                output::line(format_args!("{INDENT}{}", detail.replace('\n', INDENTED_BREAK)));
            }
        }
        output::line(format_args!("\n{}", self.summary()));
    }

    pub(super) fn to_json(&self, target: Option<&str>) -> Result<String, Failure> {
        let count = |verdict| Value::from(self.count(verdict) as u64);
        json::to_json(Value::Dict(Dict::from([
            ("schema", Value::from(SCHEMA)),
            ("ferropyro", Value::from(env!("CARGO_PKG_VERSION"))),
            ("target", target.map_or(Value::None, Value::from)),
            ("ok", count(Verdict::Ok)),
            ("warnings", count(Verdict::Warning)),
            ("failed", count(Verdict::Failed)),
            ("skipped", count(Verdict::Skipped)),
            ("checks", Value::List(self.checks.iter().map(Check::to_value).collect())),
        ])))
    }

    fn summary(&self) -> String {
        let count = |verdict| self.count(verdict);
        let mut text = format!(
            "{} checks: {} ok, {} with a warning, {} failed, {} skipped",
            self.checks.len(),
            count(Verdict::Ok),
            count(Verdict::Warning),
            count(Verdict::Failed),
            count(Verdict::Skipped)
        );
        // What fails first is usually the reason of what fails after it.
        if let Some(first) = self.checks.iter().find(|check| check.verdict == Verdict::Failed) {
            text += &format!("; begin with {}", first.subject.id);
        }
        text
    }

    fn count(&self, verdict: Verdict) -> usize {
        self.checks.iter().filter(|check| check.verdict == verdict).count()
    }
}

const INDENT: &str = "         ";
const INDENTED_BREAK: &str = "\n           ";

#[cfg(test)]
mod tests {
    use super::*;

    const SUBJECT: Subject = Subject::new("some.thing", "Some thing");

    fn report(checks: impl IntoIterator<Item = Check>) -> Report {
        let mut report = Report::default();
        report.extend(checks);
        report
    }

    #[test]
    fn only_a_failed_check_makes_the_exit_status_1() {
        let harmless = [
            SUBJECT.ok("fine"),
            SUBJECT.warning("soon", "act"),
            SUBJECT.skipped("no"),
        ];
        assert_eq!(report(harmless.clone()).exit(), Exit::Ok);
        let failed = harmless.into_iter().chain([SUBJECT.failed("broken", "mend it")]);
        assert_eq!(report(failed).exit(), Exit::Failed);
        assert_eq!(report([]).exit(), Exit::Ok);
    }

    #[test]
    fn the_facts_of_what_is_fine_are_shown_on_demand() {
        let fine = SUBJECT.ok("fine").fact("port", 9090);
        assert!(fine.details(false).is_empty());
        assert_eq!(fine.details(true), ["port: 9090"]);
        let broken = SUBJECT.failed("broken", "mend it").fact("tried", "127.0.0.1:9090");
        assert_eq!(broken.details(false), ["tried: 127.0.0.1:9090", "-> mend it"]);
    }

    #[test]
    fn the_summary_names_what_failed_first() {
        let other = Subject::new("other.thing", "Another");
        let report = report([SUBJECT.ok("fine"), other.failed("a", "b"), SUBJECT.failed("c", "d")]);
        assert_eq!(
            report.summary(),
            "3 checks: 1 ok, 0 with a warning, 2 failed, 0 skipped; begin with other.thing"
        );
    }

    #[test]
    fn the_json_document_has_all_of_it() {
        let report = report([SUBJECT.failed("broken", "mend it").fact("port", 9090)]);
        let version = env!("CARGO_PKG_VERSION");
        let expected = format!(
            "{{\"schema\": 1, \"ferropyro\": \"{version}\", \"target\": \"PYRONAME:x\", \"ok\": 0, \"warnings\": 0, \"failed\": 1, \
             \"skipped\": 0, \"checks\": [{{\"id\": \"some.thing\", \"title\": \"Some thing\", \"verdict\": \"failed\", \
             \"found\": \"broken\", \"facts\": [{{\"name\": \"port\", \"value\": 9090}}], \"remedy\": \"mend it\"}}]}}"
        );
        assert_eq!(report.to_json(Some("PYRONAME:x")).unwrap(), expected);
    }
}
