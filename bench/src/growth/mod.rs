//! `bench growth`: how the time of a piece of work grows with all that can be more or larger. Nothing should grow faster than its work.

mod asker;
mod batches;
mod connections;
mod crowds;
mod payload;
mod shapes;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::chart::{Curve, Curves};
use crate::grid::{self, Grid};
use crate::report::{Bound, Goal, Report};
use crate::rounds::{Field, TURN};
use crate::{Options, Problem, progress};

/// How much more a piece of work may cost where there is ten times as much: a tenth power, which is a quarter.
const STEEPEST: f64 = 0.1;

pub(crate) fn run(options: &Options) -> Result<Report, Problem> {
    let mut report = Report::new("How it grows");
    report.text(format!(
        "The time that one piece of work takes, where there is more and more of it. What grows as its work does is a level line here. \"steepness\" is the power \
         with which the time of a piece grows over the upper half of a line (as its length is drawn, which is by powers of ten): at 0 it stays the same, at 1 a piece \
         takes ten times as long where there is ten times as much, below 0 it gets cheaper. Asked is at most {STEEPEST}: ten times as much may make a \
         piece dearer by a quarter, which is what memory costs that is too large for the processor's caches."
    ));
    for measure in [
        connections::measure,
        payload::measure,
        crowds::names,
        crowds::objects,
        batches::measure,
        shapes::widths,
        shapes::depths,
    ] {
        measure(options)?.tell(&mut report);
    }
    Ok(report)
}

/// How the time of a piece of work grows.
struct Growth {
    title: &'static str,
    /// What there is more of.
    x: &'static str,
    /// What is timed.
    piece: &'static str,
    /// The contenders in the order in which they came, with seconds a piece for each number.
    lines: Vec<(String, BTreeMap<usize, f64>)>,
    notes: Vec<String>,
}

impl Growth {
    fn new(title: &'static str, x: &'static str, piece: &'static str) -> Growth {
        Growth {
            title,
            x,
            piece,
            lines: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Measures everybody for this number; each call does so many pieces of work.
    fn measure(
        &mut self,
        x: usize,
        pieces: usize,
        mut field: Field,
        turn: Duration,
        options: &Options,
    ) -> Result<(), Problem> {
        // There are many numbers: each gets a part of the time.
        let options = options.with_time(options.time / 4);
        progress(&format!("{}: {} {}", self.title, grid::count(x as f64), self.x));
        let plan = field.plan_by_trial(turn, &options)?;
        for score in field.measure(plan)? {
            let time = score.median() / pieces as f64;
            match self.lines.iter_mut().find(|(name, _)| *name == score.name) {
                Some((_, line)) => _ = line.insert(x, time),
                None => self.lines.push((score.name, BTreeMap::from([(x, time)]))),
            }
        }
        Ok(())
    }

    /// As [`Growth::measure`], with turns for calls that take microseconds.
    fn measure_short(&mut self, x: usize, pieces: usize, field: Field, options: &Options) -> Result<(), Problem> {
        self.measure(x, pieces, field, TURN, options)
    }

    fn tell(self, report: &mut Report) {
        report.text(format!("**{}**: {}.", self.title, self.piece));
        for note in &self.notes {
            report.text(note);
        }
        report.picture(Curves {
            title: self.title.to_owned(),
            x: self.x.to_owned(),
            y: "seconds".to_owned(),
            curves: self.lines.iter().map(|(name, line)| curve(name, line)).collect(),
        });
        report.grid(self.grid());
        for (name, line) in self.lines.iter().filter(|(name, _)| name.starts_with("ferropyro")) {
            report.goal(Goal::new(
                format!("steepness, {}: {name}", self.title),
                Bound::AtMost(STEEPEST),
                steepness(line),
            ));
        }
    }

    fn grid(&self) -> Grid {
        let mut all: Vec<usize> = self.lines.iter().flat_map(|(_, line)| line.keys().copied()).collect();
        all.sort_unstable();
        all.dedup();
        let numbers = all.iter().map(|x| grid::count(*x as f64));
        let mut grid = Grid::new(
            [self.x.to_owned()]
                .into_iter()
                .chain(numbers)
                .chain(["steepness".to_owned()]),
        );
        for (name, line) in &self.lines {
            let missing = || "-".to_owned();
            let times = all
                .iter()
                .map(|x| line.get(x).map_or_else(missing, |time| grid::time(*time)));
            let steepness = steepness(line).map_or_else(missing, |power| format!("{power:.2}"));
            grid.row([name.clone()].into_iter().chain(times).chain([steepness]));
        }
        grid
    }
}

fn curve(name: &str, line: &BTreeMap<usize, f64>) -> Curve {
    Curve {
        name: name.to_owned(),
        points: line.iter().map(|(x, time)| (*x as f64, *time)).collect(),
    }
}

/// The power with which a line grows over its upper half: the slope of the straight line that comes nearest to its logarithms.
fn steepness(line: &BTreeMap<usize, f64>) -> Option<f64> {
    let logarithms = line.iter().map(|(x, time)| ((*x as f64).ln(), time.ln()));
    let (first, last) = (*line.first_key_value()?.0 as f64, *line.last_key_value()?.0 as f64);
    // Where an even number of points is cut in the middle, a rounding error must not decide.
    let middle = (first.ln() + last.ln()) / 2.0 - 1e-9;
    let upper: Vec<(f64, f64)> = logarithms.filter(|(x, _)| *x >= middle).collect();
    let mean = |of: fn(&(f64, f64)) -> f64| upper.iter().map(of).sum::<f64>() / upper.len() as f64;
    let (mean_x, mean_y) = (mean(|point| point.0), mean(|point| point.1));
    let covariance: f64 = upper.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
    let variance: f64 = upper.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
    (variance > 0.0).then(|| covariance / variance)
}

/// The powers of ten from one to another.
fn powers(from: usize, to: usize) -> impl Iterator<Item = usize> {
    std::iter::successors(Some(from), |number| number.checked_mul(10)).take_while(move |number| *number <= to)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(of: impl Fn(f64) -> f64) -> BTreeMap<usize, f64> {
        powers(1, 10_000).map(|x| (x, of(x as f64))).collect()
    }

    #[test]
    fn steepness_is_the_power_over_the_upper_half() {
        let near = |line: BTreeMap<usize, f64>, power: f64| {
            let found = steepness(&line).unwrap();
            assert!((found - power).abs() < 1e-6, "{found} for {power}: {line:?}");
        };
        near(line(|_| 3.0), 0.0);
        near(line(|x| 2.0 * x), 1.0);
        near(line(|x| x.powf(-0.5)), -0.5);
        // What is before the middle does not count.
        near(line(|x| if x < 100.0 { 1000.0 / x } else { x * x }), 2.0);
    }

    #[test]
    fn a_single_point_has_no_steepness() {
        assert_eq!(steepness(&BTreeMap::from([(10, 1.0)])), None);
        assert_eq!(steepness(&BTreeMap::new()), None);
    }
}
