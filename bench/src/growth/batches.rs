//! More and more calls in one message.

use std::time::Duration;

use ferropyro::{Proxy, Serializer};

use super::{Growth, powers};
use crate::peer::{Peer, Sample, repeat_in_batches};
use crate::rounds::Field;
use crate::rust_echo::{self, MESSAGE};
use crate::{Options, Problem, core};

/// As many as a daemon takes unless told otherwise.
const MOST: usize = 10_000;
const QUICK_MOST: usize = 10;

pub(super) fn measure(options: &Options) -> Result<Growth, Problem> {
    let mut growth = Growth::new(
        "batches",
        "calls in a batch",
        "the time of each call in a batch; all on one core",
    );
    core::pin();
    let (_server, uri) = rust_echo::start_server(&[])?;
    for count in powers(1, if options.quick { QUICK_MOST } else { MOST }) {
        let mut field = Field::default();
        for serializer in [Serializer::Serpent, Serializer::Msgpack] {
            let proxy = Proxy::builder().serializer(serializer).build(&*uri)?;
            field.enter(format!("ferropyro, {serializer}"), Batches { proxy, count });
        }
        growth.measure_short(count, count, field, options)?;
    }
    Ok(growth)
}

struct Batches {
    proxy: Proxy,
    count: usize,
}

impl Peer for Batches {
    fn call_for(&mut self, time: Duration) -> Result<Sample, Problem> {
        repeat_in_batches(1, time, || {
            let mut batch = self.proxy.batch();
            for _ in 0..self.count {
                batch.call("echo", (MESSAGE,));
            }
            let answers: Vec<String> = batch.run()?.all()?;
            match answers.len() == self.count && answers.iter().all(|answer| answer == MESSAGE) {
                true => Ok(()),
                false => Err(format!("{} answers for {} calls", answers.len(), self.count).into()),
            }
        })
    }
}
