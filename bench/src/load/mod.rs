//! Many connections at a time: what sends calls over them, and what they are compared with.

pub(crate) mod channel;
pub(crate) mod fixed;
pub(crate) mod generator;
pub(crate) mod transport;

use std::time::Duration;

use crate::rounds::Field;
use crate::table::{Scale, Table, Unit};
use crate::{Options, Problem, progress};

/// The speed of servers over so many connections of a kind, in parts of that of the first one.
pub(crate) fn measure(
    mut field: Field,
    count: usize,
    kind: &str,
    title: &'static str,
    options: &Options,
) -> Result<Table, Problem> {
    // Long enough for every connection to have several calls.
    let turn = Duration::from_millis(20).max(Duration::from_micros(100) * count as u32);
    let plan = match options.quick {
        true => field.plan(turn, options),
        false => field.plan_by_trial(turn, options)?,
    };
    progress(&format!(
        "{count} connections, {kind}, {} rounds of {} ms",
        plan.rounds,
        plan.turn.as_millis()
    ));
    Ok(Table::new(title, Scale::Speed, &field.measure(plan)?).in_unit(Unit::Calls))
}
