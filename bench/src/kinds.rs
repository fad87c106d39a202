//! `bench kinds`: the same bytes as a text, as bytes, as a bytearray and as an item stream of bytearrays, through every serializer.

use std::time::Duration;

use ferropyro::{ByteArray, Bytes, Config, Daemon, ItemStream, Items, Proxy, Serializer, expose};

use crate::bulk::{Direction, Raw};
use crate::core::{Cores, Seat};
use crate::peer::{Helper, Peer, Sample, end_with_input, repeat_in_batches};
use crate::python_peers::Python;
use crate::report::Report;
use crate::rounds::Field;
use crate::table::{Scale, Summary, Table, Unit};
use crate::{Options, Problem, progress};

const SIZE: usize = 4 << 20;
const QUICK_SIZE: usize = 2 * PIECE;
/// What the generator of a stream gives at a time.
const PIECE: usize = 64 << 10;
const TURN: Duration = Duration::from_millis(20);

const SERIALIZERS: [Serializer; 5] = [
    Serializer::Pickle,
    Serializer::Marshal,
    Serializer::Msgpack,
    Serializer::Json,
    Serializer::Serpent,
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Bytes,
    Array,
    /// Fetched, piece by piece.
    Stream,
}

const KINDS: [(Kind, &str); 4] = [
    (Kind::Text, "str"),
    (Kind::Bytes, "bytes"),
    (Kind::Array, "bytearray"),
    (Kind::Stream, "stream"),
];

impl Kind {
    /// Which way the bytes go.
    fn direction(self) -> Direction {
        match self {
            Kind::Stream => Direction::Back,
            _ => Direction::There,
        }
    }

    /// Json has no bytes.
    fn is_supported(self, serializer: Serializer) -> bool {
        serializer != Serializer::Json || self == Kind::Text
    }
}

struct Store;

#[expose]
#[allow(unreachable_pub)] // methods are exposed by being pub
impl Store {
    pub fn take_text(&self, text: &str) -> usize {
        text.len()
    }

    pub fn take_bytes(&self, data: &[u8]) -> usize {
        data.len()
    }

    pub fn stream(&self, size: usize) -> ItemStream {
        ItemStream::new((0..size / PIECE).map(|_| ByteArray(vec![b'.'; PIECE])))
    }
}

/// The server's process.
pub(crate) fn serve() -> Result<(), Problem> {
    end_with_input();
    let config = Config::default().serializers_accepted(SERIALIZERS);
    let daemon = Daemon::builder().config(config).host("127.0.0.1").bind()?;
    println!("{}", daemon.register("store", Store)?);
    daemon.run();
    Ok(())
}

struct Client {
    proxy: Proxy,
    kind: Kind,
    size: usize,
    text: String,
    bytes: Bytes,
    array: ByteArray,
}

impl Client {
    fn connect(uri: &str, serializer: Serializer, kind: Kind, size: usize) -> Result<Client, Problem> {
        // Pyro4's protocol, as at the other end of the comparison.
        let proxy = Proxy::builder().dialect(ferropyro::Dialect::V48).serializer(serializer);
        Ok(Client {
            proxy: proxy.build(uri)?,
            kind,
            size,
            text: ".".repeat(size),
            bytes: Bytes(vec![b'.'; size]),
            array: ByteArray(vec![b'.'; size]),
        })
    }

    fn move_all(&self) -> Result<usize, Problem> {
        Ok(match self.kind {
            Kind::Text => self.proxy.call("take_text", (&self.text,))?,
            Kind::Bytes => self.proxy.call("take_bytes", (&self.bytes,))?,
            Kind::Array => self.proxy.call("take_bytes", (&self.array,))?,
            Kind::Stream => {
                let mut moved = 0;
                for piece in self.proxy.call::<Items<ByteArray>>("stream", (self.size,))? {
                    moved += piece?.len();
                }
                moved
            }
        })
    }
}

impl Peer for Client {
    fn call_for(&mut self, time: Duration) -> Result<Sample, Problem> {
        repeat_in_batches(1, time, || {
            let moved = self.move_all()?;
            match moved == self.size {
                true => Ok(()),
                false => Err(format!("{moved} bytes of {} have arrived", self.size).into()),
            }
        })
    }
}

pub(crate) fn run(options: &Options) -> Result<Report, Problem> {
    let cores = Cores::two()?;
    cores.sit(Seat::Servers)?;
    let mut raw = Helper::start_self(&["serve", "bulk-raw"])?;
    let mut rust = Helper::start_self(&["serve", "kinds"])?;
    let (raw_address, rust_uri) = (raw.line()?, rust.line()?);
    let (python, left_out) = match Python::find() {
        Ok(python) if options.python => (Some((python.start_server("pyro4", &[])?, python)), None),
        Ok(_) => (None, None),
        Err(reason) => (None, Some(reason)),
    };
    cores.sit(Seat::Clients)?;
    let size = if options.quick { QUICK_SIZE } else { SIZE };
    let title = "parts of the raw socket's speed";
    let mut summary = Summary::new(title);
    for (kind, name) in KINDS {
        let mut field = Field::default();
        field.enter("raw socket", Raw::connect(&raw_address, kind.direction(), size)?);
        for serializer in SERIALIZERS.into_iter().filter(|one| kind.is_supported(*one)) {
            let client = Client::connect(&rust_uri, serializer, kind, size)?;
            field.enter(format!("Rust to Rust, {serializer}"), client);
        }
        if let Some(((_, uri), python)) = &python {
            for serializer in SERIALIZERS.into_iter().filter(|one| kind.is_supported(*one)) {
                let client = python.connect_kind("pyro4", serializer.name(), uri, name, size)?;
                field.enter(format!("Pyro4 to Pyro4, {serializer}"), client);
            }
        }
        let plan = field.plan_by_trial(TURN, options)?;
        progress(&format!("{} KiB, {name}, {} rounds", size >> 10, plan.rounds));
        let table = Table::new(title, Scale::Speed, &field.measure(plan)?);
        summary.add(name, table.in_unit(Unit::Bytes(size)));
    }
    let mut report = Report::new("Bytes in every kind and serializer");
    report.text(format!(
        "{} KiB as the argument of a call, or (stream) fetched in pieces of {} KiB, against a raw TCP socket that moves as many bytes. On loopback, {cores}. \
         \"-\": not supported, for json has no bytes.",
        size >> 10,
        PIECE >> 10,
    ));
    report.summary(&summary, "bytes");
    for (_, kind) in KINDS {
        let times = |serializer: &Serializer| {
            let median = |who| summary.median(kind, &format!("{who}, {serializer}"));
            let times = median("Rust to Rust")? / median("Pyro4 to Pyro4")?;
            Some(format!("{serializer} {times:.1}"))
        };
        let all: Vec<String> = SERIALIZERS.iter().filter_map(times).collect();
        if !all.is_empty() {
            report.finding(format!(
                "{kind}: ferropyro is so many times as fast as Pyro4: {}.",
                all.join(", ")
            ));
        }
    }
    if let Some(reason) = left_out {
        report.leave_out(format!("the real Pyro: {reason}"));
    }
    Ok(report)
}
