//! `bench echo`: what a remote call costs, in multiples of a raw TCP ping-pong of the same bytes, beside other libraries.

use std::fmt::Display;

use ferropyro::Serializer;

use crate::contenders::{self, Contenders};
#[cfg(unix)]
use crate::load::{fixed, transport::Workshop};
use crate::peer::Helper;
use crate::python_peers::Python;
use crate::raw::Raw;
use crate::recording::Recording;
use crate::report::{Bound, Goal, Report};
use crate::rounds::{Field, TURN};
use crate::rust_echo::{self, MESSAGE};
use crate::table::{Scale, Table};
use crate::{Options, Problem, core};

const SERIALIZERS: [Serializer; 4] = [
    Serializer::Serpent,
    Serializer::Marshal,
    Serializer::Msgpack,
    Serializer::Json,
];

pub(crate) fn run(options: &Options) -> Result<Report, Problem> {
    let pinned = core::pin();
    let mut echo = Echo::default();
    let call = echo.start_all(options)?;
    let plan = echo.field.plan(TURN, options);
    let table = Table::new("times the raw ping-pong", Scale::Cost, &echo.field.measure(plan)?);
    let mut report = Report::new("A call that comes back");
    report.text(format!(
        "A call that sends a text of {} bytes and gets it back, against a raw TCP ping-pong of the same bytes ({} there, {} back). \
         Clients and servers are processes of their own, on loopback, {pinned}; {} rounds of {} ms each. \
         \"fastest\" compares the fastest rounds, which a busy machine disturbs least.",
        MESSAGE.len(),
        call.request.len(),
        call.reply.len(),
        plan.rounds,
        plan.turn.as_millis(),
    ));
    report.table("echo, all on one core", &table);
    for reason in echo.left_out {
        report.leave_out(reason);
    }
    report.finding(statement(&table));
    report.goal(Goal::new(
        "an echo call from Rust to Rust with serpent, times a raw TCP ping-pong on the same core",
        Bound::AtMost(1.25),
        table.median(&rust_name(Serializer::Serpent)),
    ));
    Ok(report)
}

/// The sentence that holds on any machine.
fn statement(table: &Table) -> String {
    let times = |name: &str| table.median(name).map(|median| format!("{median:.2} times"));
    let Some(ours) = times(&rust_name(Serializer::Serpent)) else {
        return String::new();
    };
    let contenders = contenders::KINDS
        .iter()
        .map(|(_, name)| ((*name).to_owned(), (*name).to_owned()));
    let pyros = ["pyro5", "pyro4"].into_iter().map(|generation| {
        (
            title(generation).to_owned(),
            python_name(generation, generation, "serpent"),
        )
    });
    let theirs: String = contenders
        .chain(pyros)
        .filter_map(|(title, name)| Some(format!("; {title} {}", times(&name)?)))
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

/// The peers, and the servers' processes.
#[derive(Default)]
struct Echo {
    field: Field,
    servers: Vec<Helper>,
    /// Who is not there, why, and what to do about it.
    left_out: Vec<String>,
    /// Where the Unix sockets are.
    #[cfg(unix)]
    workshop: Option<Workshop>,
}

impl Echo {
    /// Starts all peers. Gives the frames of a call.
    fn start_all(&mut self, options: &Options) -> Result<Recording, Problem> {
        let (server, uri) = rust_echo::start_server(&[])?;
        self.servers.push(server);
        let call = Recording::of_a_call(&uri, Serializer::Serpent)?;
        let raw = Raw::start(call.request.len(), call.reply.len())?;
        self.field.enter("raw TCP ping-pong", raw);
        #[cfg(unix)]
        self.start_yardsticks(&call)?;
        for serializer in SERIALIZERS {
            let client = rust_echo::Client::connect(&uri, serializer)?;
            self.field.enter(rust_name(serializer), client);
        }
        #[cfg(unix)]
        self.start_over_unix()?;
        #[cfg(not(unix))]
        self.leave_out("Unix sockets and the fixed frame", "this system has no Unix sockets");
        self.start_contenders();
        let started = match Python::find() {
            _ if !options.python => Err("not wanted".into()),
            Ok(python) => self.start_python(&python, &uri),
            Err(reason) => Err(reason.into()),
        };
        if let Err(reason) = started {
            self.leave_out("the real Pyro", reason);
        }
        Ok(call)
    }

    fn leave_out(&mut self, name: &str, reason: impl Display) {
        self.left_out.push(format!("{name}: {reason}"));
    }

    /// What the bytes of a call cost without TCP, and with a server that looks for what has something to say, as servers of many clients do.
    #[cfg(unix)]
    fn start_yardsticks(&mut self, call: &Recording) -> Result<(), Problem> {
        let (request, reply) = (call.request.len(), call.reply.len());
        let raw = Raw::start_unix(&self.socket("raw")?, request, reply)?;
        self.field.enter("raw Unix ping-pong", raw);
        let (server, uri) = fixed::start_server(request, reply, &[])?;
        let (_, address) = uri.split_once('@').ok_or("a URI without an address")?;
        let raw = Raw::connect(address, server, request, reply)?;
        self.field.enter("fixed frame, event loop", raw);
        Ok(())
    }

    #[cfg(unix)]
    fn start_over_unix(&mut self) -> Result<(), Problem> {
        let setting = format!("unixsocket={}", self.socket("echo")?);
        let (server, uri) = rust_echo::start_server(&[&setting])?;
        self.servers.push(server);
        let client = rust_echo::Client::connect(&uri, Serializer::Serpent)?;
        let name = format!("{}, Unix", rust_name(Serializer::Serpent));
        self.field.enter(name, client);
        Ok(())
    }

    /// The path of a socket with this name.
    #[cfg(unix)]
    fn socket(&mut self, name: &str) -> Result<String, Problem> {
        let workshop = match self.workshop.take() {
            Some(workshop) => workshop,
            None => Workshop::open()?,
        };
        let path = workshop.folder().join(format!("{name}.sock"));
        self.workshop = Some(workshop);
        Ok(path.display().to_string())
    }

    fn start_contenders(&mut self) {
        let contenders = match Contenders::find() {
            Ok(contenders) => contenders,
            Err(reason) => {
                let all = contenders::KINDS.map(|(_, name)| name).join("; ");
                return self.leave_out(&all, reason);
            }
        };
        for (kind, name) in contenders::KINDS {
            match contenders.start(kind, MESSAGE) {
                Ok((server, client)) => {
                    self.servers.push(server);
                    self.field.enter(name, client);
                }
                Err(reason) => self.leave_out(name, reason),
            }
        }
    }

    fn start_python(&mut self, python: &Python, ours: &str) -> Result<(), Problem> {
        for generation in ["pyro5", "pyro4"] {
            let (server, theirs) = python.start_server(generation, &[])?;
            self.servers.push(server);
            for (host, uri) in [("rust", ours), (generation, &theirs)] {
                for serializer in ["serpent", "marshal"] {
                    let client = python.connect(generation, serializer, uri, MESSAGE)?;
                    self.field.enter(python_name(generation, host, serializer), client);
                }
            }
            let client = rust_echo::Client::connect(&theirs, Serializer::Serpent)?;
            self.field.enter(python_name("rust", generation, "serpent"), client);
        }
        Ok(())
    }
}
