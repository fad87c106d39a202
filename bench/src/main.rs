//! Benchmarks against the peers: everything is measured in one run, and given as a ratio.
//!
//! `cargo xtask bench echo`: what a remote call costs, in multiples of a raw TCP ping-pong of the same bytes.
//! `cargo xtask bench formats`: what it costs to write and to read documents, against serde_json and against Python's own serializers.
//! `cargo xtask bench servers`: calls over many connections at a time, in parts of what a server reaches that answers with fixed bytes.
//! `cargo xtask bench names`: look-ups in name servers and Redis, in parts of the same, and registrations that survive.
//! `cargo xtask bench gateway`: calls over HTTP, in parts of what an empty handler of axum reaches.
//! `cargo xtask bench bulk`: many bytes in one call, in parts of the speed of a raw socket.
//! `cargo xtask bench kinds`: a text, bytes, a bytearray and a stream of these through every serializer, in parts of the same.
//! `cargo xtask bench connection`: messages of multiprocessing.connection, in multiples of a raw TCP ping-pong.
//! `cargo xtask bench python`: what a call costs from Python to Python, in multiples of a ping-pong over a plain socket.
//! `cargo xtask bench python-servers`: calls of many clients to a Python server, in parts of what a server of plain sockets reaches in Python.
//! `cargo xtask bench python-bulk`: bytes and arrays of numpy from Python to Python and back, in parts of the speed of a plain socket.
//! `cargo xtask bench idle`: what connections cost that do nothing.

#![allow(clippy::print_stdout, clippy::print_stderr)] // it talks to the person at the terminal

mod bulk;
mod connection;
mod core;
mod echo;
mod formats;
#[cfg(unix)]
mod gateway;
#[cfg(unix)]
mod idle;
mod kinds;
#[cfg(unix)]
mod load;
#[cfg(unix)]
mod names;
mod peer;
#[cfg(unix)]
mod process;
mod python;
mod python_peers;
mod raw;
mod recording;
mod rounds;
mod rust_echo;
#[cfg(unix)]
mod servers;
mod table;

use std::process::ExitCode;
use std::time::Duration;

const USAGE: &str = "\
usage: bench COMMAND [OPTIONS]

  echo       a remote call that gives back its argument, against a raw TCP ping-pong of the same bytes
  formats    writing and reading documents of several kinds, against serde_json and against what Python has for each format
  servers    calls over 1, 64 and 1,000 connections, against a server that answers with a fixed frame
  names      look-ups in name servers over 1, 64 and 1,000 connections, and registrations on the disk
  gateway    calls over HTTP from 1 and 64 clients, against an empty handler of axum
  bulk       1 to 64 MiB of bytes in one call, against a raw socket
  kinds      the same bytes as text, bytes, bytearray and item stream, through every serializer, against a raw socket
  connection an object and 1 MiB over a connection as of multiprocessing.connection, and back, against a raw TCP ping-pong
  python     a call from Python to Python, with this project's package and with the real Pyro, against a ping-pong over a plain socket
  python-servers  calls over 16 connections to a Python server, with this project's package and with the real Pyro4 and Pyro5, against a
             loop over plain sockets in Python that answers with fixed bytes
  python-bulk     1 and 8 MiB of bytes, and the same in an array of numpy, from Python to Python and back, with this project's package and with
             the real Pyro4 and Pyro5, against a plain socket of Python's
  idle       what 10,000 connections cost that do nothing

  --seconds N   how long to measure, 10 unless given; with servers and bulk, for each table; with formats, for each document
  --quick       measure for an instant: shows that everything runs, and nothing else
  --markdown    print the table as Markdown
  --no-python   leave the real Pyro out

  of servers, names, gateway, idle and (connections) python-servers:
  --transport T      TCP, Unix or TLS alone
  --connections N    this number of connections alone

  of gateway:
  --unpinned         all processes on whatever core the system chooses

  of bulk and python-bulk:
  --mib N            this number of MiB alone: 1, 8 or 64

environment:
  FERROPYRO_PACKAGE       the folder with the Python package (cargo xtask bench python... builds it and sets this)
  FERROPYRO_PYTHON_VENV   a Python with Pyro4 and Pyro5 (cargo xtask makes .venv and sets this); python3 unless set
";

type Problem = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let result = match args.as_slice() {
        ["echo", options @ ..] => Options::parse(options).and_then(|options| echo::main(&options)),
        ["formats", options @ ..] => Options::parse(options).and_then(|options| formats::main(&options)),
        ["connection", options @ ..] => Options::parse(options).and_then(|options| connection::main(&options)),
        ["python", options @ ..] => Options::parse(options).and_then(|options| python::main(&options)),
        #[cfg(unix)]
        ["python-servers", options @ ..] => Options::parse(options).and_then(|options| python::servers::main(&options)),
        ["python-bulk", options @ ..] => Options::parse(options).and_then(|options| python::bulk::main(&options)),
        ["bulk", options @ ..] => Options::parse(options).and_then(|options| bulk::main(&options)),
        ["kinds", options @ ..] => Options::parse(options).and_then(|options| kinds::main(&options)),
        #[cfg(unix)]
        ["idle", options @ ..] => Options::parse(options).and_then(|options| idle::main(&options)),
        #[cfg(unix)]
        ["servers", options @ ..] => Options::parse(options).and_then(|options| servers::main(&options)),
        // The servers are this program again, started by itself.
        ["serve", "raw", request, reply] => raw::serve(request, reply),
        #[cfg(unix)]
        ["serve", "fixed", request, reply, settings @ ..] => load::fixed::serve(request, reply, settings),
        ["serve", "connection", cargo] => connection::serve(cargo),
        ["serve", "bulk-raw"] => bulk::serve_raw(),
        ["serve", "kinds"] => kinds::serve(),
        ["serve", "bulk-rust"] => bulk::serve_rust(),
        #[cfg(unix)]
        ["names", options @ ..] => Options::parse(options).and_then(|options| names::main(&options)),
        #[cfg(unix)]
        ["serve", "names", settings @ ..] => names::serve(settings),
        #[cfg(unix)]
        ["gateway", options @ ..] => Options::parse(options).and_then(|options| gateway::main(&options)),
        #[cfg(unix)]
        ["serve", "gateway", reuse, port] => gateway::serve(reuse, port),
        #[cfg(unix)]
        ["serve", "axum"] => gateway::serve_axum(),
        ["serve", "rust", settings @ ..] => rust_echo::serve(settings),
        ["help" | "-h" | "--help"] => {
            print!("{USAGE}");
            Ok(())
        }
        _ => Err(format!("{USAGE}\nerror: which benchmark?").into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

/// What the command line asks for.
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
        };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match *arg {
                "--quick" => options.quick = true,
                "--markdown" => options.markdown = true,
                "--unpinned" => options.unpinned = true,
                "--no-python" => options.python = false,
                "--transport" => options.transport = args.next().map(|name| (*name).to_owned()),
                "--connections" => options.connections = Some(number("--connections", args.next())?),
                "--mib" => options.mib = Some(number("--mib", args.next())?),
                "--seconds" => {
                    let seconds = args.next().and_then(|number| number.parse().ok());
                    options.time = seconds
                        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
                        .ok_or("--seconds needs a number")?;
                }
                other => return Err(format!("{USAGE}\nerror: unknown option '{other}'").into()),
            }
        }
        Ok(options)
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
