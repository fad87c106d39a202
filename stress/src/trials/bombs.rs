//! T7: messages that are far larger than they look, or say that they are.

use std::io::Write;

use ferropyro::Dialect;
use ferropyro::wire::{Flags, MessageKind};
use flate2::Compression;
use flate2::write::ZlibEncoder;

use crate::Problem;
use crate::frames::{DIALECTS, SERPENT, frame, invoke};
use crate::raw::Raw;
use crate::server::{Kind, Server};
use crate::trial::{Trial, mib};

const MIB: u64 = 1 << 20;
/// The limit of messages in the first part.
const LIMIT: u64 = 16 * MIB;
/// What comes of the bomb.
const INFLATED: u64 = 1 << 30;
const SLACK: u64 = 16 * MIB;
const GIB: u32 = 1 << 30;
/// Bytes that each of those sends that announce a gigabyte.
const SENT: usize = 4 << 10;

pub(crate) fn run(trial: &mut Trial) -> Result<(), Problem> {
    let bomb = bomb()?;
    trial.note(format_args!("the bomb has {}", mib(bomb.len() as u64)));
    for kind in Kind::ALL {
        println!("   {}", kind.name());
        inflate(trial, kind, &bomb)?;
        announce(trial, kind)?;
    }
    Ok(())
}

/// A string of a gigabyte, compressed.
fn bomb() -> Result<Vec<u8>, Problem> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(b"# serpent utf-8 python3.2\n('yard','echo',('")?;
    let piece = vec![b'a'; MIB as usize];
    for _ in 0..INFLATED / MIB {
        encoder.write_all(&piece)?;
    }
    encoder.write_all(b"',),{})")?;
    Ok(encoder.finish()?)
}

fn inflate(trial: &mut Trial, kind: Kind, bomb: &[u8]) -> Result<(), Problem> {
    let server = Server::start(kind, &[&format!("MAX_MESSAGE_SIZE={LIMIT}")])?;
    let process = server.process();
    server.warm_up()?;
    let before = process.resident()?;
    process.forget_peak()?;
    for dialect in DIALECTS {
        let mut raw = Raw::greeted(server.address, dialect)?;
        raw.send(&frame(
            dialect,
            MessageKind::INVOKE,
            1,
            SERPENT,
            Flags::COMPRESSED,
            bomb,
        ))?;
        // Pyro4 closes without a word when a message is too large.
        let answer = raw.receive()?;
        let refused = answer.as_ref().is_none_or(|answer| answer.is_exception);
        trial.expect(refused, format_args!("the bomb is refused in {dialect}"));
    }
    let grown = process.peak()?.saturating_sub(before);
    trial.expect(
        grown <= LIMIT + SLACK,
        format_args!(
            "{} more at the most, with a limit of {} for messages",
            mib(grown),
            mib(LIMIT)
        ),
    );
    let answer: bool = server.proxy()?.call("sleep", (0,))?;
    trial.expect(answer, "the server goes on");
    Ok(())
}

fn announce(trial: &mut Trial, kind: Kind) -> Result<(), Problem> {
    let count: usize = trial.either(1000, 200);
    let server = Server::start(kind, &[&format!("THREADPOOL_SIZE={}", count + 10)])?;
    let process = server.process();
    let mut clients = (0..count)
        .map(|_| Raw::greeted(server.address, Dialect::V502))
        .collect::<Result<Vec<Raw>, _>>()?;
    let before = process.resident()?;
    let message = announcement();
    for client in &mut clients {
        client.send(&message)?;
    }
    // All has been read when this has been answered by each worker.
    for _ in 0..10 {
        server.proxy()?.call::<bool>("sleep", (0,))?;
    }
    let grown = process.resident()?.saturating_sub(before);
    trial.expect(
        grown <= 64 * MIB * count as u64 / 1000 + 2 * MIB,
        format_args!(
            "{} more with {count} connections that announce a gigabyte each",
            mib(grown)
        ),
    );
    Ok(())
}

/// The beginning of a call whose header says that it has a gigabyte.
fn announcement() -> Vec<u8> {
    let mut message = invoke(Dialect::V502, 1, "echo", "('x',)");
    // The length of the payload stands after magic, version, serializer, flags and sequence number.
    message[12..16].copy_from_slice(&(GIB - 1000).to_be_bytes());
    message.resize(SENT, b'x');
    message
}
