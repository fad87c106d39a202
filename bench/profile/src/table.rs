//! The tables that people read.

use std::fmt;

use crate::figures::Row;
use crate::measure::{Call, Side};
use crate::parts::Part;

/// How many functions of a part are named.
const FUNCTIONS: usize = 8;

/// One side's rows, as columns.
pub(crate) struct Table<'a> {
    pub(crate) side: Side,
    pub(crate) rows: Vec<&'a Row>,
}

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<28}", format!("{}, instructions a call", self.side))?;
        for row in &self.rows {
            write!(f, " {:>9}", row.serializer)?;
        }
        writeln!(f)?;
        for (index, part) in Part::ALL.into_iter().enumerate() {
            let number = |row: &&Row| row.parts.get(index).copied().unwrap_or_default();
            if self.rows.iter().any(|row| number(row).round() != 0.0) {
                self.line(f, part.name(), 0, number)?;
            }
        }
        self.line(f, "total", 0, |row| row.total())?;
        self.line(f, "system calls", 1, |row| row.system_calls)?;
        self.line(f, "allocations", 1, |row| row.allocations)
    }
}

impl Table<'_> {
    fn line(
        &self,
        f: &mut fmt::Formatter<'_>,
        name: &str,
        digits: usize,
        number: impl Fn(&&Row) -> f64,
    ) -> fmt::Result {
        write!(f, "  {name:<26}")?;
        for row in &self.rows {
            write!(f, " {:>9.digits$}", number(row))?;
        }
        writeln!(f)
    }
}

/// What the parts are.
pub(crate) fn legend() -> String {
    let lines = Part::ALL.map(|part| format!("  {:<9} {}\n", part.name(), part.explanation()));
    lines.concat()
}

/// The functions of each part that take most.
pub(crate) struct Functions<'a>(pub(crate) &'a Call);

impl fmt::Display for Functions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in Part::ALL {
            let all = self.0.instructions.iter();
            let mut places: Vec<_> = all
                .filter_map(|(place, instructions)| Some((place.as_ref()?, *instructions)))
                .filter(|(place, instructions)| Part::of(Some(place)) == part && *instructions >= 1.0)
                .collect();
            places.sort_by(|a, b| b.1.total_cmp(&a.1));
            for (place, instructions) in places.iter().take(FUNCTIONS) {
                writeln!(
                    f,
                    "  {:<9} {instructions:>6.0}  {} ({})",
                    part.name(),
                    place.function,
                    place.file
                )?;
            }
        }
        Ok(())
    }
}
