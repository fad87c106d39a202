//! `bench servers`: calls a second, over many connections at a time, in parts of what a server reaches that does nothing but answer.

use std::time::Duration;

use ferropyro::Serializer;

use crate::core::{Cores, Seat};
use crate::load::fixed;
use crate::load::generator::{Generator, Kind};
use crate::load::transport::{Transport, Workshop};
use crate::peer::Helper;
use crate::process::{Process, raise_file_limit};
use crate::python_peers::Python;
use crate::recording::Recording;
use crate::rounds::Field;
use crate::rust_echo::{self, MESSAGE};
use crate::table::{Scale, Summary, Table};
use crate::{Options, Problem};

const CONNECTIONS: [usize; 3] = [1, 64, 1000];
const QUICK_CONNECTIONS: [usize; 3] = [1, 4, 16];
/// Threads for the servers that need one for each connection, and some to spare.
const POOL: &str = "THREADPOOL_SIZE=1100";
const YARDSTICK: &str = "fixed frame";

pub(crate) fn main(options: &Options) -> Result<(), Problem> {
    let mut bench = Bench::start(options)?;
    let counts = match options.connections {
        Some(count) => vec![count],
        None if options.quick => QUICK_CONNECTIONS.to_vec(),
        None => CONNECTIONS.to_vec(),
    };
    let mut summary = Summary::new("parts of the fixed-frame server's speed");
    for transport in Transport::ALL {
        if options
            .transport
            .as_ref()
            .is_some_and(|wanted| wanted != transport.name())
        {
            continue;
        }
        let servers = bench.start_servers(transport)?;
        for &count in &counts {
            let table = bench.measure(transport, &servers, count, options)?;
            println!("{table}");
            summary.add(format!("{} {count}", transport.name()), table);
        }
    }
    println!(
        "Calls that send a text of {} bytes and get it back ({} bytes there, {} back), the next one on each connection as soon as \
         the last one is answered.\nEvery server is a process of its own, on loopback, {}. \"fixed frame\" is one thread with an \
         epoll loop that\nanswers whatever comes with the same bytes; with TLS it has rustls. Other programs on the machine distort speeds; the processor\n\
         time that a server takes for a call hardly changes.\n",
        MESSAGE.len(),
        bench.recording.request.len(),
        bench.recording.reply.len(),
        bench.cores,
    );
    match options.markdown {
        true => println!("{summary:#}"),
        false => println!("{summary}"),
    }
    for reason in &bench.left_out {
        println!("Left out: {reason}");
    }
    let at_64 = |name| summary.median("TCP 64", name);
    if let (Some(multiplex), Some(thread)) = (at_64("ferropyro multiplex"), at_64("ferropyro thread")) {
        println!(
            "With 64 connections over TCP the multiplex server reaches {multiplex:.2}, the thread server {thread:.2}."
        );
    }
    Ok(())
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
        // Long enough for every connection to have several calls.
        let turn = Duration::from_millis(20).max(Duration::from_micros(100) * count as u32);
        let plan = match options.quick {
            true => field.plan(turn, options),
            false => field.plan_by_trial(turn, options)?,
        };
        let scores = field.measure(plan)?;
        if let Some(first) = scores.first() {
            let busy = first.server_time.map(|time| 100.0 * time / median(&first.times));
            println!(
                "{count} connections over {}, {} rounds of {} ms; the fixed-frame server answers {:.0} calls a second, its core is {:.0} % busy.",
                transport.name(),
                plan.rounds,
                plan.turn.as_millis(),
                1.0 / median(&first.times),
                busy.unwrap_or(f64::NAN),
            );
        }
        Ok(Table::new(
            "parts of the fixed-frame server's speed",
            Scale::Speed,
            &scores,
        ))
    }
}

fn median(times: &[f64]) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}
