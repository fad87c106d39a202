//! `bench python-bulk`: bytes, and arrays of numpy, from Python to Python and back, in parts of the speed of a plain socket of Python's.

use std::time::Duration;

use super::LIBRARIES;
use crate::core::{Cores, Seat};
use crate::peer::Helper;
use crate::python_peers::Python;
use crate::report::Report;
use crate::rounds::Field;
use crate::table::{Scale, Summary, Table, Unit};
use crate::{Options, Problem, progress};

const MIB: usize = 1 << 20;
const SIZES: [usize; 2] = [MIB, 8 * MIB];
const TURN: Duration = Duration::from_millis(20);
const TITLE: &str = "parts of the plain socket's speed";

/// What travels, and by which serializers of which library.
struct Kind {
    name: &'static str,
    serializers: [(&'static str, &'static [&'static str]); 3],
}

const KINDS: [Kind; 2] = [
    Kind {
        name: "bytes",
        serializers: [
            ("ferropyro", &["pickle", "marshal", "msgpack", "serpent"]),
            ("pyro5", &["marshal", "msgpack", "serpent"]),
            ("pyro4", &["pickle", "marshal", "msgpack", "serpent"]),
        ],
    },
    // Pyro4 has pickle alone for them, and Pyro5 nothing but what the program makes of them itself.
    Kind {
        name: "numpy",
        serializers: [
            ("ferropyro", &["pickle", "marshal", "msgpack", "serpent"]),
            ("pyro5", &["marshal", "msgpack"]),
            ("pyro4", &["pickle"]),
        ],
    },
];

pub(crate) fn run(options: &Options) -> Result<Report, Problem> {
    let python = Python::find()?;
    let cores = Cores::two()?;
    let sizes = sizes(options)?;
    cores.sit(Seat::Servers)?;
    let servers = Servers::start(&python)?;
    cores.sit(Seat::Clients)?;
    let mut summary = Summary::new(TITLE);
    let kinds: Vec<&Kind> = KINDS
        .iter()
        .filter(|kind| kind.name != "numpy" || python.has("numpy"))
        .collect();
    for kind in &kinds {
        for &size in &sizes {
            let mut field = servers.field(&python, kind, size)?;
            let plan = field.plan_by_trial(TURN, options)?;
            let column = column(kind, size);
            progress(&format!("{column}, {} rounds", plan.rounds));
            let table = Table::new(TITLE, Scale::Speed, &field.measure(plan)?);
            summary.add(column, table.in_unit(Unit::Bytes(2 * size)));
        }
    }
    let mut report = Report::new("Large data in Python");
    report.text(format!(
        "A call from Python to Python with so many bytes, or an array of float64 of numpy as large, as its argument, which comes back as its result; against \
         a plain socket of Python's that moves as many both ways. On loopback, {cores}. Pyro5 has no arrays: its programs \
         send `tobytes()`, the type and the shape; the package does so by itself (`util.register(\"numpy\")`), and so does pickle."
    ));
    report.summary(&summary, &column(&KINDS[0], sizes[sizes.len() - 1]));
    for kind in &kinds {
        for &size in &sizes {
            report.finding(statement(&summary, kind, size));
        }
    }
    if kinds.len() < KINDS.len() {
        report.leave_out("arrays, for there is no numpy");
    }
    Ok(report)
}

fn sizes(options: &Options) -> Result<Vec<usize>, Problem> {
    let is_wanted = |size: &&usize| match options.mib {
        Some(mib) => mib * MIB == **size,
        None => !options.quick || **size == MIB,
    };
    let sizes: Vec<usize> = SIZES.iter().filter(is_wanted).copied().collect();
    match sizes.is_empty() {
        true => Err("python-bulk moves 1 or 8 MiB at a time".into()),
        false => Ok(sizes),
    }
}

fn column(kind: &Kind, size: usize) -> String {
    format!("{} {} MiB", kind.name, size / MIB)
}

/// The servers' processes, with what it takes to reach them.
struct Servers {
    raw: String,
    uris: Vec<String>,
    _processes: Vec<Helper>,
}

impl Servers {
    fn start(python: &Python) -> Result<Servers, Problem> {
        let (helper, raw) = python.start_raw_bulk()?;
        let mut processes = vec![helper];
        let mut uris = Vec::new();
        for (library, _) in LIBRARIES {
            let (helper, uri) = python.start_server(library, &[])?;
            processes.push(helper);
            uris.push(uri);
        }
        Ok(Servers {
            raw,
            uris,
            _processes: processes,
        })
    }

    fn field(&self, python: &Python, kind: &Kind, size: usize) -> Result<Field, Problem> {
        let mut field = Field::default();
        field.enter("plain socket", python.connect_raw_bulk(size, &self.raw)?);
        for ((library, name), uri) in LIBRARIES.iter().zip(&self.uris) {
            let own = kind.serializers.iter().filter(|(whose, _)| whose == library);
            for serializer in own.flat_map(|(_, serializers)| *serializers) {
                let client = python.connect_both(library, serializer, uri, kind.name, size)?;
                field.enter(format!("{name}, {serializer}"), client);
            }
        }
        Ok(field)
    }
}

/// How much faster the package is with each serializer that the others have, too.
fn statement(summary: &Summary, kind: &Kind, size: usize) -> String {
    let column = column(kind, size);
    let median = |name: &str, serializer: &str| summary.median(&column, &format!("{name}, {serializer}"));
    let parts = kind.serializers[0].1.iter().filter_map(|serializer| {
        let ours = median("ferropyro", serializer)?;
        let times = LIBRARIES[1..]
            .iter()
            .filter_map(|(_, name)| Some(format!("{:.1} times {name}", ours / median(name, serializer)?)));
        let times: Vec<String> = times.collect();
        (!times.is_empty()).then(|| format!("with {serializer} {}", times.join(" and ")))
    });
    format!(
        "{column}, speed of ferropyro: {}.",
        parts.collect::<Vec<_>>().join("; ")
    )
}
