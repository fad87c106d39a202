//! Figures that are kept, in a file for people and programs, and what later ones are compared with.

use std::fmt::{self, Write as _};

use crate::Problem;
use crate::measure::{Call, Side};
use crate::parts::Part;

/// What differs by more than this fails: measured again, totals differ by less than a tenth of that.
const BAND: f64 = 0.03;
/// The same where compiler, libc or processor are others than those the figures are of: they may do the same with more instructions or fewer.
const WIDE_BAND: f64 = 0.15;
/// Counts of a call that happen always, or never.
const COUNT_BAND: f64 = 0.2;
const HEAD: &str = "\
# Instructions that an echo call takes, by part, with its system calls and allocations.
# `cargo xtask bench profile echo --write` remakes this file, `--check` compares with it: see CONTRIBUTING.md.
";
const TAKEN_WITH: &str = "# taken with ";

/// The figures of some sides and serializers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Figures {
    /// What made them: compiler, libc, processor.
    pub(crate) taken_with: String,
    pub(crate) rows: Vec<Row>,
}

/// What a call takes on one side.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(crate) side: Side,
    pub(crate) serializer: String,
    /// Instructions, in the order of [`Part::ALL`].
    pub(crate) parts: Vec<f64>,
    pub(crate) system_calls: f64,
    pub(crate) allocations: f64,
}

impl Row {
    pub(crate) fn new(side: Side, serializer: &str, call: &Call) -> Row {
        let instructions = |part: Part| -> f64 {
            let places = call
                .instructions
                .iter()
                .filter(|(place, _)| Part::of(place.as_ref()) == part);
            places.map(|(_, instructions)| instructions).sum()
        };
        Row {
            side,
            serializer: serializer.to_owned(),
            parts: Part::ALL.map(instructions).to_vec(),
            system_calls: call.system_calls,
            allocations: call.allocations,
        }
    }

    pub(crate) fn total(&self) -> f64 {
        self.parts.iter().sum()
    }

    fn parse(line: &str) -> Option<Row> {
        let mut fields = line.split_whitespace();
        let side = fields.next()?;
        let side = Side::ALL.into_iter().find(|known| known.name() == side)?;
        let serializer = fields.next()?.to_owned();
        let numbers: Option<Vec<f64>> = fields.map(|field| field.parse().ok()).collect();
        let (parts, rest) = numbers.as_ref()?.split_at_checked(Part::ALL.len())?;
        let [_total, system_calls, allocations] = *rest else {
            return None;
        };
        Some(Row {
            side,
            serializer,
            parts: parts.to_vec(),
            system_calls,
            allocations,
        })
    }

    /// What is not as it was.
    fn complaint(&self, kept: &Row, band: f64) -> Option<String> {
        let (now, before) = (self.total(), kept.total());
        let change = now / before - 1.0;
        let mut text = format!("{}, {}: ", self.side, self.serializer);
        let length = text.len();
        if change.abs() > band {
            let more = if change > 0.0 { "more" } else { "fewer" };
            let percent = 100.0 * change.abs();
            let _ = write!(
                text,
                "{now:.0} instructions a call, {percent:.1} % {more} than {before:.0}"
            );
            text.push_str(&self.changed_parts(kept));
        }
        for (what, now, before) in [
            ("system calls", self.system_calls, kept.system_calls),
            ("allocations", self.allocations, kept.allocations),
        ] {
            if (now - before).abs() > COUNT_BAND {
                let comma = if text.len() > length { "; " } else { "" };
                let _ = write!(text, "{comma}{now:.1} {what} a call instead of {before:.1}");
            }
        }
        (text.len() > length).then_some(text)
    }

    /// The parts that have changed, those that have most first.
    fn changed_parts(&self, kept: &Row) -> String {
        let both = self.parts.iter().zip(&kept.parts);
        let mut changes: Vec<(Part, f64, f64)> = Part::ALL
            .into_iter()
            .zip(both)
            .map(|(part, (now, before))| (part, *now, *before))
            .filter(|(_, now, before)| (now - before).abs() >= 10.0)
            .collect();
        changes.sort_by(|a, b| (b.1 - b.2).abs().total_cmp(&(a.1 - a.2).abs()));
        changes.iter().fold(String::new(), |mut text, (part, now, before)| {
            let _ = write!(text, "; {} {before:.0} -> {now:.0}", part.name());
            text
        })
    }
}

impl Figures {
    pub(crate) fn parse(text: &str) -> Result<Figures, Problem> {
        let taken_with = text.lines().find_map(|line| line.strip_prefix(TAKEN_WITH));
        let mut lines = text.lines().filter(|line| !line.starts_with('#'));
        if lines.next().map(|line| line.split_whitespace().collect()) != Some(columns()) {
            return Err("the kept figures are not of the parts that there are now: remake them with --write".into());
        }
        let rows = lines.map(|line| Row::parse(line).ok_or_else(|| format!("no figures: {line:?}")));
        Ok(Figures {
            taken_with: taken_with
                .ok_or("it does not say what the figures were taken with")?
                .to_owned(),
            rows: rows.collect::<Result<_, _>>()?,
        })
    }

    /// How far these may be from the kept ones, with the reason if that is far.
    pub(crate) fn band(&self, kept: &Figures) -> (f64, Option<String>) {
        if self.taken_with == kept.taken_with {
            return (BAND, None);
        }
        let reason = format!(
            "The kept figures are of {}, and this is {}: up to {:.0} % of difference is let pass.",
            kept.taken_with,
            self.taken_with,
            100.0 * WIDE_BAND
        );
        (WIDE_BAND, Some(reason))
    }

    /// What differs from the kept figures by more than the band.
    pub(crate) fn complaints(&self, kept: &Figures, band: f64) -> Vec<String> {
        let complaint = |row: &Row| {
            let is_same = |kept: &&Row| kept.side == row.side && kept.serializer == row.serializer;
            match kept.rows.iter().find(is_same) {
                Some(kept) => row.complaint(kept, band),
                None => Some(format!("{}, {}: no figures are kept", row.side, row.serializer)),
            }
        };
        self.rows.iter().filter_map(complaint).collect()
    }
}

fn columns() -> Vec<&'static str> {
    let parts = Part::ALL.map(Part::name);
    [
        &["side", "serializer"],
        parts.as_slice(),
        &["total", "system-calls", "allocations"],
    ]
    .concat()
}

impl fmt::Display for Figures {
    /// The file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{HEAD}{TAKEN_WITH}{}\n{:<13} {:<10}",
            self.taken_with, "side", "serializer"
        )?;
        let columns = columns();
        for column in &columns[2..] {
            write!(f, " {column:>8}")?;
        }
        writeln!(f)?;
        for row in &self.rows {
            write!(f, "{:<13} {:<10}", row.side.name(), row.serializer)?;
            for number in row.parts.iter().chain([&row.total()]) {
                write!(f, " {:>8.0}", number.round() + 0.0)?; // no -0
            }
            writeln!(f, " {:>12.1} {:>11.1}", row.system_calls, row.allocations)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(read: f64, decode: f64, allocations: f64) -> Figures {
        let mut parts = vec![0.0; Part::ALL.len()];
        parts[1] = read;
        parts[3] = decode;
        Figures {
            taken_with: "rustc 1, libc 2".to_owned(),
            rows: vec![Row {
                side: Side::Client,
                serializer: "serpent".to_owned(),
                parts,
                system_calls: 2.0,
                allocations,
            }],
        }
    }

    #[test]
    fn figures_are_read_as_they_were_written() {
        let figures = figures(100.0, 900.0, 3.0);
        assert_eq!(Figures::parse(&figures.to_string()).unwrap(), figures);
    }

    #[test]
    fn figures_of_other_parts_are_refused() {
        let text = figures(100.0, 900.0, 3.0).to_string();
        assert!(Figures::parse(&text.replace(" decode", " undoing")).is_err());
        assert!(Figures::parse(&text.replace("# taken with", "#")).is_err());
        assert!(Figures::parse(&text.replace(" 900 ", " ")).is_err());
    }

    #[test]
    fn more_and_fewer_instructions_than_the_band_are_told_with_the_parts_that_changed() {
        let kept = figures(100.0, 900.0, 3.0);
        assert_eq!(figures(100.0, 929.0, 3.0).complaints(&kept, BAND), [""; 0]);
        assert_eq!(
            figures(100.0, 940.0, 3.0).complaints(&kept, BAND),
            ["client, serpent: 1040 instructions a call, 4.0 % more than 1000; decode 900 -> 940"]
        );
        assert_eq!(
            figures(200.0, 700.0, 3.0).complaints(&kept, BAND),
            ["client, serpent: 900 instructions a call, 10.0 % fewer than 1000; decode 900 -> 700; read 100 -> 200"]
        );
    }

    #[test]
    fn one_more_allocation_is_told_whatever_it_costs() {
        let kept = figures(100.0, 900.0, 3.0);
        let complaints = figures(100.0, 901.0, 4.0).complaints(&kept, BAND);
        assert_eq!(complaints, ["client, serpent: 4.0 allocations a call instead of 3.0"]);
    }

    #[test]
    fn what_nothing_is_kept_of_is_told() {
        let mut kept = figures(100.0, 900.0, 3.0);
        kept.rows.clear();
        assert_eq!(
            figures(1.0, 1.0, 3.0).complaints(&kept, BAND),
            ["client, serpent: no figures are kept"]
        );
    }

    #[test]
    fn figures_of_another_compiler_may_differ_by_more() {
        let kept = figures(100.0, 900.0, 3.0);
        assert_eq!(kept.band(&kept), (BAND, None));
        let other = Figures {
            taken_with: "rustc 2, libc 2".to_owned(),
            ..figures(100.0, 900.0, 3.0)
        };
        let (band, reason) = other.band(&kept);
        assert!(band > BAND && reason.unwrap().contains("rustc 2"));
    }
}
