//! `bench all`: everything, one after the other, written to docs/benchmarks.md with its pictures.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use crate::grid::{Grid, number};
use crate::python_peers::{self, Python};
use crate::report::{Part, Report};
use crate::{BENCHES, Options, Problem, machine, progress};

/// What is said by hand of figures that were not reached; a page that is made anew keeps it.
const NOTES: &str = include_str!("../notes.md");

const INTRODUCTION: &str = "\
`cargo xtask bench` measures all that stands here and writes this page. Every table is of one run in which everybody took turns, round after round, so that whatever \
disturbs the machine disturbs them alike. Ratios come first: the absolute times of a machine say little about the next. Limits and checks are on, as they \
are by default. The line that others are compared with is the first one of each table.";

/// Measures everything, and writes the page.
pub(crate) fn write(options: &Options) -> Result<(), Problem> {
    let folder = match &options.out {
        Some(folder) => folder.clone(),
        None if options.quick => {
            return Err("a quick run measures nothing: give its page a folder of its own with --out".into());
        }
        None => PathBuf::from("docs"),
    };
    let python = match options.python {
        true => Python::find().map(drop),
        false => Err("Python is not wanted".to_owned()),
    };
    let machine = machine::describe(); // before this process sits on one core
    let mut page = Page::new(folder)?;
    for (index, bench) in BENCHES.iter().enumerate() {
        progress(&format!(
            "[{} of {}] {}: {}",
            index + 1,
            BENCHES.len(),
            bench.name,
            bench.about
        ));
        let result = match &python {
            Err(reason) if bench.name.starts_with("python") => Ok(Report::left_out(bench.about, reason.clone())),
            _ => (bench.run)(options),
        };
        page.add(bench.name, bench.about, result)?;
    }
    page.add("profile echo", "instructions", Ok(instructions()))?;
    page.finish(&machine)
}

/// What was counted, and is kept for comparison: whoever changes it has it checked.
fn instructions() -> Report {
    const KEPT: &str = include_str!("../instructions.txt");

    let (comments, rows): (Vec<&str>, Vec<&str>) = KEPT.lines().partition(|line| line.starts_with('#'));
    let taken_with = comments.iter().find_map(|line| line.strip_prefix("# taken with "));
    let mut report = Report::new("Instructions of a call");
    report.text(format!(
        "What an echo call takes of instructions outside the system's kernel, on each side and by part, as callgrind counts them: they are the same on a \
         busy machine. These are kept in bench/instructions.txt (taken with {}), and `cargo xtask bench profile echo --check` compares; it is part of the tests. \
         Built without optimisation across crates, which takes a few percent more.",
        taken_with.unwrap_or("an unknown compiler")
    ));
    let mut rows = rows.iter().map(|row| row.split_whitespace());
    // Side and serializer make one name.
    let join = |mut row: std::str::SplitWhitespace<'static>| {
        let name = [row.next(), row.next()].into_iter().flatten().collect::<Vec<_>>();
        [name.join(", ")].into_iter().chain(row.map(str::to_owned))
    };
    if let Some(header) = rows.next() {
        let mut grid = Grid::new(join(header));
        for row in rows {
            grid.row(join(row));
        }
        report.grid(grid);
    }
    report
}

struct Page {
    folder: PathBuf,
    goals: Grid,
    sections: String,
    failed: Vec<&'static str>,
}

impl Page {
    fn new(folder: PathBuf) -> Result<Page, Problem> {
        fs::create_dir_all(pictures(&folder))?;
        Ok(Page {
            folder,
            goals: Grid::new(["what was to be reached", "asked", "measured", "reached"]),
            sections: String::new(),
            failed: Vec::new(),
        })
    }

    /// The section of the benchmark of this name.
    fn add(&mut self, name: &'static str, about: &str, result: Result<Report, Problem>) -> Result<(), Problem> {
        let report = match result {
            Ok(report) => report,
            Err(problem) => {
                progress(&format!("{}: {problem}", name));
                self.failed.push(name);
                writeln!(self.sections, "## {}\n\n**Not measured:** {problem}\n", about)?;
                return Ok(());
            }
        };
        for goal in &report.goals {
            let reached = goal.reached.map_or_else(|| "-".to_owned(), number);
            self.goals
                .row([goal.what.clone(), goal.bound.to_string(), reached, goal.verdict()]);
        }
        writeln!(self.sections, "## {}\n\n`cargo xtask bench {}`\n", report.title, name)?;
        let mut pictured = 0;
        for part in &report.parts {
            match part {
                Part::Text(text) => writeln!(self.sections, "{text}\n")?,
                Part::Table(grid) => writeln!(self.sections, "{grid:#}")?,
                Part::Details(tables) => self.details(tables)?,
                Part::Picture(chart) => {
                    pictured += 1;
                    let file = format!("{}-{pictured}.svg", name);
                    fs::write(pictures(&self.folder).join(&file), chart.svg()?)?;
                    writeln!(self.sections, "![{}](benchmarks/{file})\n", chart.title())?;
                }
            }
        }
        for finding in &report.findings {
            writeln!(self.sections, "{finding}\n")?;
        }
        for reason in &report.left_out {
            writeln!(self.sections, "**Left out:** {reason}\n")?;
        }
        Ok(())
    }

    fn details(&mut self, tables: &[(String, Grid)]) -> Result<(), Problem> {
        writeln!(
            self.sections,
            "<details><summary>With spread and absolute figures</summary>\n"
        )?;
        for (title, grid) in tables {
            writeln!(self.sections, "{title}\n\n{grid:#}")?;
        }
        Ok(writeln!(self.sections, "</details>\n")?)
    }

    fn finish(self, machine: &[String]) -> Result<(), Problem> {
        let mut text = format!("# Benchmarks\n\n{INTRODUCTION}\n\nThe machine:\n\n");
        for line in machine.iter().chain(&python_peers::versions()) {
            writeln!(text, "- {line}")?;
        }
        writeln!(text, "\n## What was to be reached\n\n{:#}", self.goals)?;
        if !NOTES.trim().is_empty() {
            writeln!(text, "{}\n", NOTES.trim())?;
        }
        text.push_str(self.sections.trim_end());
        text.push('\n');
        let file = self.folder.join("benchmarks.md");
        fs::write(&file, text)?;
        println!("{} is written.", file.display());
        match self.failed.is_empty() {
            true => Ok(()),
            false => Err(format!("not measured: {}", self.failed.join(", ")).into()),
        }
    }
}

fn pictures(folder: &Path) -> PathBuf {
    folder.join("benchmarks")
}
