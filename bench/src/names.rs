//! `bench names`: look-ups in name servers over many connections, and registrations that are on the disk before they are acknowledged.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use ferropyro::{Config, Dialect, NameServer, Proxy, Uri};
use ferropyro_nameserver::{Entry, NameServerBuilder, Store};

use crate::core::{Cores, Seat};
use crate::load::generator::{Generator, Kind};
use crate::load::transport::{Transport, Workshop};
use crate::load::{fixed, measure};
use crate::peer::{Helper, Peer, Sample, end_with_input, repeat_in_batches};
use crate::process::{Process, raise_file_limit};
use crate::python_peers::Python;
use crate::recording::Recording;
use crate::report::{Bound, Goal, Report};
use crate::rounds::Field;
use crate::table::{Summary, Table};
use crate::{Options, Problem};

const CONNECTIONS: [usize; 3] = [1, 64, 1000];
const WRITERS: [usize; 2] = [1, 64];
const QUICK: [usize; 2] = [1, 16];
/// Threads for the servers that need one for each connection, and some to spare.
const POOL: &str = "THREADPOOL_SIZE=1100";
/// Names that are there.
const NAMES: usize = 1000;
const QUICK_NAMES: usize = 20;
const LOOK_UPS: &str = "parts of the fixed-frame server's speed";
const REGISTRATIONS: &str = "registrations for each fdatasync of a plain file";

pub(crate) fn run(options: &Options) -> Result<Report, Problem> {
    let mut bench = Bench::start(options)?;
    let counts = |usual: &[usize]| match (options.connections, options.quick) {
        (Some(count), _) => vec![count],
        (None, true) => QUICK.to_vec(),
        (None, false) => usual.to_vec(),
    };
    let mut look_ups = Summary::new(LOOK_UPS);
    for count in counts(&CONNECTIONS) {
        let table = bench.look_ups(count, options)?;
        look_ups.add(format!("{count}"), table);
    }
    let mut registrations = Summary::new(REGISTRATIONS);
    for count in counts(&WRITERS) {
        let table = bench.registrations(count, options)?;
        registrations.add(format!("{count}"), table);
    }
    let mut report = Report::new("Name servers");
    report.text(format!(
        "Look-ups of a name among {}, the next one on each connection as soon as the last one is answered. \
         Every server is a process of its own, on loopback, {}.",
        bench.names, bench.cores
    ));
    report.summary(&look_ups, "64");
    report.text(
        "Registrations of one name for each connection, which are on the disk when they are answered; the measure is what a plain \
         file can do, a little more in it and then an fdatasync, one after the other.",
    );
    report.summary(&registrations, "64");
    report.left_out = bench.left_out;
    report.goal(Goal::new(
        "look-ups over 64 connections, parts of a server that answers with a fixed frame",
        Bound::AtLeast(0.7),
        look_ups.median("64", "ferropyro multiplex"),
    ));
    Ok(report)
}

/// The name server's process: settings of Pyro, `storage=SPEC`, and `names=N` for so many that are there.
pub(crate) fn serve(settings: &[&str]) -> Result<(), Problem> {
    end_with_input();
    let pairs: Vec<(&str, &str)> = settings.iter().filter_map(|setting| setting.split_once('=')).collect();
    let (own, items): (Vec<_>, Vec<_>) = pairs
        .into_iter()
        .partition(|(name, _)| ["storage", "names"].contains(name));
    let config = Config::from_vars(items.iter().map(|(name, value)| (format!("PYRO_{name}"), *value)))?;
    let mut builder = NameServerBuilder::new().config(config).host("127.0.0.1").port(0);
    let of = |wanted| own.iter().filter(move |(name, _)| *name == wanted);
    for (_, spec) in of("storage") {
        builder = builder.storage(*spec);
    }
    let nameserver = builder.bind()?;
    for (_, count) in of("names") {
        fill(&**nameserver.object().store(), count.parse()?)?;
    }
    println!("{}", nameserver.uri());
    nameserver.run();
    Ok(())
}

/// Threads that register at a time: what waits for the disk together is there sooner.
const FILLERS: usize = 64;

fn fill(store: &dyn Store, count: usize) -> Result<(), Problem> {
    let register = |from: usize| -> Result<(), Problem> {
        for number in (from..count).step_by(FILLERS) {
            let entry = Entry::new(format!("PYRO:object{number:07}@host.example:4711"), BTreeSet::new());
            store.put(&filled_name(number), entry, false)?;
        }
        Ok(())
    };
    thread::scope(|scope| {
        let fillers: Vec<_> = (0..FILLERS).map(|from| scope.spawn(move || register(from))).collect();
        let results = fillers
            .into_iter()
            .map(|filler| filler.join().map_err(|_| "a thread panicked")?);
        results.collect()
    })
}

/// One of the names of [`start_filled`].
pub(crate) fn filled_name(number: usize) -> String {
    format!("name{number:07}")
}

/// Starts a name server on the event loop with so many names, and gives its URI.
pub(crate) fn start_filled(storage: &str, count: usize) -> Result<(Helper, String), Problem> {
    let (storage, names) = (format!("storage={storage}"), format!("names={count}"));
    let mut helper = Helper::start_self(&["serve", "names", "SERVERTYPE=multiplex", &storage, &names])?;
    let uri = helper.line()?;
    Ok((helper, uri))
}

struct Bench {
    cores: Cores,
    workshop: Workshop,
    folder: PathBuf,
    names: usize,
    python: Option<Python>,
    left_out: Vec<String>,
}

/// A server that takes part.
struct Server {
    name: &'static str,
    kind: Kind,
    helper: Helper,
    uri: String,
    recording: Recording,
}

impl Bench {
    fn start(options: &Options) -> Result<Bench, Problem> {
        raise_file_limit();
        let mut left_out = Vec::new();
        let python = match Python::find() {
            Ok(python) => Some(python).filter(|_| options.python),
            Err(reason) => {
                left_out.push(format!("the real Pyro: {reason}"));
                None
            }
        };
        let workshop = Workshop::open()?;
        Ok(Bench {
            cores: Cores::two()?,
            folder: workshop.folder().to_owned(),
            names: if options.quick { QUICK_NAMES } else { NAMES },
            workshop,
            python,
            left_out,
        })
    }

    fn look_ups(&mut self, count: usize, options: &Options) -> Result<Table, Problem> {
        let look_up = |nameserver: &NameServer| nameserver.lookup("name00000").map(drop);
        self.cores.sit(Seat::Servers)?;
        let mut servers = Vec::new();
        for (name, settings) in [
            ("ferropyro multiplex", &["SERVERTYPE=multiplex"][..]),
            ("ferropyro multiplex, sql", &["SERVERTYPE=multiplex", "storage=sql:"]),
            ("ferropyro thread", &["SERVERTYPE=thread", POOL]),
        ] {
            servers.push(self.ours(name, settings, &look_up)?);
        }
        for (name, generation, settings) in [
            ("Pyro5 multiplex", "pyro5", &["SERVERTYPE=multiplex"][..]),
            ("Pyro5 thread", "pyro5", &["SERVERTYPE=thread", POOL]),
            ("Pyro4 multiplex", "pyro4", &["SERVERTYPE=multiplex"]),
            ("Pyro4 thread", "pyro4", &["SERVERTYPE=thread", POOL]),
        ] {
            servers.extend(self.python(name, generation, settings, &look_up)?);
        }
        match redis() {
            Ok(server) => servers.push(server),
            Err(reason) => self.leave_out(format!("Redis: {reason}")),
        }
        let first = &servers.first().ok_or("no servers")?.recording;
        let (helper, uri) = fixed::start_server(first.request.len(), first.reply.len(), &[])?;
        let yardstick = Server {
            name: "fixed frame",
            kind: Kind::Fixed,
            helper,
            uri,
            recording: first.clone(),
        };
        servers.insert(0, yardstick);
        self.cores.sit(Seat::Clients)?;
        let mut field = Field::default();
        for server in &servers {
            field.enter(server.name, self.generator(server, count)?);
        }
        measure(field, count, "look-ups", LOOK_UPS, options)
    }

    fn registrations(&mut self, count: usize, options: &Options) -> Result<Table, Problem> {
        let uri: Uri = "PYRO:object@host.example:4711".parse()?;
        let register = |nameserver: &NameServer| nameserver.register("name00000", &uri);
        self.cores.sit(Seat::Servers)?;
        let settings = ["SERVERTYPE=multiplex", "storage=sql:"];
        let mut servers = vec![self.ours("ferropyro multiplex, sql", &settings, &register)?];
        let settings = ["SERVERTYPE=thread", POOL, "storage=sql:"];
        servers.push(self.ours("ferropyro thread, sql", &settings, &register)?);
        for (name, settings) in [
            ("Pyro5 multiplex, sql", &["SERVERTYPE=multiplex", "storage=sql:"][..]),
            ("Pyro5 thread, sql", &["SERVERTYPE=thread", POOL, "storage=sql:"]),
        ] {
            servers.extend(self.python(name, "pyro5", settings, &register)?);
        }
        self.cores.sit(Seat::Clients)?;
        let mut field = Field::default();
        field.enter("fdatasync", Disk(File::create(self.folder.join("plain"))?));
        for server in &servers {
            field.enter(server.name, self.generator(server, count)?);
        }
        measure(field, count, "registrations", REGISTRATIONS, options)
    }

    fn generator(&self, server: &Server, count: usize) -> Result<Generator, Problem> {
        let process = Process(server.helper.id());
        let Server {
            name,
            kind,
            uri,
            recording,
            ..
        } = server;
        Generator::connect(&self.workshop, Transport::Tcp, uri, *kind, recording, count, process)
            .map_err(|problem| format!("{name}, {count} connections: {problem}").into())
    }

    /// A storage of its own for each server that asks for `sql:`.
    fn settings(&self, name: &str, settings: &[&str]) -> Vec<String> {
        let file = self.folder.join(name.replace([' ', ','], "-"));
        // What was there is of the table before.
        for suffix in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(format!("{}{suffix}", file.display()));
        }
        let whole = |setting: &&str| match setting.ends_with("sql:") {
            true => format!("{setting}{}", file.display()),
            false => (*setting).to_owned(),
        };
        settings.iter().map(whole).collect()
    }

    fn ours(
        &self,
        name: &'static str,
        settings: &[&str],
        call: &dyn Fn(&NameServer) -> ferropyro::Result<()>,
    ) -> Result<Server, Problem> {
        let settings = self.settings(name, settings);
        let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
        let mut helper = Helper::start_self(&[&["serve", "names"], settings.as_slice()].concat())?;
        let uri = helper.line()?;
        filled(name, helper, uri, Dialect::V502, self.names, call)
    }

    fn python(
        &mut self,
        name: &'static str,
        generation: &str,
        settings: &[&str],
        call: &dyn Fn(&NameServer) -> ferropyro::Result<()>,
    ) -> Result<Option<Server>, Problem> {
        let settings = self.settings(name, settings);
        let Some(python) = &self.python else { return Ok(None) };
        let started = python.start_name_server(generation, &settings);
        let dialect = if generation == "pyro4" {
            Dialect::V48
        } else {
            Dialect::V502
        };
        match started.and_then(|(helper, uri)| filled(name, helper, uri, dialect, self.names, call)) {
            Ok(server) => Ok(Some(server)),
            Err(problem) => {
                self.leave_out(format!("{name}: {problem}"));
                Ok(None)
            }
        }
    }

    fn leave_out(&mut self, reason: String) {
        if !self.left_out.contains(&reason) {
            self.left_out.push(reason);
        }
    }
}

/// Puts names into a server, and takes down a call of it.
fn filled(
    name: &'static str,
    helper: Helper,
    uri: String,
    dialect: Dialect,
    names: usize,
    call: &dyn Fn(&NameServer) -> ferropyro::Result<()>,
) -> Result<Server, Problem> {
    let client = |uri: &str| -> Result<NameServer, Problem> {
        Ok(NameServer::new(Proxy::builder().dialect(dialect).build(uri)?))
    };
    let nameserver = client(&uri)?;
    let registered: Uri = "PYRO:object@host.example:4711".parse()?;
    for number in 0..names {
        nameserver.register(&format!("name{number:05}"), &registered)?;
    }
    nameserver.proxy().release();
    let recording = Recording::of(&uri, |relayed| {
        let nameserver = client(relayed)?;
        nameserver.ping()?;
        Ok(move || Ok(call(&nameserver)?))
    })?;
    Ok(Server {
        name,
        kind: Kind::Pyro,
        helper,
        uri,
        recording: recording.with_numbers(b"name00000"),
    })
}

/// Redis with one name, and a GET of it.
fn redis() -> Result<Server, Problem> {
    let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let mut command = Command::new("redis-server");
    command.args([
        "--port",
        &port.to_string(),
        "--bind",
        "127.0.0.1",
        "--save",
        "",
        "--appendonly",
        "no",
    ]);
    command.stderr(Stdio::null());
    let mut helper = Helper::start(command)?;
    while !helper.line()?.contains("eady to accept connections") {}
    let word = |word: &str| format!("${}\r\n{word}\r\n", word.len());
    let (name, uri) = (word("name00000"), word("PYRO:object@host.example:4711"));
    let set = format!("*3\r\n{}{name}{uri}", word("SET"));
    let mut client = std::net::TcpStream::connect(("127.0.0.1", port))?;
    client.write_all(set.as_bytes())?;
    std::io::Read::read_exact(&mut client, &mut [0; 5])?; // +OK
    Ok(Server {
        name: "Redis GET",
        kind: Kind::Fixed,
        helper,
        uri: format!("PYRO:redis@127.0.0.1:{port}"),
        recording: Recording {
            connect: Vec::new(),
            request: format!("*2\r\n{}{name}", word("GET")).into_bytes(),
            reply: uri.into_bytes(),
            number: None,
        },
    })
}

/// What the disk can do: a little more in a file, and then on the disk, one after the other.
struct Disk(File);

impl Peer for Disk {
    fn call_for(&mut self, time: Duration) -> Result<Sample, Problem> {
        repeat_in_batches(1, time, || {
            self.0.write_all(&[b'.'; 512])?;
            Ok(self.0.sync_data()?)
        })
    }
}
