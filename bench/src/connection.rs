//! `bench connection`: an object or bytes to a listener and back, in multiples of a raw TCP ping-pong of the same bytes; beside Python's multiprocessing.connection at both ends.

use std::time::Duration;

use ferropyro::Value;
use ferropyro_connection::{Address, Client, Connection, Listener, Options as Settings};
use ferropyro_formats::pickle;

use crate::peer::{Helper, Peer, Sample, end_with_input, repeat_in_batches};
use crate::python_peers::Python;
use crate::raw::Raw;
use crate::report::Report;
use crate::rounds::{Field, TURN};
use crate::table::{Scale, Table};
use crate::{Options, Problem, core};

/// What goes to the listener and back.
#[derive(Debug, Clone, Copy)]
enum Cargo {
    /// A small list, by `send` and `recv`.
    Object,
    /// 1 MiB, by `send_bytes` and `recv_bytes`.
    Bytes,
}

const MIB: usize = 1 << 20;
/// In front of each message.
const HEAD: usize = 4;
/// For a turn of 1 MiB, which takes longer.
const LONG_TURN: Duration = Duration::from_millis(20);

pub(crate) fn run(options: &Options) -> Result<Report, Problem> {
    let pinned = core::pin();
    let mut report = Report::new("Connections as of multiprocessing");
    report.text(format!(
        "A message to a listener and back. Clients and listeners are processes of their own, on loopback, {pinned}."
    ));
    let python = match options.python {
        true => Python::find(),
        false => Err("not wanted".to_owned()),
    };
    for cargo in [Cargo::Object, Cargo::Bytes] {
        let mut race = Race::start(cargo, python.as_ref().ok())?;
        let plan = race.field.plan(cargo.turn(), options);
        let table = Table::new("times the raw ping-pong", Scale::Cost, &race.field.measure(plan)?);
        report.text(format!(
            "{} to a listener and back, against a raw TCP ping-pong of {} bytes; {} rounds of {} ms each.",
            cargo.title(),
            cargo.length()?,
            plan.rounds,
            plan.turn.as_millis()
        ));
        report.table(cargo.title(), &table);
    }
    if let Err(reason) = python {
        report.leave_out(format!("Python's multiprocessing.connection: {reason}"));
    }
    Ok(report)
}

impl Cargo {
    fn of(word: &str) -> Result<Cargo, Problem> {
        match word {
            "object" => Ok(Cargo::Object),
            "bytes" => Ok(Cargo::Bytes),
            other => Err(format!("there is no cargo {other}").into()),
        }
    }

    /// As processes are told.
    fn word(self) -> &'static str {
        match self {
            Cargo::Object => "object",
            Cargo::Bytes => "bytes",
        }
    }

    fn title(self) -> String {
        match self {
            Cargo::Object => format!("The object {}", list()),
            Cargo::Bytes => "1 MiB of bytes".to_owned(),
        }
    }

    /// The bytes of its message.
    fn length(self) -> Result<usize, Problem> {
        Ok(HEAD
            + match self {
                Cargo::Object => pickle::to_vec(&list())?.len(),
                Cargo::Bytes => MIB,
            })
    }

    fn turn(self) -> Duration {
        match self {
            Cargo::Object => TURN,
            Cargo::Bytes => LONG_TURN,
        }
    }

    /// How many go between two looks at the clock.
    fn batch(self) -> u32 {
        match self {
            Cargo::Object => 16,
            Cargo::Bytes => 1,
        }
    }
}

/// As python_connection.py has it.
fn list() -> Value {
    Value::List(vec![Value::Int(1), Value::Float(2.5), Value::from("three")])
}

/// The peers, and the listeners' processes.
struct Race {
    field: Field,
    _listeners: Vec<Helper>,
}

impl Race {
    fn start(cargo: Cargo, python: Option<&Python>) -> Result<Race, Problem> {
        let mut field = Field::default();
        field.enter("raw TCP ping-pong", Raw::start(cargo.length()?, cargo.length()?)?);
        let mut ours = Helper::start_self(&["serve", "connection", cargo.word()])?;
        let port = ours.line()?;
        field.enter("Rust to Rust", RustClient::connect(&port, cargo)?);
        let mut listeners = vec![ours];
        if let Some(python) = python {
            field.enter("Python to Rust", python.connect_connection(cargo.word(), &port)?);
            let (theirs, port) = python.start_connection(cargo.word())?;
            field.enter("Rust to Python", RustClient::connect(&port, cargo)?);
            field.enter("Python to Python", python.connect_connection(cargo.word(), &port)?);
            listeners.push(theirs);
        }
        Ok(Race {
            field,
            _listeners: listeners,
        })
    }
}

struct RustClient {
    connection: Connection,
    cargo: Cargo,
    list: Value,
    bytes: Vec<u8>,
}

impl RustClient {
    fn connect(port: &str, cargo: Cargo) -> Result<RustClient, Problem> {
        Ok(RustClient {
            connection: Client::connect(("127.0.0.1", port.parse()?), &Settings::new())?,
            cargo,
            list: list(),
            bytes: vec![b'.'; MIB],
        })
    }
}

impl Peer for RustClient {
    fn call_for(&mut self, time: Duration) -> Result<Sample, Problem> {
        repeat_in_batches(self.cargo.batch(), time, || {
            let is_back = match self.cargo {
                Cargo::Object => {
                    self.connection.send(&self.list)?;
                    self.connection.recv::<Value>()? == self.list
                }
                Cargo::Bytes => {
                    self.connection.send_bytes(&self.bytes)?;
                    self.connection.recv_bytes()?.len() == self.bytes.len()
                }
            };
            match is_back {
                true => Ok(()),
                false => Err("something else has come back".into()),
            }
        })
    }
}

/// The listener's process.
pub(crate) fn serve(cargo: &str) -> Result<(), Problem> {
    end_with_input();
    let cargo = Cargo::of(cargo)?;
    let listener = Listener::bind(("127.0.0.1", 0), &Settings::new())?;
    let Address::Inet(_, port) = listener.address() else {
        return Err("it is a TCP listener".into());
    };
    println!("{port}");
    for connection in listener.incoming() {
        std::thread::spawn(move || echo(connection, cargo));
    }
    Ok(())
}

/// Until the client leaves.
fn echo(mut connection: Connection, cargo: Cargo) {
    let mut give_back = || -> ferropyro_connection::Result<()> {
        match cargo {
            Cargo::Object => {
                let value: Value = connection.recv()?;
                connection.send(&value)
            }
            Cargo::Bytes => {
                let bytes = connection.recv_bytes()?;
                connection.send_bytes(&bytes)
            }
        }
    };
    while give_back().is_ok() {}
}
