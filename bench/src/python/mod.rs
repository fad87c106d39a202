//! `bench python`: what a call costs from Python to Python, in multiples of a ping-pong over a plain socket of Python's, beside other libraries.

pub(crate) mod bulk;
#[cfg(unix)]
pub(crate) mod servers;

use ferropyro::Serializer;

use crate::peer::{Client, Helper};
use crate::python_peers::Python;
use crate::recording::Recording;
use crate::report::{Bound, Goal, Report};
use crate::rounds::{Field, TURN};
use crate::rust_echo::{self, MESSAGE};
use crate::table::{Scale, Table};
use crate::{Options, Problem, core};

const SERIALIZERS: [&str; 3] = ["serpent", "marshal", "msgpack"];
/// Where the Python package of this project is.
const PACKAGE: &str = "FERROPYRO_PACKAGE";
/// Who takes part, and what they are called.
const LIBRARIES: [(&str, &str); 3] = [("ferropyro", "ferropyro"), ("pyro5", "Pyro5"), ("pyro4", "Pyro4")];

/// Another library for calls between Python programs, see python_contenders.py.
struct Contender {
    name: &'static str,
    kind: &'static str,
    modules: &'static str,
    /// What to do if they are missing.
    remedy: &'static str,
}

const CONTENDERS: [Contender; 3] = [
    Contender {
        name: "multiprocessing.connection",
        kind: "connection",
        modules: "multiprocessing.connection",
        remedy: "they come with Python itself",
    },
    Contender {
        name: "RPyC",
        kind: "rpyc",
        modules: "rpyc",
        remedy: "pip install rpyc",
    },
    Contender {
        name: "grpcio",
        kind: "grpcio",
        modules: "grpc, google.protobuf.wrappers_pb2",
        remedy: "pip install grpcio protobuf",
    },
];

impl Contender {
    fn start(&self, python: &Python) -> Result<(Helper, Client), Problem> {
        if !python.has(self.modules) {
            return Err(format!("{python} cannot import {} ({})", self.modules, self.remedy).into());
        }
        python.start_contender(self.kind, MESSAGE)
    }
}

pub(crate) fn run(options: &Options) -> Result<Report, Problem> {
    let python = Python::find()?;
    let pinned = core::pin();
    let mut field = Field::default();
    let mut servers = Vec::new();
    let (request, reply) = lengths()?;
    let (listener, port) = python.start_raw(reply)?;
    servers.push(listener);
    field.enter("plain socket", python.connect_raw(request, reply, &port)?);
    let mut left_out = Vec::new();
    for (library, name) in LIBRARIES {
        if library == "ferropyro" && std::env::var_os(PACKAGE).is_none() {
            left_out.push(format!(
                "{name}: {PACKAGE} names no folder with its Python package (`cargo xtask bench python` builds it)"
            ));
            continue;
        }
        let (server, uri) = python.start_server(library, &[])?;
        servers.push(server);
        for serializer in SERIALIZERS {
            let client = python.connect(library, serializer, &uri, MESSAGE)?;
            field.enter(format!("{name}, {serializer}"), client);
        }
    }
    for contender in CONTENDERS {
        match contender.start(&python) {
            Ok((server, client)) => {
                servers.push(server);
                field.enter(contender.name, client);
            }
            Err(reason) => left_out.push(format!("{}: {reason}", contender.name)),
        }
    }
    let plan = field.plan(TURN, options);
    let table = Table::new("times the plain socket", Scale::Cost, &field.measure(plan)?);
    let mut report = Report::new("A call from Python to Python");
    report.text(format!(
        "A call that sends a text of {} bytes and gets it back, from Python to Python, against a ping-pong of {request} and {reply} bytes over a plain socket \
         of Python's. Clients and servers are processes of their own, on loopback, {pinned}; {} rounds of {} ms each.",
        MESSAGE.len(),
        plan.rounds,
        plan.turn.as_millis(),
    ));
    report.table("echo in Python, all on one core", &table);
    for reason in left_out {
        report.leave_out(reason);
    }
    if let Some(sentence) = statement(&table) {
        report.finding(sentence);
    }
    report.goal(Goal::new(
        "an echo call of the Python package with serpent, times a raw Python socket on the same core",
        Bound::AtMost(1.6),
        table.median("ferropyro, serpent"),
    ));
    drop(servers);
    Ok(report)
}

/// Of the frames of such a call with serpent.
fn lengths() -> Result<(usize, usize), Problem> {
    let (_server, uri): (Helper, String) = rust_echo::start_server(&[])?;
    let call = Recording::of_a_call(&uri, Serializer::Serpent)?;
    Ok((call.request.len(), call.reply.len()))
}

/// The sentence that holds on any machine, if the package takes part.
fn statement(table: &Table) -> Option<String> {
    let ours = |serializer: &str| table.median(&format!("ferropyro, {serializer}"));
    if SERIALIZERS.iter().all(|serializer| ours(serializer).is_none()) {
        return None;
    }
    let parts = SERIALIZERS.map(|serializer| {
        let faster = |name: &str| match (ours(serializer), table.median(&format!("{name}, {serializer}"))) {
            (Some(ours), Some(theirs)) => format!("{:.1} times faster than {name}", theirs / ours),
            _ => String::new(),
        };
        let cost = ours(serializer).unwrap_or(f64::NAN);
        format!(
            "with {serializer} {cost:.2} times a plain socket, {} and {}",
            faster("Pyro5"),
            faster("Pyro4")
        )
    });
    Some(format!(
        "On one core a call of the Python package takes {}.",
        parts.join("; ")
    ))
}
