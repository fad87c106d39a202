//! The results: ratios in lines.

use std::fmt;

/// A line's ratios, one of each round, and the ratio of the fastest rounds, which a busy machine disturbs least.
pub(crate) struct Line {
    pub(crate) name: String,
    ratios: Vec<f64>,
    fastest: f64,
}

impl Line {
    /// From the times of each round, its own and the yardstick's.
    pub(crate) fn new(name: impl Into<String>, times: &[f64], yardstick: &[f64]) -> Line {
        let fastest = |times: &[f64]| times.iter().copied().fold(f64::INFINITY, f64::min);
        let mut ratios: Vec<f64> = times.iter().zip(yardstick).map(|(time, unit)| time / unit).collect();
        ratios.sort_by(f64::total_cmp);
        Line {
            name: name.into(),
            ratios,
            fastest: fastest(times) / fastest(yardstick),
        }
    }

    pub(crate) fn median(&self) -> f64 {
        self.ratios.get(self.ratios.len() / 2).copied().unwrap_or(f64::NAN)
    }

    fn min(&self) -> f64 {
        self.ratios.first().copied().unwrap_or(f64::NAN)
    }

    fn max(&self) -> f64 {
        self.ratios.last().copied().unwrap_or(f64::NAN)
    }
}

/// Shown in columns; as Markdown with `{:#}`.
pub(crate) struct Table {
    pub(crate) title: &'static str,
    pub(crate) lines: Vec<Line>,
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.lines.iter().map(|line| line.name.chars().count()).max();
        let width = width.unwrap_or(0).max(self.title.len());
        if f.alternate() {
            writeln!(f, "| {:width$} | median | min..max | fastest |", self.title)?;
            writeln!(f, "|{}|-------:|---------:|--------:|", "-".repeat(width + 2))?;
        } else {
            writeln!(f, "{:width$}  median  fastest  min..max", self.title)?;
        }
        for line in &self.lines {
            let (name, median, min, max) = (&line.name, line.median(), line.min(), line.max());
            let fastest = line.fastest;
            if f.alternate() {
                writeln!(f, "| {name:width$} | {median:.2} | {min:.2}..{max:.2} | {fastest:.2} |")?;
            } else {
                writeln!(f, "{name:width$}  {median:6.2}  {fastest:7.2}  {min:.2}..{max:.2}")?;
            }
        }
        Ok(())
    }
}
