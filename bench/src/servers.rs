//! `bench servers`: calls a second, over many connections at a time, in parts of what a server reaches that does nothing but answer.

use ferropyro::Serializer;

use crate::core::{Cores, Seat};
use crate::load::fixed;
use crate::load::generator::{Generator, Kind};
use crate::load::transport::{Transport, Workshop};
use crate::peer::Helper;
use crate::process::{Process, raise_file_limit};
use crate::python_peers::Python;
use crate::recording::Recording;
use crate::report::{Bound, Goal, Report};
use crate::rounds::Field;
use crate::rust_echo::{self, MESSAGE};
use crate::table::{Summary, Table};
use crate::{Options, Problem, load};

const CONNECTIONS: [usize; 3] = [1, 64, 1000];
const QUICK_CONNECTIONS: [usize; 3] = [1, 4, 16];
/// Threads for the servers that need one for each connection, and some to spare.
const POOL: &str = "THREADPOOL_SIZE=1100";
const YARDSTICK: &str = "fixed frame";

pub(crate) fn run(options: &Options) -> Result<Report, Problem> {
    let mut bench = Bench::start(options)?;
    let counts = match options.connections {
        Some(count) => vec![count],
        None if options.quick => QUICK_CONNECTIONS.to_vec(),
        None => CONNECTIONS.to_vec(),
    };
    let mut summary = Summary::new("parts of the fixed-frame server's speed");
    for transport in Transport::ALL {
        if options.leaves_out(transport.name()) {
            continue;
        }
        let servers = bench.start_servers(transport)?;
        for &count in &counts {
            let table = bench.measure(transport, &servers, count, options)?;
            summary.add(format!("{} {count}", transport.name()), table);
        }
    }
    let mut report = Report::new("Servers and many clients");
    report.text(format!(
        "Calls that send a text of {} bytes and get it back ({} bytes there, {} back), the next one on each connection as soon as \
         the last one is answered. Every server is a process of its own, on loopback, {}. \"fixed frame\" is one thread with an \
         epoll loop that answers whatever comes with the same bytes; with TLS it has rustls. Other programs on the machine distort speeds; the processor \
         time that a server takes for a call hardly changes.",
        MESSAGE.len(),
        bench.recording.request.len(),
        bench.recording.reply.len(),
        bench.cores,
    ));
    report.summary(&summary, "TCP 64");
    report.left_out = bench.left_out;
    let at_64 = |name| summary.median("TCP 64", name);
    if let (Some(multiplex), Some(thread)) = (at_64("ferropyro multiplex"), at_64("ferropyro thread")) {
        report.finding(format!(
            "With 64 connections over TCP the multiplex server reaches {multiplex:.2}, the thread server {thread:.2}."
        ));
    }
    report.goal(Goal::new(
        "calls over 64 connections to the multiplex server, parts of a server that answers with a fixed frame",
        Bound::AtLeast(0.7),
        at_64("ferropyro multiplex"),
    ));
    Ok(report)
}

/// A server that takes part.
struct Server {
    name: &'static str,
    kind: Kind,
    helper: Helper,
    uri: String,
}

struct Bench {
    cores: Cores,
    workshop: Workshop,
    recording: Recording,
    python: Option<Python>,
    left_out: Vec<String>,
}

impl Bench {
    fn start(options: &Options) -> Result<Bench, Problem> {
        raise_file_limit();
        let cores = Cores::two()?;
        let (_server, uri) = rust_echo::start_server(&[])?;
        let mut left_out = Vec::new();
        let python = match Python::find() {
            Ok(python) => Some(python).filter(|_| options.python),
            Err(reason) => {
                left_out.push(format!("the real Pyro: {reason}"));
                None
            }
        };
        Ok(Bench {
            cores,
            workshop: Workshop::open()?,
            recording: Recording::of_a_call(&uri, Serializer::Serpent)?,
            python,
            left_out,
        })
    }

    fn start_servers(&mut self, transport: Transport) -> Result<Vec<Server>, Problem> {
        self.cores.sit(Seat::Servers)?;
        let mut servers = Vec::new();
        let settings = self.workshop.settings(transport);
        let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
        let Recording { request, reply, .. } = &self.recording;
        let (helper, uri) = fixed::start_server(request.len(), reply.len(), &settings)?;
        servers.push(Server {
            name: YARDSTICK,
            kind: Kind::Fixed,
            helper,
            uri,
        });
        for (name, settings) in [
            ("ferropyro thread", ["SERVERTYPE=thread", POOL]),
            ("ferropyro multiplex", ["SERVERTYPE=multiplex", POOL]),
            ("Pyro5 thread", ["SERVERTYPE=thread", POOL]),
            ("Pyro5 multiplex", ["SERVERTYPE=multiplex", POOL]),
        ] {
            let listens = self.workshop.settings(transport);
            let settings: Vec<&str> = settings.into_iter().chain(listens.iter().map(String::as_str)).collect();
            let started = match (&self.python, name.starts_with("Pyro5")) {
                (_, false) => rust_echo::start_server(&settings),
                (Some(python), true) => python.start_server("pyro5", &settings),
                (None, true) => continue,
            };
            match started {
                Ok((helper, uri)) => servers.push(Server {
                    name,
                    kind: Kind::Pyro,
                    helper,
                    uri,
                }),
                Err(problem) => self
                    .left_out
                    .push(format!("{name} over {}: {problem}", transport.name())),
            }
        }
        self.cores.sit(Seat::Clients)?;
        Ok(servers)
    }

    fn measure(
        &self,
        transport: Transport,
        servers: &[Server],
        count: usize,
        options: &Options,
    ) -> Result<Table, Problem> {
        let mut field = Field::default();
        for server in servers {
            let generator = Generator::connect(
                &self.workshop,
                transport,
                &server.uri,
                server.kind,
                &self.recording,
                count,
                Process(server.helper.id()),
            )
            .map_err(|problem| {
                format!(
                    "{}, {count} connections over {}: {problem}",
                    server.name,
                    transport.name()
                )
            })?;
            field.enter(server.name, generator);
        }
        load::measure(
            field,
            count,
            transport.name(),
            "parts of the fixed-frame server's speed",
            options,
        )
    }
}
