//! `bench python`: what a call costs from Python to Python, in multiples of a ping-pong over a plain socket of Python's.

pub(crate) mod bulk;
#[cfg(unix)]
pub(crate) mod servers;

use ferropyro::Serializer;

use crate::peer::Helper;
use crate::python_peers::Python;
use crate::recording::Recording;
use crate::report::{Bound, Goal, Report};
use crate::rounds::{Field, TURN};
use crate::rust_echo::{self, MESSAGE};
use crate::table::{Scale, Table};
use crate::{Options, Problem, core};

const SERIALIZERS: [&str; 3] = ["serpent", "marshal", "msgpack"];
/// Who takes part, and what they are called. The package is found where FERROPYRO_PACKAGE says.
const LIBRARIES: [(&str, &str); 3] = [("ferropyro", "ferropyro"), ("pyro5", "Pyro5"), ("pyro4", "Pyro4")];

pub(crate) fn run(options: &Options) -> Result<Report, Problem> {
    let python = Python::find()?;
    let pinned = core::pin();
    let mut field = Field::default();
    let mut servers = Vec::new();
    let (request, reply) = lengths()?;
    let (listener, port) = python.start_raw(reply)?;
    servers.push(listener);
    field.enter("plain socket", python.connect_raw(request, reply, &port)?);
    for (library, name) in LIBRARIES {
        let (server, uri) = python.start_server(library, &[])?;
        servers.push(server);
        for serializer in SERIALIZERS {
            let client = python.connect(library, serializer, &uri, MESSAGE)?;
            field.enter(format!("{name}, {serializer}"), client);
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
    report.finding(statement(&table));
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

/// The sentence that holds on any machine.
fn statement(table: &Table) -> String {
    let ours = |serializer| table.median(&format!("ferropyro, {serializer}"));
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
    format!("On one core a call of the Python package takes {}.", parts.join("; "))
}
