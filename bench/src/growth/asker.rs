//! One connection that asks for another one of very many at every call.

use std::time::Duration;

use ferropyro::Uri;
use ferropyro::wire::MessageKind;

use crate::Problem;
use crate::load::channel::Channel;
use crate::load::generator::converse;
use crate::load::transport::{Transport, Workshop};
use crate::peer::{Peer, Sample, repeat};
use crate::recording::Recording;

/// Sends a recorded call again and again, each time with another number in it, in no order that a cache could learn.
pub(super) struct Asker {
    channel: Channel,
    recording: Recording,
    /// How many there are.
    count: usize,
    number: usize,
    reply: usize,
    buffer: Vec<u8>,
}

/// A prime that has no factor in common with powers of ten: so all numbers have their turn.
const STRIDE: usize = 6_700_417;

impl Asker {
    pub(super) fn connect(
        workshop: &Workshop,
        uri: &str,
        recording: &Recording,
        count: usize,
    ) -> Result<Asker, Problem> {
        let uri: Uri = uri.parse()?;
        let mut channel = workshop.connect(Transport::Tcp, &uri)?;
        converse(&mut channel, &recording.connect, MessageKind::CONNECTOK)?;
        let first = recording.request_of(0);
        let reply = converse(&mut channel, &first, MessageKind::RESULT)?.len();
        Ok(Asker {
            channel,
            recording: recording.clone(),
            count,
            number: 0,
            reply,
            buffer: vec![0; 4096],
        })
    }

    fn ask(&mut self) -> Result<(), Problem> {
        self.number = (self.number + STRIDE) % self.count;
        self.recording.number_request(self.number);
        self.channel.send(&self.recording.request)?;
        let mut arrived = 0;
        while arrived < self.reply {
            match self.channel.receive(&mut self.buffer)? {
                0 => return Err("the server closes the connection".into()),
                count => arrived += count,
            }
        }
        match arrived == self.reply {
            true => Ok(()),
            false => Err(format!("an answer has {arrived} bytes, the first had {}", self.reply).into()),
        }
    }
}

impl Peer for Asker {
    fn call_for(&mut self, time: Duration) -> Result<Sample, Problem> {
        repeat(time, || self.ask())
    }
}
