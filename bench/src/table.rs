//! The results: ratios in lines.

use std::fmt;

/// A line's ratios, one of each round, and that of the fastest rounds, which a busy machine disturbs least.
pub(crate) struct Line {
    name: String,
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
    pub(crate) title: &'static str,
    pub(crate) lines: Vec<Line>,
}

impl Table {
    /// The median of the line with this name.
    pub(crate) fn median(&self, name: &str) -> Option<f64> {
        self.lines.iter().find(|line| line.name == name).map(Line::median)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.lines.iter().map(|line| line.name.chars().count()).max();
        let width = width.unwrap_or(0).max(self.title.len());
        let [left, between, right] = if f.alternate() {
            ["| ", " | ", " |"]
        } else {
            ["", "  ", ""]
        };
        let mut row = |cells: [&str; 5]| {
            let [name, median, half, all, fastest] = cells;
            write!(f, "{left}{name:width$}{between}{median:>6}{between}{half:>11}")?;
            writeln!(f, "{between}{all:>13}{between}{fastest:>7}{right}")
        };
        row([self.title, "median", "middle half", "min..max", "fastest"])?;
        if !left.is_empty() {
            row(["---", "-----:", "----------:", "------------:", "------:"])?;
        }
        for line in &self.lines {
            let range = |from, to| format!("{:.2}..{:.2}", line.at(from), line.at(to));
            let number = |number| format!("{number:.2}");
            let (half, all) = (range(0.25, 0.75), range(0.0, 1.0));
            row([&line.name, &number(line.median()), &half, &all, &number(line.fastest)])?;
        }
        Ok(())
    }
}
