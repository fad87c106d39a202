//! What was measured of everybody, as ratios and as what they are ratios of.

use crate::chart::{Bar, Bars};
use crate::grid::{self, Grid, number};
use crate::rounds::Score;

/// A line's ratios, one of each round, and that of the fastest rounds, which a busy machine disturbs least.
struct Line {
    name: String,
    ratios: Vec<f64>,
    fastest: f64,
    server: Option<f64>,
    /// Seconds a call, the median.
    time: f64,
}

/// What a ratio is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

    pub(crate) fn better(self) -> &'static str {
        match self {
            Scale::Cost => "less is better",
            Scale::Speed => "more is better",
        }
    }
}

/// In what the absolute figures are given.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Unit {
    /// The time of a call.
    Time,
    /// Calls a second.
    Calls,
    /// The speed of calls that move so many bytes.
    Bytes(usize),
}

impl Unit {
    fn text(self, time: f64) -> String {
        match self {
            Unit::Time => grid::time(time),
            Unit::Calls => format!("{}/s", grid::count(1.0 / time)),
            Unit::Bytes(bytes) => format!("{} MiB/s", grid::count(bytes as f64 / f64::from(1 << 20) / time)),
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
            time: score.median(),
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

/// Everybody in one race.
pub(crate) struct Table {
    title: String,
    scale: Scale,
    unit: Unit,
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
            scale,
            unit: Unit::Time,
            lines: lines.collect(),
        }
    }

    /// With absolute figures in this unit; times of calls unless told.
    pub(crate) fn in_unit(mut self, unit: Unit) -> Table {
        self.unit = unit;
        self
    }

    /// The median of the line with this name.
    pub(crate) fn median(&self, name: &str) -> Option<f64> {
        self.line(name).map(Line::median)
    }

    /// The ratio by the processor time of the servers, of the line with this name.
    pub(crate) fn server(&self, name: &str) -> Option<f64> {
        self.line(name)?.server
    }

    fn line(&self, name: &str) -> Option<&Line> {
        self.lines.iter().find(|line| line.name == name)
    }

    /// Medians, spread and absolute figures.
    pub(crate) fn grid(&self) -> Grid {
        let has_servers = self.lines.iter().any(|line| line.server.is_some());
        let mut header = vec![&*self.title, "median", "middle half", "min..max", "fastest"];
        if has_servers {
            header.push("server's time");
        }
        header.push("absolute");
        let mut grid = Grid::new(header);
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
            row.push(self.unit.text(line.time));
            grid.row(row);
        }
        grid
    }

    /// The medians as a picture, with their middle halves.
    pub(crate) fn bars(&self, title: impl Into<String>) -> Bars {
        let bar = |line: &Line| Bar {
            name: line.name.clone(),
            value: line.median(),
            low: line.at(0.25),
            high: line.at(0.75),
        };
        Bars {
            title: title.into(),
            unit: format!("{} ({})", self.title, self.scale.better()),
            bars: self.lines.iter().map(bar).collect(),
        }
    }
}

/// Several tables with the same lines, one column each.
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
        self.column(column)?.median(name)
    }

    pub(crate) fn column(&self, column: &str) -> Option<&Table> {
        self.columns
            .iter()
            .find(|(header, _)| header == column)
            .map(|(_, table)| table)
    }

    pub(crate) fn columns(&self) -> impl Iterator<Item = (&str, &Table)> {
        self.columns.iter().map(|(header, table)| (&**header, table))
    }

    /// The lowest median of the lines with this name.
    pub(crate) fn lowest(&self, name: &str) -> Option<f64> {
        let medians = self.columns.iter().filter_map(|(_, table)| table.median(name));
        medians.reduce(f64::min)
    }

    pub(crate) fn medians(&self) -> Grid {
        self.grid(&self.title, |_, line| Some(number(line.median())))
    }

    /// The ratios by the processor time of the servers, if the system has told it.
    pub(crate) fn by_server_time(&self) -> Option<Grid> {
        let mut lines = self.columns.iter().flat_map(|(_, table)| &table.lines);
        let is_known = lines.any(|line| line.server.is_some());
        let title = "the same, by the server's processor time";
        is_known.then(|| self.grid(title, |_, line| line.server.map(number)))
    }

    pub(crate) fn absolutes(&self) -> Grid {
        self.grid("the same, absolute", |unit, line| Some(unit.text(line.time)))
    }

    /// One cell of each line and column.
    fn grid(&self, title: &str, cell: impl Fn(Unit, &Line) -> Option<String>) -> Grid {
        let mut names: Vec<&str> = Vec::new();
        for line in self.columns.iter().flat_map(|(_, table)| &table.lines) {
            if !names.contains(&&*line.name) {
                names.push(&line.name);
            }
        }
        let mut grid = Grid::new([title].into_iter().chain(self.columns().map(|(header, _)| header)));
        for name in names {
            let cells = self.columns.iter().map(|(_, table)| {
                let cell = table.line(name).and_then(|line| cell(table.unit, line));
                cell.unwrap_or_else(|| "-".to_owned())
            });
            grid.row([name.to_owned()].into_iter().chain(cells));
        }
        grid
    }
}
