//! T5: messages with mistakes.

use std::io;

use ferropyro::wire::{Flags, MessageKind, SerializerId};

use crate::Problem;
use crate::calls::Calls;
use crate::frames::{DIALECTS, frame, hello, invoke, ping};
use crate::raw::Raw;
use crate::server::{Kind, Server};
use crate::trial::{Trial, mib};

const MOST_MEMORY: u64 = 8 << 20;

pub(crate) fn run(trial: &mut Trial) -> Result<(), Problem> {
    let count = trial.either(1_000_000, 15_000) / Kind::ALL.len();
    for kind in Kind::ALL {
        println!("   {}", kind.name());
        try_server(trial, kind, count)?;
    }
    Ok(())
}

fn try_server(trial: &mut Trial, kind: Kind, count: usize) -> Result<(), Problem> {
    let mut server = Server::start(kind, &["MAX_MESSAGE_SIZE=1000000"])?;
    let process = server.process();
    let files = server.warm_up()?;
    let mut chance = Chance(0x5EED + kind as u64);
    let mut throw = |count: usize| -> Result<(), Problem> {
        for index in 0..count {
            send(&server, index, &mut chance).map_err(|error| format!("message {index}: {error}"))?;
        }
        Ok(())
    };
    // What the first of them need is not lost.
    throw(count / 10)?;
    let before = process.resident()?;
    let calls = Calls::start(&server);
    throw(count)?;
    calls.judge(trial, "99 % within 10 ms")?;
    let grown = process.resident()?.saturating_sub(before);
    trial.expect(
        grown <= MOST_MEMORY,
        format_args!("{} more after {count} messages with mistakes", mib(grown)),
    );
    trial.expect_soon(
        || process.descriptors().is_ok_and(|now| now <= files),
        format_args!("{files} descriptors as before"),
    );
    trial.expect(server.is_running(), "the server goes on");
    Ok(())
}

/// Sends a message, and reads what the server says until it closes the connection.
fn send(server: &Server, index: usize, chance: &mut Chance) -> Result<(), Problem> {
    let dialect = DIALECTS[index % 2];
    let mut raw = Raw::connect_from(index, server.address, dialect)?;
    let mut message = match index % 5 {
        0 => hello(dialect),
        kind => {
            raw = raw.greet()?;
            match kind {
                1 => invoke(dialect, 1, "echo", "('a text',[1,2.5,{'a':None}])"),
                2 => ping(dialect, 1),
                3 => frame(
                    dialect,
                    MessageKind::INVOKE,
                    1,
                    SerializerId(chance.below(8) as u16),
                    Flags::NONE,
                    b"x",
                ),
                _ => chance.bytes(),
            }
        }
    };
    chance.spoil(&mut message);
    match raw.send(&message).and_then(|()| raw.finish()) {
        // It may be refused before its end.
        Err(error) if matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe) => Ok(()),
        other => Ok(other?),
    }
}

/// Numbers that are the same in each run.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    fn bytes(&mut self) -> Vec<u8> {
        (0..self.below(200)).map(|_| self.next() as u8).collect()
    }

    /// Changes some bytes, and sometimes leaves out the end, or adds something.
    fn spoil(&mut self, message: &mut Vec<u8>) {
        for _ in 0..=self.below(4) {
            let place = self.below(message.len());
            if let Some(byte) = message.get_mut(place) {
                *byte = self.next() as u8;
            }
        }
        match self.below(4) {
            0 => message.truncate(self.below(message.len())),
            1 => message.extend(self.bytes()),
            _ => {}
        }
    }
}
