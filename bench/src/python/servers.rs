//! `bench python-servers`: calls a second that a Python server answers over many connections, in parts of what a loop over plain sockets
//! reaches that answers with fixed bytes.

use ferropyro::{Dialect, Serializer};

use crate::core::{Cores, Seat};
use crate::load;
use crate::load::generator::{Generator, Kind};
use crate::load::transport::{Transport, Workshop};
use crate::peer::Helper;
use crate::process::{Process, raise_file_limit};
use crate::python_peers::Python;
use crate::recording::Recording;
use crate::report::Report;
use crate::rounds::Field;
use crate::rust_echo::{self, MESSAGE};
use crate::table::{Summary, Table};
use crate::{Options, Problem};

const CONNECTIONS: usize = 16;
const SERIALIZERS: [Serializer; 3] = [Serializer::Serpent, Serializer::Marshal, Serializer::Msgpack];
const TITLE: &str = "parts of the plain sockets' speed";
/// Whose server, whose protocol, and what it is called. Each of the real ones comes beside ours with the same frames.
const LIBRARIES: [(&str, Dialect, &str); 4] = [
    ("ferropyro", Dialect::V502, "ferropyro"),
    ("pyro5", Dialect::V502, "Pyro5"),
    ("ferropyro", Dialect::V48, "ferropyro, as Pyro4"),
    ("pyro4", Dialect::V48, "Pyro4"),
];
const SERVER_TYPES: [&str; 2] = ["thread", "multiplex"];

pub(crate) fn run(options: &Options) -> Result<Report, Problem> {
    raise_file_limit();
    let python = Python::find()?;
    let cores = Cores::two()?;
    let count = options.connections.unwrap_or(CONNECTIONS);
    let (_example, uri) = rust_echo::start_server(&[])?;
    let workshop = Workshop::open()?;
    cores.sit(Seat::Servers)?;
    let servers = start_servers(&python, count)?;
    cores.sit(Seat::Clients)?;
    let mut summary = Summary::new(TITLE);
    for serializer in SERIALIZERS {
        let bench = Bench {
            python: &python,
            cores: &cores,
            workshop: &workshop,
            servers: &servers,
            example: &uri,
        };
        let table = bench.measure(serializer, count, options)?;
        summary.add(serializer.name(), table);
    }
    let mut report = Report::new("Python servers and many clients");
    report.text(format!(
        "Calls to a Python server that send a text of {} bytes and get it back, the next one on each of {count} connections as soon as the last one is \
         answered. On loopback, {cores}; one client in Rust makes the calls of all. \"plain sockets\" is a Python loop with a selector that answers \
         whatever comes with the same bytes.",
        MESSAGE.len(),
    ));
    report.summary(&summary, SERIALIZERS[0].name());
    report.finding(statement(&summary, count));
    Ok(report)
}

/// A server that takes part.
struct Server {
    name: String,
    dialect: Dialect,
    helper: Helper,
    uri: String,
}

fn start_servers(python: &Python, count: usize) -> Result<Vec<Server>, Problem> {
    let pool = format!("THREADPOOL_SIZE={}", count + 8);
    let mut servers = Vec::new();
    for (library, dialect, title) in LIBRARIES {
        for server_type in SERVER_TYPES {
            let (helper, uri) = python.start_server(library, &[&format!("SERVERTYPE={server_type}"), &pool])?;
            servers.push(Server {
                name: format!("{title}, {server_type}"),
                dialect,
                helper,
                uri,
            });
        }
    }
    Ok(servers)
}

struct Bench<'a> {
    python: &'a Python,
    cores: &'a Cores,
    workshop: &'a Workshop,
    servers: &'a [Server],
    /// An object of Rust's, whose answers show how long frames are.
    example: &'a str,
}

impl Bench<'_> {
    fn measure(&self, serializer: Serializer, count: usize, options: &Options) -> Result<Table, Problem> {
        let recording = |dialect| Recording::in_dialect(self.example, serializer, dialect);
        let (new, old) = (recording(Dialect::V502)?, recording(Dialect::V48)?);
        self.cores.sit(Seat::Servers)?;
        let (plain, plain_uri) = self.python.start_raw_server(new.request.len(), new.reply.len())?;
        self.cores.sit(Seat::Clients)?;
        let connect = |uri: &str, kind, recording, helper: &Helper| {
            let process = Process(helper.id());
            Generator::connect(self.workshop, Transport::Tcp, uri, kind, recording, count, process)
        };
        let mut field = Field::default();
        field.enter("plain sockets", connect(&plain_uri, Kind::Fixed, &new, &plain)?);
        for server in self.servers {
            let recording = if server.dialect == Dialect::V48 { &old } else { &new };
            let generator = connect(&server.uri, Kind::Pyro, recording, &server.helper);
            field.enter(
                &*server.name,
                generator.map_err(|problem| format!("{}: {problem}", server.name))?,
            );
        }
        load::measure(field, count, serializer.name(), TITLE, options)
    }
}

/// The sentence that holds on any machine.
fn statement(summary: &Summary, count: usize) -> String {
    let times = |serializer: &str, ours: &str, theirs: &str, server_type: &str| {
        let median = |who: &str| summary.median(serializer, &format!("{who}, {server_type}"));
        let times = median(ours)
            .zip(median(theirs))
            .map_or(f64::NAN, |(ours, theirs)| ours / theirs);
        format!("{times:.1}")
    };
    let parts = SERIALIZERS.map(|serializer| {
        let name = serializer.name();
        let [thread, multiplex] = SERVER_TYPES.map(|server_type| {
            let new = times(name, "ferropyro", "Pyro5", server_type);
            let old = times(name, "ferropyro, as Pyro4", "Pyro4", server_type);
            format!("{server_type} {new} and {old}")
        });
        format!("with {name} {thread}, {multiplex}")
    });
    format!(
        "With {count} connections a Python server of the package answers so many times as many calls as Pyro5's and as Pyro4's: {}.",
        parts.join("; ")
    )
}
