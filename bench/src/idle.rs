//! `bench idle`: what connections cost that do nothing: memory, threads and descriptors of the multiplex server; and how fast they are let in.

use std::time::{Duration, Instant};

use ferropyro::wire::MessageKind;
use ferropyro::{Serializer, Uri};

use crate::core::{Cores, Seat};
use crate::grid::{Grid, count};
use crate::load::channel::Channel;
use crate::load::generator::{converse, receive_answer};
use crate::load::transport::{Transport, Workshop};
use crate::peer::Helper;
use crate::process::{Process, raise_file_limit};
use crate::recording::Recording;
use crate::report::{Bound, Goal, Report};
use crate::{Options, Problem, progress, rust_echo};

const CONNECTIONS: usize = 10_000;
const QUICK_CONNECTIONS: usize = 100;
/// Connections that are opened at a time; a listening socket of Pyro has room for 100.
const BATCH: usize = 64;
/// Descriptors that a process needs besides.
const SPARE: usize = 100;

pub(crate) fn run(options: &Options) -> Result<Report, Problem> {
    let wanted = match options.connections {
        Some(count) => count,
        None if options.quick => QUICK_CONNECTIONS,
        None => CONNECTIONS,
    };
    let count = wanted.min(raise_file_limit().saturating_sub(SPARE));
    let cores = Cores::two()?;
    let mut report = Report::new("Connections that do nothing");
    report.text(format!(
        "{count} idle connections to one multiplex server, {cores}; each has made one call. \"gone\" is when they are closed again. \
         \"a second\" is how fast they are let in, handshakes included."
    ));
    if count < wanted {
        report.leave_out(format!(
            "{wanted} connections: this system allows no more than {count} at a time (ulimit -n)"
        ));
    }
    let mut workshop = Workshop::open()?;
    let mut grid = Grid::new(HEADER);
    for transport in Transport::ALL {
        if options.leaves_out(transport.name()) {
            continue;
        }
        progress(&format!("{count} idle connections, {}", transport.name()));
        cores.sit(Seat::Servers)?;
        let (_recorder, recorded) = rust_echo::start_server(&[])?;
        let recording = Recording::of_a_call(&recorded, Serializer::Serpent)?;
        let settings = [
            vec!["SERVERTYPE=multiplex".to_owned(), "MAX_CONNECTIONS=0".to_owned()],
            workshop.settings(transport),
        ]
        .concat();
        let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
        let (server, uri) = rust_echo::start_server(&settings)?;
        cores.sit(Seat::Clients)?;
        let course = Course::of(&workshop, transport, &server, &uri, &recording, count)?;
        grid.row(course.cells(transport));
        if transport == Transport::Tcp && count == CONNECTIONS {
            report.goal(Goal::new(
                "memory of 10,000 idle connections, MiB",
                Bound::AtMost(32.0),
                Some(course.added(&course.called)),
            ));
        }
    }
    report.grid(grid);
    Ok(report)
}

const HEADER: [&str; 10] = [
    "transport",
    "more MiB",
    "bytes a connection",
    "MiB before their calls",
    "MiB when gone",
    "threads",
    "descriptors before",
    "with them",
    "when gone",
    "a second",
];

/// What was seen of one server.
struct Course {
    count: usize,
    opening: Duration,
    before: Seen,
    opened: Seen,
    called: Seen,
    closed: Seen,
}

impl Course {
    fn of(
        workshop: &Workshop,
        transport: Transport,
        server: &Helper,
        uri: &str,
        recording: &Recording,
        count: usize,
    ) -> Result<Course, Problem> {
        let uri: Uri = uri.parse()?;
        let process = Process(server.id());
        // Whatever a first client makes the server load is no matter of idle ones.
        let mut first = workshop.connect(transport, &uri)?;
        converse(&mut first, &recording.connect, MessageKind::CONNECTOK)?;
        converse(&mut first, &recording.request, MessageKind::RESULT)?;
        let before = Seen::of(process)?;
        let start = Instant::now();
        let mut channels = open(workshop, transport, &uri, recording, count)?;
        let opening = start.elapsed();
        let opened = Seen::of(process)?;
        for channel in &mut channels {
            converse(channel, &recording.request, MessageKind::RESULT)?;
        }
        let called = Seen::of(process)?;
        drop(channels);
        // Once it has taken out so many connections, it has noticed the end of them all.
        let deadline = Instant::now() + Duration::from_secs(10);
        while process.descriptors() > Some(before.descriptors) && Instant::now() < deadline {
            converse(&mut first, &recording.request, MessageKind::RESULT)?;
        }
        Ok(Course {
            count,
            opening,
            before,
            opened,
            called,
            closed: Seen::of(process)?,
        })
    }

    /// MiB more than before.
    fn added(&self, seen: &Seen) -> f64 {
        (seen.resident as f64 - self.before.resident as f64) / f64::from(1 << 20)
    }

    fn cells(&self, transport: Transport) -> [String; 10] {
        let Course {
            before, called, closed, ..
        } = self;
        let mib = |seen| format!("{:.1}", self.added(seen));
        [
            transport.name().to_owned(),
            mib(called),
            format!("{:.0}", self.added(called) * f64::from(1 << 20) / self.count as f64),
            mib(&self.opened),
            mib(closed),
            format!("{} to {}", before.threads, called.threads),
            before.descriptors.to_string(),
            called.descriptors.to_string(),
            closed.descriptors.to_string(),
            count(self.count as f64 / self.opening.as_secs_f64()),
        ]
    }
}

/// Opens connections, several at a time, up to the end of their handshakes.
fn open(
    workshop: &Workshop,
    transport: Transport,
    uri: &Uri,
    recording: &Recording,
    count: usize,
) -> Result<Vec<Channel>, Problem> {
    let mut channels: Vec<Channel> = Vec::with_capacity(count);
    while channels.len() < count {
        let from = channels.len();
        for _ in from..count.min(from + BATCH) {
            let mut channel = workshop.connect(transport, uri)?;
            channel.send(&recording.connect)?;
            channels.push(channel);
        }
        for channel in &mut channels[from..] {
            receive_answer(channel, MessageKind::CONNECTOK)?;
        }
    }
    Ok(channels)
}

/// What a process has.
struct Seen {
    resident: u64,
    threads: usize,
    descriptors: usize,
}

impl Seen {
    fn of(process: Process) -> Result<Seen, Problem> {
        let seen = || {
            Some(Seen {
                resident: process.resident()?,
                threads: process.threads()?,
                descriptors: process.descriptors()?,
            })
        };
        seen().ok_or_else(|| "the system tells nothing about other processes".into())
    }
}
