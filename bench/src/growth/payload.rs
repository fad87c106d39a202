//! Calls with more and more bytes.

use std::time::Duration;

use ferropyro::{Bytes, Proxy, Serializer};

use super::{Growth, powers};
use crate::bulk::{Direction, Raw};
use crate::core::{Cores, Seat};
use crate::peer::{Helper, Peer, Sample, repeat_in_batches};
use crate::python_peers::Python;
use crate::rounds::Field;
use crate::{Options, Problem};

const LEAST: usize = 10;
/// A hundred million bytes are 95 MiB.
const MOST: usize = 100_000_000;
const QUICK_MOST: usize = 1000;
const SERIALIZERS: [Serializer; 3] = [Serializer::Marshal, Serializer::Msgpack, Serializer::Serpent];
const TURN: Duration = Duration::from_millis(10);

pub(super) fn measure(options: &Options) -> Result<Growth, Problem> {
    let mut growth = Growth::new(
        "payload",
        "bytes",
        "the time for each byte of a call with so many bytes as its argument; servers have one core, clients another",
    );
    let cores = Cores::two()?;
    cores.sit(Seat::Servers)?;
    let mut raw = Helper::start_self(&["serve", "bulk-raw"])?;
    let mut rust = Helper::start_self(&["serve", "bulk-rust"])?;
    let (raw_address, rust_uri) = (raw.line()?, rust.line()?);
    let python = match Python::find() {
        Ok(python) if options.python => Some((python.start_server("pyro5", &[])?, python)),
        Ok(_) => None,
        Err(reason) => {
            growth.notes.push(format!("Left out: the real Pyro: {reason}."));
            None
        }
    };
    cores.sit(Seat::Clients)?;
    for size in powers(LEAST, if options.quick { QUICK_MOST } else { MOST }) {
        let mut field = Field::default();
        field.enter("raw socket", Raw::connect(&raw_address, Direction::There, size)?);
        for serializer in SERIALIZERS {
            let client = Client {
                proxy: Proxy::builder().serializer(serializer).build(&*rust_uri)?,
                data: Bytes(vec![b'.'; size]),
            };
            field.enter(format!("ferropyro, {serializer}"), client);
        }
        if let Some(((_, uri), python)) = &python {
            let client = python.connect_bulk("pyro5", "marshal", uri, Direction::There.method(), size)?;
            field.enter("Pyro5, marshal", client);
        }
        growth.measure(size, size, field, TURN, options)?;
    }
    Ok(growth)
}

struct Client {
    proxy: Proxy,
    data: Bytes,
}

impl Peer for Client {
    fn call_for(&mut self, time: Duration) -> Result<Sample, Problem> {
        repeat_in_batches(1, time, || {
            let arrived: usize = self.proxy.call("take", (&self.data,))?;
            match arrived == self.data.len() {
                true => Ok(()),
                false => Err(format!("{arrived} bytes of {} have arrived", self.data.len()).into()),
            }
        })
    }
}
