//! What a benchmark gives: tables, pictures and sentences, for the terminal or for a page.

use std::fmt;

use crate::chart::Chart;
use crate::grid::{Grid, number};
use crate::table::{Summary, Table};

/// What one benchmark has found.
pub(crate) struct Report {
    pub(crate) title: String,
    pub(crate) parts: Vec<Part>,
    /// Sentences that hold on any machine.
    pub(crate) findings: Vec<String>,
    /// Who did not take part, and why.
    pub(crate) left_out: Vec<String>,
    pub(crate) goals: Vec<Goal>,
}

pub(crate) enum Part {
    /// A paragraph.
    Text(String),
    Table(Grid),
    /// Tables that most readers pass over: a page folds them away.
    Details(Vec<(String, Grid)>),
    /// Shown on a page alone.
    Picture(Chart),
}

/// A figure that was to be reached.
#[derive(Debug, Clone)]
pub(crate) struct Goal {
    pub(crate) what: String,
    pub(crate) bound: Bound,
    /// What was measured, if it was.
    pub(crate) reached: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

impl Goal {
    pub(crate) fn new(what: impl Into<String>, bound: Bound, reached: Option<f64>) -> Goal {
        Goal {
            what: what.into(),
            bound,
            reached,
        }
    }

    /// Whether it holds, in words; by how much not.
    pub(crate) fn verdict(&self) -> String {
        let Some(reached) = self.reached else {
            return "not measured".to_owned();
        };
        let (misses, wanted, word) = match self.bound {
            Bound::AtMost(wanted) => (reached > wanted, wanted, "above"),
            Bound::AtLeast(wanted) => (reached < wanted, wanted, "below"),
        };
        match misses {
            false => "yes".to_owned(),
            true => format!("**no**, {:.0} % {word}", 100.0 * (reached / wanted - 1.0).abs()),
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Bound::AtMost(number) => write!(f, "at most {number}"),
            Bound::AtLeast(number) => write!(f, "at least {number}"),
        }
    }
}

impl Report {
    pub(crate) fn new(title: impl Into<String>) -> Report {
        Report {
            title: title.into(),
            parts: Vec::new(),
            findings: Vec::new(),
            left_out: Vec::new(),
            goals: Vec::new(),
        }
    }

    /// Of something that does not take part at all.
    pub(crate) fn left_out(title: impl Into<String>, reason: impl Into<String>) -> Report {
        let mut report = Report::new(title);
        report.leave_out(reason);
        report
    }

    pub(crate) fn text(&mut self, text: impl Into<String>) {
        self.parts.push(Part::Text(text.into()));
    }

    pub(crate) fn grid(&mut self, grid: Grid) {
        self.parts.push(Part::Table(grid));
    }

    /// One race: its table, and its picture.
    pub(crate) fn table(&mut self, title: impl Into<String>, table: &Table) {
        self.picture(table.bars(title));
        self.grid(table.grid());
    }

    /// Several races: a picture of the one in this column, the medians of all, and the details folded away.
    pub(crate) fn summary(&mut self, summary: &Summary, pictured: &str) {
        if let Some(table) = summary.column(pictured) {
            self.picture(table.bars(pictured));
        }
        self.grid(summary.medians());
        if let Some(grid) = summary.by_server_time() {
            self.grid(grid);
        }
        self.grid(summary.absolutes());
        let details = summary
            .columns()
            .map(|(header, table)| (header.to_owned(), table.grid()));
        self.parts.push(Part::Details(details.collect()));
    }

    pub(crate) fn picture(&mut self, chart: impl Into<Chart>) {
        self.parts.push(Part::Picture(chart.into()));
    }

    pub(crate) fn finding(&mut self, sentence: impl Into<String>) {
        self.findings.push(sentence.into());
    }

    /// Notes that somebody did not take part, once for each reason.
    pub(crate) fn leave_out(&mut self, reason: impl Into<String>) {
        let reason = reason.into();
        if !self.left_out.contains(&reason) {
            self.left_out.push(reason);
        }
    }

    pub(crate) fn goal(&mut self, goal: Goal) {
        self.goals.push(goal);
    }
}

/// For the terminal; with `{:#}` the tables are Markdown.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let grid = |f: &mut fmt::Formatter<'_>, grid: &Grid| match f.alternate() {
            true => writeln!(f, "{grid:#}"),
            false => writeln!(f, "{grid}"),
        };
        writeln!(f, "{}\n", self.title)?;
        for part in &self.parts {
            match part {
                Part::Text(text) => writeln!(f, "{text}\n")?,
                Part::Table(table) => grid(f, table)?,
                Part::Details(tables) => {
                    for (title, table) in tables {
                        writeln!(f, "{title}")?;
                        grid(f, table)?;
                    }
                }
                Part::Picture(_) => {}
            }
        }
        for reason in &self.left_out {
            writeln!(f, "Left out: {reason}")?;
        }
        for finding in &self.findings {
            writeln!(f, "{finding}")?;
        }
        for goal in &self.goals {
            let reached = goal.reached.map_or_else(|| "-".to_owned(), number);
            let verdict = goal.verdict().replace("**", "");
            writeln!(f, "Goal: {}: {}, reached {reached}: {verdict}", goal.what, goal.bound)?;
        }
        Ok(())
    }
}
