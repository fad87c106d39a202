//! Cells in columns, as text and as Markdown.

use std::fmt;

/// Rows of cells: the first row is the header, the first column is of names, the others of numbers.
/// Shown in columns; as Markdown with `{:#}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Grid {
    rows: Vec<Vec<String>>,
}

impl Grid {
    pub(crate) fn new(header: impl IntoIterator<Item = impl Into<String>>) -> Grid {
        Grid {
            rows: vec![header.into_iter().map(Into::into).collect()],
        }
    }

    /// Appends a row, which must have as many cells as the header.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = impl Into<String>>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }
}

impl fmt::Display for Grid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [left, between, right] = match f.alternate() {
            true => ["| ", " | ", " |"],
            false => ["", "  ", ""],
        };
        let count = self.rows.first().map_or(0, Vec::len);
        let width = |column: usize| {
            let lengths = self
                .rows
                .iter()
                .filter_map(|row| Some(row.get(column)?.chars().count()));
            lengths.max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..count).map(width).collect();
        for (index, row) in self.rows.iter().enumerate() {
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
}

/// Two decimals, or three where two would be hardly a number.
pub(crate) fn number(number: f64) -> String {
    let decimals = if number < 0.1 { 3 } else { 2 };
    format!("{number:.decimals$}")
}

/// A large number, with commas between the thousands.
pub(crate) fn count(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A time in the unit that suits it.
pub(crate) fn time(seconds: f64) -> String {
    match seconds {
        // A byte of a large message takes less than the others can tell.
        seconds if seconds < 1e-9 => format!("{:.2} ns", seconds * 1e9),
        seconds if seconds < 1e-8 => format!("{:.1} ns", seconds * 1e9),
        seconds if seconds < 1e-6 => format!("{:.0} ns", seconds * 1e9),
        seconds if seconds < 1e-4 => format!("{:.1} µs", seconds * 1e6),
        seconds if seconds < 1e-3 => format!("{:.0} µs", seconds * 1e6),
        seconds if seconds < 1.0 => format!("{:.1} ms", seconds * 1e3),
        seconds => format!("{seconds:.1} s"),
    }
}
