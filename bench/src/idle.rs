//! `bench idle`: what connections cost that do nothing: memory, threads and descriptors of the multiplex server; and how fast they are let in.

use std::time::{Duration, Instant};

use ferropyro::wire::MessageKind;
use ferropyro::{Serializer, Uri};

use crate::core::{Cores, Seat};
use crate::load::channel::Channel;
use crate::load::generator::{converse, receive_answer};
use crate::load::transport::{Transport, Workshop};
use crate::peer::Helper;
use crate::process::{Process, raise_file_limit};
use crate::recording::Recording;
use crate::rust_echo;
use crate::{Options, Problem};

const CONNECTIONS: usize = 10_000;
const QUICK_CONNECTIONS: usize = 100;
/// Connections that are opened at a time; a listening socket of Pyro has room for 100.
const BATCH: usize = 64;
/// Descriptors that a process needs besides.
const SPARE: usize = 100;

pub(crate) fn main(options: &Options) -> Result<(), Problem> {
    let wanted = match options.connections {
        Some(count) => count,
        None if options.quick => QUICK_CONNECTIONS,
        None => CONNECTIONS,
    };
    let count = wanted.min(raise_file_limit().saturating_sub(SPARE));
    if count < wanted {
        println!("This system allows no more than {count} connections at a time (ulimit -n).");
    }
    let cores = Cores::two()?;
    let mut workshop = Workshop::open()?;
    println!("{count} idle connections to one multiplex server, {cores}; each has made one call.\n");
    for transport in Transport::ALL {
        if options.leaves_out(transport.name()) {
            continue;
        }
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
        let report = Report::of(&workshop, transport, &server, &uri, &recording, count)?;
        println!("{report}");
    }
    Ok(())
}

/// What was seen of one server.
struct Report {
    transport: Transport,
    count: usize,
    opening: Duration,
    before: Seen,
    opened: Seen,
    called: Seen,
    closed: Seen,
}

impl Report {
    fn of(
        workshop: &Workshop,
        transport: Transport,
        server: &Helper,
        uri: &str,
        recording: &Recording,
        count: usize,
    ) -> Result<Report, Problem> {
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
        Ok(Report {
            transport,
            count,
            opening,
            before,
            opened,
            called,
            closed: Seen::of(process)?,
        })
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

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Report { before, called, .. } = self;
        let added = |seen: &Seen| (seen.resident as f64 - before.resident as f64) / f64::from(1 << 20);
        writeln!(
            f,
            "{:4}  {:.1} MiB more ({:.0} bytes a connection; {:.1} MiB before their calls, {:.1} MiB when they are gone)",
            self.transport.name(),
            added(called),
            added(called) * f64::from(1 << 20) / self.count as f64,
            added(&self.opened),
            added(&self.closed),
        )?;
        writeln!(
            f,
            "      from {} to {} threads, from {} to {} descriptors, {} when they are gone",
            before.threads, called.threads, before.descriptors, called.descriptors, self.closed.descriptors
        )?;
        write!(
            f,
            "      {:.0} connections a second, handshakes included",
            self.count as f64 / self.opening.as_secs_f64()
        )
    }
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
