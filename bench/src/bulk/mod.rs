//! `bench bulk`: many bytes in one call, in parts of the speed at which a raw socket moves as many.

mod raw;
mod rust;

use std::fmt;
use std::time::Duration;

use ferropyro::Serializer;
use rust::Use;

use crate::core::{Cores, Seat};
use crate::peer::Helper;
use crate::python_peers::Python;
use crate::rounds::Field;
use crate::table::{Scale, Summary, Table};
use crate::{Options, Problem};

pub(crate) use raw::{Raw, serve as serve_raw};
pub(crate) use rust::serve as serve_rust;

const MIB: usize = 1 << 20;
const SIZES: [usize; 3] = [MIB, 8 * MIB, 64 * MIB];
const QUICK_SIZES: [usize; 1] = [MIB];
const SERIALIZERS: [Serializer; 3] = [Serializer::Marshal, Serializer::Msgpack, Serializer::Serpent];
const TURN: Duration = Duration::from_millis(20);

/// Which way the bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// To the server, as an argument.
    There,
    /// From the server, as a result.
    Back,
}

impl Direction {
    /// The method that is called.
    fn method(self) -> &'static str {
        match self {
            Direction::There => "take",
            Direction::Back => "give",
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Direction::There => "there",
            Direction::Back => "back",
        })
    }
}

pub(crate) fn main(options: &Options) -> Result<(), Problem> {
    let cores = Cores::two()?;
    cores.sit(Seat::Servers)?;
    let servers = Servers::start(options)?;
    cores.sit(Seat::Clients)?;
    let title = "parts of the raw socket's speed";
    let mut summary = Summary::new(title);
    let all = match options.quick {
        true => QUICK_SIZES.as_slice(),
        false => &SIZES,
    };
    let is_wanted = |size: &usize| options.mib.is_none_or(|mib| mib * MIB == *size);
    let sizes: Vec<usize> = all.iter().copied().filter(is_wanted).collect();
    if sizes.is_empty() {
        return Err("bulk moves 1, 8 or 64 MiB at a time".into());
    }
    for direction in [Direction::There, Direction::Back] {
        for &size in &sizes {
            let mut field = servers.field(direction, size)?;
            let plan = field.plan_by_trial(TURN, options)?;
            let table = Table::new(title, Scale::Speed, &field.measure(plan)?);
            println!("{} MiB {direction}, {} rounds\n{table}", size / MIB, plan.rounds);
            summary.add(format!("{direction} {} MiB", size / MIB), table);
        }
    }
    println!(
        "One call with so many bytes as its argument (there) or result (back), against a raw TCP socket that moves as many from \
         and into\na buffer that is there already. On loopback, {cores}. Results are looked at where \
         they have arrived\n(`Proxy::call_bytes`); \"kept\": the client gets them in memory of its own, as with `Proxy::call`.\n"
    );
    match options.markdown {
        true => println!("{summary:#}"),
        false => println!("{summary}"),
    }
    let times = |column: &str| {
        let median = |name| summary.median(column, name);
        Some(median("Rust to Rust, serpent")? / median("Pyro5 to Pyro5, serpent")?)
    };
    let columns = [Direction::There, Direction::Back].into_iter().flat_map(|direction| {
        let column = move |size: &usize| format!("{direction} {} MiB", size / MIB);
        sizes.iter().map(column)
    });
    let serpent: Vec<String> = columns
        .filter_map(|column| Some(format!("{column} {:.0}", times(&column)?)))
        .collect();
    if !serpent.is_empty() {
        println!(
            "Through serpent ferropyro is so many times as fast as Pyro5: {}.",
            serpent.join(", ")
        );
    }
    if let Some(reason) = &servers.left_out {
        println!("The real Pyro is left out: {reason}");
    }
    Ok(())
}

/// The servers' processes, with what it takes to reach them.
struct Servers {
    raw: String,
    rust: String,
    python: Option<(Python, String)>,
    left_out: Option<String>,
    _processes: Vec<Helper>,
}

impl Servers {
    fn start(options: &Options) -> Result<Servers, Problem> {
        let mut raw = Helper::start_self(&["serve", "bulk-raw"])?;
        let mut rust = Helper::start_self(&["serve", "bulk-rust"])?;
        let (address, uri) = (raw.line()?, rust.line()?);
        let mut processes = vec![raw, rust];
        let (python, left_out) = match Python::find() {
            Ok(python) if options.python => {
                let (server, uri) = python.start_server("pyro5", &[])?;
                processes.push(server);
                (Some((python, uri)), None)
            }
            Ok(_) => (None, None),
            Err(reason) => (None, Some(reason)),
        };
        Ok(Servers {
            raw: address,
            rust: uri,
            python,
            left_out,
            _processes: processes,
        })
    }

    fn field(&self, direction: Direction, size: usize) -> Result<Field, Problem> {
        let mut field = Field::default();
        field.enter("raw socket", Raw::connect(&self.raw, direction, size)?);
        for serializer in SERIALIZERS {
            let client = rust::Client::connect(&self.rust, serializer, direction, Use::Seen, size)?;
            field.enter(format!("Rust to Rust, {}", serializer.name()), client);
            if direction == Direction::Back {
                let client = rust::Client::connect(&self.rust, serializer, direction, Use::Kept, size)?;
                field.enter(format!("Rust to Rust, {}, kept", serializer.name()), client);
            }
        }
        if let Some((python, uri)) = &self.python {
            for serializer in SERIALIZERS {
                let client = python.connect_bulk("pyro5", serializer.name(), uri, direction.method(), size)?;
                field.enter(format!("Pyro5 to Pyro5, {}", serializer.name()), client);
            }
        }
        Ok(field)
    }
}
