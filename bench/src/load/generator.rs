//! The client of many connections: one thread, ready-made frames, and the next call on each connection as soon as the last one is answered.
//! It does the same for all servers, and as little as possible.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use ferropyro::Uri;
use ferropyro::wire::{Deframer, Dialect, Flags, MessageKind};
use mio::{Events, Poll, Token};

use super::channel::Channel;
use super::transport::{Transport, Workshop};
use crate::Problem;
use crate::peer::{Peer, Sample};
use crate::process::Process;
use crate::recording::Recording;

/// The bytes of a reply that are compared with those of the first one: a header up to the payload's length.
const COMPARED: usize = 16;

pub(crate) struct Generator {
    poll: Poll,
    events: Events,
    clients: Vec<Client>,
    /// The first reply: all have the same length, and the same beginning.
    reply: Vec<u8>,
    buffer: Vec<u8>,
    server: Process,
}

struct Client {
    channel: Channel,
    request: Vec<u8>,
    /// Bytes of the reply that have arrived.
    arrived: usize,
}

/// Whether a server speaks Pyro's protocol, or answers anything with the same bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Pyro,
    Fixed,
}

impl Generator {
    /// Opens so many connections to a server, with the real handshake where it is one of Pyro's, and makes a first call.
    pub(crate) fn connect(
        workshop: &Workshop,
        transport: Transport,
        uri: &str,
        kind: Kind,
        recording: &Recording,
        count: usize,
        server: Process,
    ) -> Result<Generator, Problem> {
        let uri: Uri = uri.parse()?;
        let poll = Poll::new()?;
        let mut buffer = vec![0; 64 << 10];
        let mut clients = Vec::with_capacity(count);
        let mut reply = recording.reply.clone();
        for index in 0..count {
            let mut channel = workshop.connect(transport, &uri)?;
            let request = recording.request_of(index);
            if kind == Kind::Pyro {
                converse(&mut channel, &recording.connect, MessageKind::CONNECTOK)?;
                reply = converse(&mut channel, &request, MessageKind::RESULT)?;
            } else {
                channel.send(&request)?;
                let mut arrived = 0;
                while arrived < reply.len() {
                    let count = channel.receive(&mut buffer[arrived..])?;
                    if count == 0 {
                        return Err("the server closes the connection".into());
                    }
                    arrived += count;
                }
                reply.copy_from_slice(&buffer[..arrived]);
            }
            channel.watch(poll.registry(), index)?;
            clients.push(Client {
                channel,
                request,
                arrived: 0,
            });
        }
        Ok(Generator {
            poll,
            events: Events::with_capacity(1024),
            clients,
            reply,
            buffer,
            server,
        })
    }

    /// Receives what has arrived on a connection. True when its reply is complete.
    fn receive(&mut self, index: usize) -> Result<bool, Problem> {
        let client = &mut self.clients[index];
        loop {
            let count = match client.channel.receive(&mut self.buffer) {
                Ok(0) => return Err("the server has closed a connection".into()),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error.into()),
            };
            let compared = COMPARED.min(count).min(self.reply.len());
            if client.arrived == 0 && self.buffer[..compared] != self.reply[..compared] {
                return Err("a reply is not as the first one".into());
            }
            client.arrived += count;
            if client.arrived > self.reply.len() {
                return Err("a reply is longer than the first one".into());
            }
            if client.arrived == self.reply.len() {
                client.arrived = 0;
                return Ok(true);
            }
        }
    }
}

impl Peer for Generator {
    /// Calls on all connections. Ends with no call under way.
    fn call_for(&mut self, time: Duration) -> Result<Sample, Problem> {
        let start = Instant::now();
        for client in &mut self.clients {
            client.channel.send(&client.request)?;
        }
        let mut under_way = self.clients.len();
        let mut calls = 0;
        let mut goes_on = true;
        let mut ready = Vec::with_capacity(under_way);
        while under_way > 0 {
            self.poll.poll(&mut self.events, None)?;
            ready.extend(self.events.iter().map(|event| event.token()));
            for Token(index) in ready.drain(..) {
                if self.receive(index)? {
                    calls += 1;
                    let client = &mut self.clients[index];
                    match goes_on {
                        true => client.channel.send(&client.request)?,
                        false => under_way -= 1,
                    }
                }
            }
            goes_on = start.elapsed() < time;
        }
        Ok(Sample {
            calls,
            time: start.elapsed(),
        })
    }

    fn server_time(&self) -> Option<Duration> {
        self.server.processor_time()
    }
}

/// Sends a frame and waits for the answer, which must be of this kind and no exception.
pub(crate) fn converse(channel: &mut Channel, frame: &[u8], wanted: MessageKind) -> Result<Vec<u8>, Problem> {
    channel.send(frame)?;
    receive_answer(channel, wanted)
}

/// Waits for a message, which must be of this kind and no exception.
pub(crate) fn receive_answer(channel: &mut Channel, wanted: MessageKind) -> Result<Vec<u8>, Problem> {
    let mut deframer = Deframer::for_dialects(&[Dialect::V48, Dialect::V502]);
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        if let Some((length, message)) = deframer.next(&answer)? {
            if message.header.kind != wanted || message.header.flags.contains(Flags::EXCEPTION) {
                return Err(format!("the server answers {:?}", String::from_utf8_lossy(&message.payload)).into());
            }
            answer.truncate(length);
            return Ok(answer);
        }
        match channel.receive(&mut buffer)? {
            0 => return Err("the server closes the connection".into()),
            count => answer.extend_from_slice(&buffer[..count]),
        }
    }
}
