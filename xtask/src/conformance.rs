//! `cargo xtask conformance`: which rows of docs/conformance.md have tests.
//!
//! A test names the rows that it checks in a comment directly above it, `// Conformance: NS-01, NS-02` in Rust and
//! `# Conformance: NS-01, NS-02` in Python.

mod mentions;
mod patterns;
mod rows;

use std::collections::{BTreeMap, HashMap};
use std::fs;

use crate::{Failure, project};
use mentions::{Mention, Problem};
use patterns::Pattern;
use rows::Row;

const LIST: &str = "docs/conformance.md";
const REQUIRED: &str = "docs/conformance-required.txt";
/// Where tests that name rows may lie.
const FOLDERS: [&str; 5] = ["crates", "interop", "examples", "python", "bench"];

pub(crate) fn main(args: &[String]) -> Result<(), Failure> {
    let options = Options::parse(args)?;
    let rows = rows::parse(&read(LIST)?).map_err(|problem| Failure::Error(format!("{LIST}:{problem}")))?;
    let (mentions, mut problems) = mentions::scan(&project::root(), &FOLDERS)?;
    let report = Report::new(&rows, &mentions);
    let asked: Vec<&Row> = rows.iter().filter(|row| options.wants(row)).collect();
    if asked.is_empty() {
        return Err(Failure::Usage(format!("no row of {LIST} is meant by these patterns")));
    }
    if options.list {
        report.print_list(&asked);
    } else {
        report.print_coverage(&asked);
    }
    problems.extend(unknown_rows(&rows, &mentions));
    if options.check {
        let required = patterns::parse_file(&read(REQUIRED)?);
        problems.extend(report.missing(required));
    }
    problems.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
    for problem in &problems {
        eprintln!("error: {problem}");
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(Failure::Told)
    }
}

fn read(path: &str) -> Result<String, Failure> {
    fs::read_to_string(project::root().join(path))
        .map_err(|error| Failure::Error(format!("cannot read {path}: {error}")))
}

struct Options {
    check: bool,
    list: bool,
    only: Vec<Pattern>,
}

impl Options {
    fn parse(args: &[String]) -> Result<Options, Failure> {
        let mut options = Options {
            check: false,
            list: false,
            only: Vec::new(),
        };
        for arg in args {
            match arg.as_str() {
                "--check" => options.check = true,
                "--list" => options.list = true,
                pattern => options.only.push(Pattern::parse(pattern).map_err(Failure::Usage)?),
            }
        }
        Ok(options)
    }

    fn wants(&self, row: &Row) -> bool {
        self.only.is_empty() || self.only.iter().any(|pattern| pattern.matches(&row.id))
    }
}

/// The rows with the tests that name them.
struct Report<'a> {
    rows: &'a [Row],
    tests: HashMap<&'a str, Vec<&'a Mention>>,
}

impl<'a> Report<'a> {
    fn new(rows: &'a [Row], mentions: &'a [Mention]) -> Report<'a> {
        let mut tests: HashMap<&str, Vec<&Mention>> = HashMap::new();
        for mention in mentions {
            for id in &mention.rows {
                tests.entry(id).or_default().push(mention);
            }
        }
        Report { rows, tests }
    }

    fn is_covered(&self, row: &Row) -> bool {
        self.tests.contains_key(row.id.as_str())
    }

    fn print_list(&self, asked: &[&Row]) {
        for row in asked {
            let tests = self.tests.get(row.id.as_str()).map_or(&[][..], Vec::as_slice);
            println!("{}{}", row.id, if tests.is_empty() { "  no test" } else { "" });
            for test in tests {
                println!("    {}:{} {}", test.file, test.line, test.name);
            }
        }
    }

    fn print_coverage(&self, asked: &[&Row]) {
        let covered = asked.iter().filter(|row| self.is_covered(row)).count();
        println!("{covered} of {} rows have a test", asked.len());
        let mut without: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for row in asked.iter().filter(|row| !self.is_covered(row)) {
            without.entry(row.group()).or_default().push(&row.id);
        }
        if !without.is_empty() {
            println!("without a test:");
        }
        for (group, ids) in without {
            let all = asked.iter().filter(|row| row.group() == group).count();
            println!("  {group:<5} {:>2} of {all:>2}  {}", ids.len(), patterns::summary(&ids));
        }
    }

    /// A problem for every required row without a test, and for every pattern that means no row at all.
    fn missing(&self, required: Vec<(usize, Result<Pattern, String>)>) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (line, pattern) in required {
            let mut tell = |what| {
                problems.push(Problem {
                    file: REQUIRED.to_owned(),
                    line,
                    what,
                })
            };
            let pattern = match pattern {
                Ok(pattern) => pattern,
                Err(what) => {
                    tell(what);
                    continue;
                }
            };
            let meant: Vec<&Row> = self.rows.iter().filter(|row| pattern.matches(&row.id)).collect();
            if meant.is_empty() {
                tell(format!("no row of {LIST} is meant by this pattern"));
            }
            let without: Vec<&str> = meant
                .iter()
                .filter(|row| !self.is_covered(row))
                .map(|row| row.id.as_str())
                .collect();
            if !without.is_empty() {
                tell(format!("required, but without a test: {}", patterns::summary(&without)));
            }
        }
        problems
    }
}

fn unknown_rows(rows: &[Row], mentions: &[Mention]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for mention in mentions {
        for id in mention.rows.iter().filter(|id| rows.iter().all(|row| row.id != **id)) {
            let what = format!("{LIST} has no row '{id}'");
            problems.push(Problem {
                file: mention.file.clone(),
                line: mention.line,
                what,
            });
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(ids: &[&str]) -> Vec<Row> {
        ids.iter().map(|id| Row { id: (*id).to_owned() }).collect()
    }

    fn mention(ids: &[&str]) -> Mention {
        let rows = ids.iter().map(|id| (*id).to_owned()).collect();
        Mention {
            file: "crates/a.rs".to_owned(),
            line: 7,
            name: "works".to_owned(),
            rows,
        }
    }

    #[test]
    fn reports_a_named_row_that_does_not_exist() {
        let rows = rows(&["NS-01"]);
        let problems = unknown_rows(&rows, &[mention(&["NS-01", "NS-99"])]);
        assert_eq!(problems.len(), 1);
        assert_eq!(
            problems[0].to_string(),
            "crates/a.rs:7: docs/conformance.md has no row 'NS-99'"
        );
    }

    #[test]
    fn reports_required_rows_without_a_test_and_patterns_without_a_row() {
        let rows = rows(&["NS-01", "NS-02", "NS-03", "URI-01"]);
        let mentions = [mention(&["NS-02"])];
        let required = patterns::parse_file("# rows\nNS-*\nNS-02\nXX-*\nwhat");
        let problems = Report::new(&rows, &mentions).missing(required);
        let told: Vec<String> = problems.iter().map(Problem::to_string).collect();
        assert_eq!(
            told,
            [
                "docs/conformance-required.txt:2: required, but without a test: NS-01, NS-03",
                "docs/conformance-required.txt:4: no row of docs/conformance.md is meant by this pattern",
                "docs/conformance-required.txt:5: 'what' is no row pattern: write NS-12, NS-* or NS-01..NS-07",
            ]
        );
    }

    #[test]
    fn the_projects_own_list_and_required_patterns_fit_together() {
        let rows = rows::parse(&read(LIST).unwrap()).unwrap();
        for (line, pattern) in patterns::parse_file(&read(REQUIRED).unwrap()) {
            let pattern = pattern.unwrap();
            assert!(
                rows.iter().any(|row| pattern.matches(&row.id)),
                "{REQUIRED}:{line} means no row"
            );
        }
    }
}
