//! `bench echo`: all peers take turns, round after round, so that whatever disturbs the machine disturbs them alike.

use std::time::Duration;

use ferropyro::Serializer;

use crate::peer::{Helper, Peer};
use crate::python_peers::Python;
use crate::raw::Raw;
use crate::rust_echo::{self, MESSAGE};
use crate::table::{Line, Table};
use crate::{Options, Problem, core, sizes};

/// How long a peer makes calls in one round.
const SLICE: Duration = Duration::from_millis(4);
const QUICK_SLICE: Duration = Duration::from_millis(1);
const QUICK_ROUNDS: usize = 3;

const SERIALIZERS: [Serializer; 4] = [
    Serializer::Serpent,
    Serializer::Marshal,
    Serializer::Msgpack,
    Serializer::Json,
];

pub(crate) fn main(options: &Options) -> Result<(), Problem> {
    let pinned = core::pin();
    let mut field = Field::default();
    let (sizes, left_out) = field.enter_all()?;
    let (slice, rounds) = plan(options, field.peers.len());
    let table = field.measure(slice, rounds)?;
    println!(
        "A call that sends a text of {} bytes and gets it back, against a raw TCP ping-pong of the same bytes \
         ({} there, {} back).\nClients and servers are processes of their own, on loopback, {pinned}; {rounds} \
         rounds of {} ms each.\n\"fastest\" compares the fastest rounds, which a busy machine disturbs least.\n",
        MESSAGE.len(),
        sizes.request,
        sizes.reply,
        slice.as_millis(),
    );
    if options.markdown {
        println!("{table:#}");
    } else {
        println!("{table}");
    }
    if let Some(reason) = left_out {
        println!("The real Pyro is left out: {reason}\n");
    }
    println!("{}", statement(&table));
    Ok(())
}

/// How long each peer's turn is, and how many rounds there are.
fn plan(options: &Options, peers: usize) -> (Duration, usize) {
    if options.quick {
        return (QUICK_SLICE, QUICK_ROUNDS);
    }
    let rounds = options.time.as_secs_f64() / (SLICE.as_secs_f64() * peers as f64);
    (SLICE, (rounds as usize).max(QUICK_ROUNDS))
}

/// The sentence that holds on any machine.
fn statement(table: &Table) -> String {
    let times = |name: &str| {
        let line = table.lines.iter().find(|line| line.name == name)?;
        Some(format!("{:.2} times", line.median()))
    };
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

/// Everybody who takes part; the first one is the yardstick.
#[derive(Default)]
struct Field {
    peers: Vec<(String, Box<dyn Peer>)>,
    servers: Vec<Helper>,
}

impl Field {
    /// Starts all peers. Gives the bytes of a call, and the reason if the Python peers are missing.
    fn enter_all(&mut self) -> Result<(sizes::Sizes, Option<String>), Problem> {
        let (server, uri) = rust_echo::start_server()?;
        self.servers.push(server);
        let sizes = sizes::of_a_call(&uri, Serializer::Serpent)?;
        self.enter("raw TCP ping-pong".to_owned(), Raw::start(sizes)?);
        for serializer in SERIALIZERS {
            self.enter(rust_name(serializer), rust_echo::Client::connect(&uri, serializer)?);
        }
        match Python::find() {
            Ok(python) => self.enter_python(&python, &uri).map(|()| (sizes, None)),
            Err(reason) => Ok((sizes, Some(reason))),
        }
    }

    fn enter_python(&mut self, python: &Python, ours: &str) -> Result<(), Problem> {
        for generation in ["pyro5", "pyro4"] {
            let (server, theirs) = python.start_server(generation)?;
            self.servers.push(server);
            for (host, uri) in [("rust", ours), (generation, &theirs)] {
                for serializer in ["serpent", "marshal"] {
                    let client = python.connect(generation, serializer, uri, MESSAGE)?;
                    self.enter(python_name(generation, host, serializer), client);
                }
            }
            let client = rust_echo::Client::connect(&theirs, Serializer::Serpent)?;
            self.enter(python_name("rust", generation, "serpent"), client);
        }
        Ok(())
    }

    fn enter(&mut self, name: String, peer: impl Peer + 'static) {
        self.peers.push((name, Box::new(peer)));
    }

    fn measure(&mut self, slice: Duration, rounds: usize) -> Result<Table, Problem> {
        self.round(slice)?; // to warm up
        let mut times = vec![Vec::with_capacity(rounds); self.peers.len()];
        for _ in 0..rounds {
            for (times, time) in times.iter_mut().zip(self.round(slice)?) {
                times.push(time);
            }
        }
        let lines = self.peers.iter().zip(&times);
        Ok(Table {
            title: "times the raw ping-pong",
            lines: lines.map(|((name, _), own)| Line::new(name, own, &times[0])).collect(),
        })
    }

    /// Seconds per call of each peer.
    fn round(&mut self, slice: Duration) -> Result<Vec<f64>, Problem> {
        self.peers
            .iter_mut()
            .map(|(name, peer)| match peer.call_for(slice) {
                Ok(sample) => Ok(sample.seconds_per_call()),
                Err(problem) => Err(format!("{name}: {problem}").into()),
            })
            .collect()
    }
}
