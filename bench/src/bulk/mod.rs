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
use crate::report::{Bound, Goal, Report};
use crate::rounds::Field;
use crate::table::{Scale, Summary, Table, Unit};
use crate::{Options, Problem, progress};

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
    pub(crate) fn method(self) -> &'static str {
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

pub(crate) fn run(options: &Options) -> Result<Report, Problem> {
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
            progress(&format!("{} MiB {direction}, {} rounds", size / MIB, plan.rounds));
            let table = Table::new(title, Scale::Speed, &field.measure(plan)?);
            summary.add(column(direction, size), table.in_unit(Unit::Bytes(size)));
        }
    }
    let mut report = Report::new("Many bytes in one call");
    report.text(format!(
        "One call with so many bytes as its argument (there) or result (back), against a raw TCP socket that moves as many from and into \
         a buffer that is there already. On loopback, {cores}. Results are looked at where they have arrived (`Proxy::call_bytes`); \
         \"kept\": the client gets them in memory of its own, as with `Proxy::call`."
    ));
    report.summary(&summary, &column(Direction::Back, sizes[0]));
    for direction in [Direction::There, Direction::Back] {
        for &size in &sizes {
            let column = column(direction, size);
            for serializer in &SERIALIZERS[..2] {
                report.goal(Goal::new(
                    format!("bytes through {serializer}, {column}, parts of a raw socket's speed"),
                    Bound::AtLeast(0.6),
                    summary.median(&column, &format!("Rust to Rust, {serializer}")),
                ));
            }
            let median = |name| summary.median(&column, name);
            let times = || Some(median("Rust to Rust, serpent")? / median("Pyro5 to Pyro5, serpent")?);
            report.goal(Goal::new(
                format!("bytes through serpent, {column}, times Pyro5"),
                Bound::AtLeast(10.0),
                times(),
            ));
        }
    }
    if let Some(reason) = &servers.left_out {
        report.leave_out(format!("the real Pyro: {reason}"));
    }
    Ok(report)
}

fn column(direction: Direction, size: usize) -> String {
    format!("{direction} {} MiB", size / MIB)
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
