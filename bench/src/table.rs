//! The results: ratios in lines.

use std::fmt;

use crate::rounds::Score;

/// A line's ratios, one of each round, and that of the fastest rounds, which a busy machine disturbs least.
pub(crate) struct Line {
    name: String,
    ratios: Vec<f64>,
    fastest: f64,
    server: Option<f64>,
}

/// What a ratio is.
#[derive(Clone, Copy)]
pub(crate) enum Scale {
    /// Its own time, in multiples of the yardstick's: less is better.
    Cost,
    /// Its own speed, in parts of the yardstick's: more is better.
    Speed,
}

impl Scale {
    fn ratio(self, time: f64, yardstick: f64) -> f64 {
        match self {
            Scale::Cost => time / yardstick,
            Scale::Speed => yardstick / time,
        }
    }
}

impl Line {
    fn new(scale: Scale, score: &Score, yardstick: &Score) -> Line {
        let fastest = |times: &[f64]| times.iter().copied().fold(f64::INFINITY, f64::min);
        let times = score.times.iter().zip(&yardstick.times);
        let mut ratios: Vec<f64> = times.map(|(time, unit)| scale.ratio(*time, *unit)).collect();
        ratios.sort_by(f64::total_cmp);
        let server_times = score.server_time.zip(yardstick.server_time);
        // The system counts in steps, so a short time may be none.
        let server_times = server_times.filter(|(time, unit)| *time > 0.0 && *unit > 0.0);
        Line {
            name: score.name.clone(),
            ratios,
            fastest: scale.ratio(fastest(&score.times), fastest(&yardstick.times)),
            server: server_times.map(|(time, unit)| scale.ratio(time, unit)),
        }
    }

    fn median(&self) -> f64 {
        self.at(0.5)
    }

    /// The ratio at this part of the sorted ratios: 0 for the lowest, 1 for the highest.
    fn at(&self, part: f64) -> f64 {
        let last = self.ratios.len().saturating_sub(1) as f64;
        self.ratios
            .get((last * part).round() as usize)
            .copied()
            .unwrap_or(f64::NAN)
    }
}

/// Shown in columns; as Markdown with `{:#}`.
pub(crate) struct Table {
    title: String,
    lines: Vec<Line>,
}

impl Table {
    /// Of scores, that of the yardstick first.
    pub(crate) fn new(title: impl Into<String>, scale: Scale, scores: &[Score]) -> Table {
        Table::of_pairs(title, scale, scores.iter().map(|score| (score, &scores[0])))
    }

    /// Of scores that each have a yardstick of their own.
    pub(crate) fn of_pairs<'a>(
        title: impl Into<String>,
        scale: Scale,
        pairs: impl IntoIterator<Item = (&'a Score, &'a Score)>,
    ) -> Table {
        let lines = pairs
            .into_iter()
            .map(|(score, yardstick)| Line::new(scale, score, yardstick));
        Table {
            title: title.into(),
            lines: lines.collect(),
        }
    }

    /// The median of the line with this name.
    pub(crate) fn median(&self, name: &str) -> Option<f64> {
        self.lines.iter().find(|line| line.name == name).map(Line::median)
    }

    fn cells(&self) -> Vec<Vec<String>> {
        let has_servers = self.lines.iter().any(|line| line.server.is_some());
        let mut header = vec![&*self.title, "median", "middle half", "min..max", "fastest"];
        if has_servers {
            header.push("server's time");
        }
        let mut rows = vec![header.into_iter().map(str::to_owned).collect::<Vec<_>>()];
        for line in &self.lines {
            let range = |from, to| format!("{}..{}", number(line.at(from)), number(line.at(to)));
            let mut row = vec![
                line.name.clone(),
                number(line.median()),
                range(0.25, 0.75),
                range(0.0, 1.0),
                number(line.fastest),
            ];
            if has_servers {
                row.push(line.server.map(number).unwrap_or_default());
            }
            rows.push(row);
        }
        rows
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_cells(f, &self.cells())
    }
}

/// The medians of several tables with the same lines, one column each.
#[derive(Default)]
pub(crate) struct Summary {
    title: String,
    columns: Vec<(String, Table)>,
}

impl Summary {
    pub(crate) fn new(title: impl Into<String>) -> Summary {
        Summary {
            title: title.into(),
            columns: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, column: impl Into<String>, table: Table) {
        self.columns.push((column.into(), table));
    }

    pub(crate) fn median(&self, column: &str, name: &str) -> Option<f64> {
        let (_, table) = self.columns.iter().find(|(header, _)| header == column)?;
        table.median(name)
    }

    /// The lowest median of the lines with this name.
    pub(crate) fn lowest(&self, name: &str) -> Option<f64> {
        let medians = self.columns.iter().filter_map(|(_, table)| table.median(name));
        medians.reduce(f64::min)
    }

    /// One number of each line and column.
    fn cells(&self, title: &str, number: impl Fn(&Line) -> Option<f64>) -> Vec<Vec<String>> {
        let mut names: Vec<&str> = Vec::new();
        for line in self.columns.iter().flat_map(|(_, table)| &table.lines) {
            if !names.contains(&&*line.name) {
                names.push(&line.name);
            }
        }
        let header = self.columns.iter().map(|(header, _)| header.clone());
        let mut rows = vec![[title.to_owned()].into_iter().chain(header).collect::<Vec<_>>()];
        for name in names {
            let numbers = self.columns.iter().map(|(_, table)| {
                let line = table.lines.iter().find(|line| line.name == name);
                let number = line.and_then(&number);
                number.map_or_else(|| "-".to_owned(), self::number)
            });
            rows.push([name.to_owned()].into_iter().chain(numbers).collect());
        }
        rows
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_cells(f, &self.cells(&self.title, |line| Some(line.median())))?;
        let mut lines = self.columns.iter().flat_map(|(_, table)| &table.lines);
        if lines.all(|line| line.server.is_none()) {
            return Ok(());
        }
        writeln!(f)?;
        let title = "the same, by the server's processor time";
        write_cells(f, &self.cells(title, |line| line.server))
    }
}

/// Two decimals, or three where two would be hardly a number.
fn number(number: f64) -> String {
    let decimals = if number < 0.1 { 3 } else { 2 };
    format!("{number:.decimals$}")
}

/// The first row is the header, the first column is of names, the others of numbers.
fn write_cells(f: &mut fmt::Formatter<'_>, rows: &[Vec<String>]) -> fmt::Result {
    let [left, between, right] = match f.alternate() {
        true => ["| ", " | ", " |"],
        false => ["", "  ", ""],
    };
    let count = rows.first().map_or(0, Vec::len);
    let widths: Vec<usize> = (0..count)
        .map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0))
        .collect();
    for (index, row) in rows.iter().enumerate() {
        let cells = row
            .iter()
            .zip(&widths)
            .enumerate()
            .map(|(column, (cell, width))| match column {
                0 => format!("{cell:width$}"),
                _ => format!("{cell:>width$}"),
            });
        writeln!(f, "{left}{}{right}", cells.collect::<Vec<_>>().join(between))?;
        if index == 0 && f.alternate() {
            let rules = widths.iter().enumerate().map(|(column, width)| match column {
                0 => "-".repeat(*width),
                _ => format!("{:->width$}", ":"),
            });
            writeln!(f, "{left}{}{right}", rules.collect::<Vec<_>>().join(between))?;
        }
    }
    Ok(())
}
