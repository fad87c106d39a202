//! `bench echo`: what a remote call costs, in multiples of a raw TCP ping-pong of the same bytes.

use ferropyro::Serializer;

use crate::peer::Helper;
use crate::python_peers::Python;
use crate::raw::Raw;
use crate::recording::Recording;
use crate::report::{Bound, Goal, Report};
use crate::rounds::{Field, TURN};
use crate::rust_echo::{self, MESSAGE};
use crate::table::{Scale, Table};
use crate::{Options, Problem, core};

const SERIALIZERS: [Serializer; 4] = [
    Serializer::Serpent,
    Serializer::Marshal,
    Serializer::Msgpack,
    Serializer::Json,
];

pub(crate) fn run(options: &Options) -> Result<Report, Problem> {
    let pinned = core::pin();
    let mut echo = Echo::default();
    let (call, left_out) = echo.start_all()?;
    let plan = echo.field.plan(TURN, options);
    let table = Table::new("times the raw ping-pong", Scale::Cost, &echo.field.measure(plan)?);
    let mut report = Report::new("A call that comes back");
    report.text(format!(
        "A call that sends a text of {} bytes and gets it back, against a raw TCP ping-pong of the same bytes ({} there, {} back). \
         Clients and servers are processes of their own, on loopback, {pinned}; {} rounds of {} ms each. \
         \"fastest\" compares the fastest rounds, which a busy machine disturbs least.",
        MESSAGE.len(),
        call.request.len(),
        call.reply.len(),
        plan.rounds,
        plan.turn.as_millis(),
    ));
    report.table("echo, all on one core", &table);
    if let Some(reason) = left_out {
        report.leave_out(format!("the real Pyro: {reason}"));
    }
    report.finding(statement(&table));
    report.goal(Goal::new(
        "an echo call from Rust to Rust with serpent, times a raw TCP ping-pong on the same core",
        Bound::AtMost(1.25),
        table.median(&rust_name(Serializer::Serpent)),
    ));
    Ok(report)
}

/// The sentence that holds on any machine.
fn statement(table: &Table) -> String {
    let times = |name: &str| table.median(name).map(|median| format!("{median:.2} times"));
    let Some(ours) = times(&rust_name(Serializer::Serpent)) else {
        return String::new();
    };
    let theirs: String = ["pyro5", "pyro4"]
        .into_iter()
        .filter_map(|generation| {
            let name = python_name(generation, generation, "serpent");
            Some(format!(", {} {}", title(generation), times(&name)?))
        })
        .collect();
    format!("On one core an echo call with serpent takes, against moving its bytes alone: ferropyro {ours}{theirs}.")
}

fn rust_name(serializer: Serializer) -> String {
    format!("Rust to Rust, {}", serializer.name())
}

fn python_name(client: &str, server: &str, serializer: &str) -> String {
    format!("{} to {}, {serializer}", title(client), title(server))
}

fn title(program: &str) -> &str {
    match program {
        "pyro4" => "Pyro4",
        "pyro5" => "Pyro5",
        "rust" => "Rust",
        other => other,
    }
}

/// The peers, and the servers' processes.
#[derive(Default)]
struct Echo {
    field: Field,
    servers: Vec<Helper>,
}

impl Echo {
    /// Starts all peers. Gives the frames of a call, and the reason if the Python peers are missing.
    fn start_all(&mut self) -> Result<(Recording, Option<String>), Problem> {
        let (server, uri) = rust_echo::start_server(&[])?;
        self.servers.push(server);
        let call = Recording::of_a_call(&uri, Serializer::Serpent)?;
        let raw = Raw::start(call.request.len(), call.reply.len())?;
        self.field.enter("raw TCP ping-pong", raw);
        for serializer in SERIALIZERS {
            let client = rust_echo::Client::connect(&uri, serializer)?;
            self.field.enter(rust_name(serializer), client);
        }
        match Python::find() {
            Ok(python) => self.start_python(&python, &uri).map(|()| (call, None)),
            Err(reason) => Ok((call, Some(reason))),
        }
    }

    fn start_python(&mut self, python: &Python, ours: &str) -> Result<(), Problem> {
        for generation in ["pyro5", "pyro4"] {
            let (server, theirs) = python.start_server(generation, &[])?;
            self.servers.push(server);
            for (host, uri) in [("rust", ours), (generation, &theirs)] {
                for serializer in ["serpent", "marshal"] {
                    let client = python.connect(generation, serializer, uri, MESSAGE)?;
                    self.field.enter(python_name(generation, host, serializer), client);
                }
            }
            let client = rust_echo::Client::connect(&theirs, Serializer::Serpent)?;
            self.field.enter(python_name("rust", generation, "serpent"), client);
        }
        Ok(())
    }
}
