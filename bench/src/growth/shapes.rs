//! Values that are wider and wider, and deeper and deeper.

use std::time::Duration;

use ferropyro::Value;
use ferropyro::formats::{Limits, json, marshal, msgpack, pickle, serpent};

use super::{Growth, powers};
use crate::peer::{Peer, Sample, repeat_in_batches};
use crate::rounds::Field;
use crate::{Options, Problem, core};

const WIDEST: usize = 1_000_000;
/// Beyond the depth that the serializers allow by default, which is from 200 (serpent) to 1999.
const DEEPEST: usize = 1000;
const QUICK_MOST: usize = 10;

/// Lists with more and more items.
pub(super) fn widths(options: &Options) -> Result<Growth, Problem> {
    let growth = Growth::new(
        "width",
        "items",
        "the time for each item of a list of numbers, to write it and to read it again as a value of any type",
    );
    measure(
        growth,
        if options.quick { QUICK_MOST } else { WIDEST },
        usize::MAX,
        options,
        |count| Value::List((0..count as i64).map(Value::Int).collect()),
    )
}

/// Lists in lists in lists.
pub(super) fn depths(options: &Options) -> Result<Growth, Problem> {
    let growth = Growth::new(
        "depth",
        "lists, each in the other",
        "the time for each list, to write all and to read them again as a value of any type, as deep as a serializer allows by default",
    );
    let nested = |count| (1..count).fold(Value::List(Vec::new()), |inner, _| Value::List(vec![inner]));
    measure(
        growth,
        if options.quick { QUICK_MOST } else { DEEPEST },
        0,
        options,
        nested,
    )
}

/// `flat`: how many items a value may have whatever the limit for depth is.
fn measure(
    mut growth: Growth,
    most: usize,
    flat: usize,
    options: &Options,
    make: impl Fn(usize) -> Value,
) -> Result<Growth, Problem> {
    core::pin();
    for count in powers(1, most) {
        let value = make(count);
        let mut field = Field::default();
        macro_rules! enter {
            ($($format:ident)*) => {
                $(
                    let limits: Limits = $format::LIMITS;
                    if count <= limits.depth.max(flat) {
                        let value = value.clone();
                        let there_and_back = move || -> Result<bool, Problem> {
                            let bytes = $format::to_vec(&value)?;
                            Ok($format::from_slice::<Value>(&bytes)? == value)
                        };
                        if !there_and_back()? {
                            return Err(concat!(stringify!($format), " gives something else back").into());
                        }
                        field.enter(concat!("ferropyro, ", stringify!($format)), Repeated(there_and_back));
                    }
                )*
            };
        }
        enter!(serpent marshal msgpack pickle json);
        growth.measure_short(count, count, field, options)?;
    }
    Ok(growth)
}

struct Repeated<F>(F);

impl<F: FnMut() -> Result<bool, Problem>> Peer for Repeated<F> {
    fn call_for(&mut self, time: Duration) -> Result<Sample, Problem> {
        repeat_in_batches(1, time, || {
            std::hint::black_box((self.0)()?);
            Ok(())
        })
    }
}
