//! Calls over more and more connections.

use std::time::Duration;

use ferropyro::Serializer;

use super::{Growth, powers};
use crate::core::{Cores, Seat};
use crate::load::fixed;
use crate::load::generator::{Generator, Kind};
use crate::load::transport::{Transport, Workshop};
use crate::process::{Process, raise_file_limit};
use crate::python_peers::Python;
use crate::recording::Recording;
use crate::rounds::Field;
use crate::{Options, Problem, rust_echo};

const MOST: usize = 10_000;
const QUICK_MOST: usize = 10;
/// What servers with a thread for each connection are asked for.
const MOST_THREADS: usize = 1000;
const POOL: &str = "THREADPOOL_SIZE=1100";
/// Descriptors that a process needs besides.
const SPARE: usize = 100;

pub(super) fn measure(options: &Options) -> Result<Growth, Problem> {
    let mut growth = Growth::new(
        "connections",
        "connections",
        "the time of a call, the next one on each connection as soon as the last one is answered; servers have one core, clients another",
    );
    let most = if options.quick { QUICK_MOST } else { MOST };
    let possible = raise_file_limit().saturating_sub(SPARE);
    if possible < most {
        growth.notes.push(format!(
            "This system allows no more than {possible} connections (ulimit -n)."
        ));
    }
    let cores = Cores::two()?;
    let (_recorder, recorded) = rust_echo::start_server(&[])?;
    let recording = Recording::of_a_call(&recorded, Serializer::Serpent)?;
    cores.sit(Seat::Servers)?;
    let (request, reply) = (recording.request.len(), recording.reply.len());
    let mut servers = vec![
        (
            "fixed frame",
            Kind::Fixed,
            MOST,
            fixed::start_server(request, reply, &[])?,
        ),
        (
            "ferropyro multiplex",
            Kind::Pyro,
            MOST,
            rust_echo::start_server(&["SERVERTYPE=multiplex"])?,
        ),
        (
            "ferropyro thread",
            Kind::Pyro,
            MOST_THREADS,
            rust_echo::start_server(&["SERVERTYPE=thread", POOL])?,
        ),
    ];
    match Python::find() {
        Ok(python) if options.python => {
            let server = python.start_server("pyro5", &["SERVERTYPE=multiplex"])?;
            servers.push(("Pyro5 multiplex", Kind::Pyro, MOST_THREADS, server));
        }
        Ok(_) => {}
        Err(reason) => growth.notes.push(format!("Left out: the real Pyro: {reason}.")),
    }
    cores.sit(Seat::Clients)?;
    let workshop = Workshop::open()?;
    for count in powers(1, most.min(possible)) {
        let mut field = Field::default();
        for (name, kind, _, (helper, uri)) in servers.iter().filter(|(_, _, most, _)| count <= *most) {
            let process = Process(helper.id());
            let generator = Generator::connect(&workshop, Transport::Tcp, uri, *kind, &recording, count, process);
            field.enter(*name, generator.map_err(|problem| format!("{name}: {problem}"))?);
        }
        // Long enough for every connection to have several calls.
        let turn = Duration::from_millis(20).max(Duration::from_micros(100) * count as u32);
        growth.measure(count, 1, field, turn, options)?;
    }
    Ok(growth)
}
