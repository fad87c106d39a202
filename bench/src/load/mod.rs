//! Many connections at a time: what sends calls over them, and what they are compared with.

pub(crate) mod channel;
pub(crate) mod fixed;
pub(crate) mod generator;
pub(crate) mod transport;

use std::time::Duration;

use crate::rounds::Field;
use crate::table::{Scale, Table};
use crate::{Options, Problem};

/// The speed of servers over so many connections, in parts of that of the first one, and on the way what that one does in a second.
pub(crate) fn measure(
    mut field: Field,
    count: usize,
    title: &'static str,
    options: &Options,
) -> Result<Table, Problem> {
    // Long enough for every connection to have several calls.
    let turn = Duration::from_millis(20).max(Duration::from_micros(100) * count as u32);
    let plan = match options.quick {
        true => field.plan(turn, options),
        false => field.plan_by_trial(turn, options)?,
    };
    let scores = field.measure(plan)?;
    if let Some(first) = scores.first() {
        let mut times = first.times.clone();
        times.sort_by(f64::total_cmp);
        println!(
            "{count} connections, {} rounds of {} ms; {}: {:.0} a second.",
            plan.rounds,
            plan.turn.as_millis(),
            first.name,
            1.0 / times[times.len() / 2]
        );
    }
    Ok(Table::new(title, Scale::Speed, &scores))
}
