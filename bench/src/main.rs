//! Benchmarks against the peers: everything is measured in one run, and given as a ratio.
//!
//! `cargo xtask bench` measures everything and writes docs/benchmarks.md; `cargo xtask bench echo` and the like one thing. [`BENCHES`] has them all.
//! `cargo xtask bench profile echo`, the instructions of a call by part, is a program of its own, in bench/profile.

#![allow(clippy::print_stdout, clippy::print_stderr)] // it talks to the person at the terminal

mod bulk;
mod chart;
mod connection;
mod contenders;
mod core;
mod echo;
mod formats;
#[cfg(unix)]
mod gateway;
mod grid;
#[cfg(unix)]
mod growth;
#[cfg(unix)]
mod idle;
mod kinds;
#[cfg(unix)]
mod load;
mod machine;
#[cfg(unix)]
mod memory;
#[cfg(unix)]
mod names;
mod page;
mod peer;
#[cfg(unix)]
mod process;
mod python;
mod python_peers;
mod raw;
mod recording;
mod report;
mod rounds;
mod rust_echo;
#[cfg(unix)]
mod servers;
mod table;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use report::Report;

/// One thing that can be measured.
struct Bench {
    name: &'static str,
    /// What, against what.
    about: &'static str,
    run: fn(&Options) -> Result<Report, Problem>,
}

/// In the order of docs/benchmarks.md.
const BENCHES: &[Bench] = &[
    Bench {
        name: "echo",
        about: "a remote call that gives back its argument, against a raw TCP ping-pong of the same bytes; beside tarpc, tonic, jsonrpsee, the real Pyro4 and Pyro5, \
                and raw Unix sockets",
        run: echo::run,
    },
    #[cfg(unix)]
    Bench {
        name: "servers",
        about: "calls over 1, 64 and 1,000 connections, against a server that answers with a fixed frame",
        run: servers::run,
    },
    #[cfg(unix)]
    Bench {
        name: "names",
        about: "look-ups in name servers over 1, 64 and 1,000 connections, and registrations on the disk",
        run: names::run,
    },
    Bench {
        name: "bulk",
        about: "1 to 64 MiB of bytes in one call, against a raw socket",
        run: bulk::run,
    },
    Bench {
        name: "kinds",
        about: "the same bytes as text, bytes, bytearray and item stream, through every serializer, against a raw socket",
        run: kinds::run,
    },
    Bench {
        name: "formats",
        about: "writing and reading documents of several kinds, against serde_json and against what Python has for each format",
        run: formats::run,
    },
    #[cfg(unix)]
    Bench {
        name: "gateway",
        about: "calls over HTTP from 1 and 64 clients, against an empty handler of axum",
        run: gateway::run,
    },
    Bench {
        name: "connection",
        about: "an object and 1 MiB over a connection as of multiprocessing.connection, and back, against a raw TCP ping-pong",
        run: connection::run,
    },
    Bench {
        name: "python",
        about: "a call from Python to Python, with this project's package and with the real Pyro, RPyC, grpcio and multiprocessing.connection, against a \
                ping-pong over a plain socket",
        run: python::run,
    },
    #[cfg(unix)]
    Bench {
        name: "python-servers",
        about: "calls over 16 connections to a Python server, with this project's package and with the real Pyro4 and Pyro5, against a \
                loop over plain sockets in Python that answers with fixed bytes",
        run: python::servers::run,
    },
    Bench {
        name: "python-bulk",
        about: "1 and 8 MiB of bytes, and the same in an array of numpy, from Python to Python and back, with this project's package and with \
                the real Pyro4 and Pyro5, against a plain socket of Python's",
        run: python::bulk::run,
    },
    #[cfg(unix)]
    Bench {
        name: "growth",
        about: "how the time of a call grows with connections, bytes, names, objects and batches, and that of a value with its width and depth",
        run: growth::run,
    },
    #[cfg(unix)]
    Bench {
        name: "memory",
        about: "memory for each object and name, and while a message of 100 MiB passes",
        run: memory::run,
    },
    #[cfg(unix)]
    Bench {
        name: "idle",
        about: "what 10,000 connections cost that do nothing",
        run: idle::run,
    },
];

const OPTIONS: &str = "\
  --seconds N   how long to measure, 10 unless given; where there are several tables, for each
  --quick       measure for an instant: shows that everything runs, and nothing else
  --markdown    print tables as Markdown
  --no-python   leave the real Pyro out

  of all:
  --out DIR     where benchmarks.md and its pictures go; docs unless given

  of servers, names, gateway, idle and (connections) python-servers:
  --transport T      TCP, Unix or TLS alone
  --connections N    this number of connections alone

  of gateway:
  --unpinned         all processes on whatever core the system chooses

  of bulk and python-bulk:
  --mib N            this number of MiB alone: 1, 8 or 64

environment:
  FERROPYRO_PACKAGE       the folder with the Python package (cargo xtask bench builds it and sets this where it is needed)
  FERROPYRO_PYTHON_VENV   a Python with Pyro4 and Pyro5 (cargo xtask makes .venv and sets this); python3 unless set
  FERROPYRO_CONTENDERS    the program with tarpc, tonic and jsonrpsee (cargo xtask bench builds it and sets this)

What is not there is left out, and the output says so and what to install.
";

fn usage() -> String {
    let mut text = "usage: bench COMMAND [OPTIONS]\n\n".to_owned();
    let all = ("all", "everything, one after the other, into docs/benchmarks.md");
    let benches = BENCHES.iter().map(|bench| (bench.name, bench.about));
    let profile = (
        "profile echo",
        "(cargo xtask bench profile) the instructions of a call by part: see its own --help",
    );
    for (name, about) in [all].into_iter().chain(benches).chain([profile]) {
        text.push_str(&format!("  {name:15} {about}\n"));
    }
    text + "\n" + OPTIONS
}

type Problem = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let result = match args.as_slice() {
        // The servers are this program again, started by itself.
        ["serve", what @ ..] => serve(what),
        ["all", options @ ..] => Options::parse(options).and_then(|options| page::write(&options)),
        ["help" | "-h" | "--help"] => {
            print!("{}", usage());
            Ok(())
        }
        [name, options @ ..] => measure(name, options),
        [] => Err(format!("{}\nerror: which benchmark?", usage()).into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

/// One benchmark, for the terminal.
fn measure(name: &str, options: &[&str]) -> Result<(), Problem> {
    let bench = BENCHES.iter().find(|bench| bench.name == name);
    let bench = bench.ok_or_else(|| format!("{}\nerror: no benchmark is called '{name}'", usage()))?;
    let options = Options::parse(options)?;
    let report = (bench.run)(&options)?;
    match options.markdown {
        true => println!("{report:#}"),
        false => println!("{report}"),
    }
    Ok(())
}

fn serve(what: &[&str]) -> Result<(), Problem> {
    match what {
        ["raw", request, reply] => raw::serve(request, reply),
        #[cfg(unix)]
        ["raw-unix", request, reply, path] => raw::serve_unix(request, reply, path),
        ["connection", cargo] => connection::serve(cargo),
        ["bulk-raw"] => bulk::serve_raw(),
        ["kinds"] => kinds::serve(),
        ["bulk-rust"] => bulk::serve_rust(),
        ["rust", settings @ ..] => rust_echo::serve(settings),
        #[cfg(unix)]
        ["fixed", request, reply, settings @ ..] => load::fixed::serve(request, reply, settings),
        #[cfg(unix)]
        ["names", settings @ ..] => names::serve(settings),
        #[cfg(unix)]
        ["gateway", reuse, port] => gateway::serve(reuse, port),
        #[cfg(unix)]
        ["take"] => memory::serve(),
        #[cfg(unix)]
        ["give", uri, serializer, direction, size] => memory::serve_client(uri, serializer, direction, size),
        #[cfg(unix)]
        ["axum"] => gateway::serve_axum(),
        other => Err(format!("there is no server {other:?}").into()),
    }
}

/// Tells somebody who waits what is being measured.
fn progress(what: &str) {
    eprintln!("{what}");
}

/// What the command line asks for.
#[derive(Debug, Clone)]
struct Options {
    time: Duration,
    quick: bool,
    markdown: bool,
    /// The one transport to measure, if not all.
    transport: Option<String>,
    /// The one number of connections.
    connections: Option<usize>,
    /// The one size of bulk.
    mib: Option<usize>,
    /// Whether the real Pyro takes part.
    python: bool,
    /// Whether the system chooses the cores.
    unpinned: bool,
    /// Where the page goes.
    out: Option<PathBuf>,
}

impl Options {
    fn parse(args: &[&str]) -> Result<Options, Problem> {
        let mut options = Options {
            time: Duration::from_secs(10),
            quick: false,
            markdown: false,
            transport: None,
            connections: None,
            mib: None,
            python: true,
            unpinned: false,
            out: None,
        };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match *arg {
                "--quick" => options.quick = true,
                "--markdown" => options.markdown = true,
                "--unpinned" => options.unpinned = true,
                "--no-python" => options.python = false,
                "--out" => options.out = Some(args.next().ok_or("--out needs a folder")?.into()),
                "--transport" => options.transport = args.next().map(|name| (*name).to_owned()),
                "--connections" => options.connections = Some(number("--connections", args.next())?),
                "--mib" => options.mib = Some(number("--mib", args.next())?),
                "--seconds" => {
                    let seconds = args.next().and_then(|number| number.parse().ok());
                    options.time = seconds
                        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
                        .ok_or("--seconds needs a number")?;
                }
                other => return Err(format!("{}\nerror: unknown option '{other}'", usage()).into()),
            }
        }
        Ok(options)
    }

    /// The same with another time.
    fn with_time(&self, time: Duration) -> Options {
        Options { time, ..self.clone() }
    }

    /// Whether a transport is not to be measured.
    fn leaves_out(&self, transport: &str) -> bool {
        self.transport.as_ref().is_some_and(|wanted| wanted != transport)
    }
}

fn number(option: &str, text: Option<&&str>) -> Result<usize, Problem> {
    let number = text.and_then(|text| text.parse().ok());
    number.ok_or_else(|| format!("{option} needs a number").into())
}
