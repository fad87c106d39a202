//! T12: clients that ask for much, and read nothing of it, or slowly.

use std::io::Read;
use std::thread;
use std::time::{Duration, Instant};

use ferropyro::Dialect;

use crate::Problem;
use crate::calls::Calls;
use crate::raw::Raw;
use crate::server::{Kind, Server};
use crate::trial::{Trial, becomes_true, mib};

const MIB: usize = 1 << 20;
/// What the system itself takes of an answer that nobody reads.
const SLACK: u64 = 64 << 20;

pub(crate) fn run(trial: &mut Trial) -> Result<(), Problem> {
    for kind in Kind::ALL {
        println!("   {}", kind.name());
        try_server(trial, kind)?;
    }
    Ok(())
}

fn try_server(trial: &mut Trial, kind: Kind) -> Result<(), Problem> {
    let (count, seconds): (usize, u64) = (trial.either(100, 20), trial.either(30, 2));
    let time = Duration::from_secs(seconds);
    let server = Server::start(kind, &["THREADPOOL_SIZE=200", &format!("WRITE_TIMEOUT={seconds}")])?;
    let process = server.process();
    let (files, before) = (server.warm_up()?, process.resident()?);
    let mut slow = Raw::greeted(server.address, Dialect::V502)?;
    slow.begin("parcel", &format!("({},)", 10 * MIB))?;
    let reader = thread::spawn(move || read_slowly(&mut slow, 10 * MIB, time / 4));

    let mut clients = (0..count)
        .map(|_| Raw::greeted(server.address, Dialect::V502))
        .collect::<Result<Vec<Raw>, _>>()?;
    for client in &mut clients {
        client.begin("parcel", &format!("({},)", 10 * MIB))?;
    }
    let begun = Instant::now();
    let calls = Calls::start(&server);
    let early = becomes_true(time * 9 / 10, || {
        process.descriptors().is_ok_and(|now| now < files + count)
    });
    trial.expect(
        !early,
        format_args!("{count} clients that read nothing are not disconnected too early"),
    );
    let grown = process.resident()?.saturating_sub(before);
    // The bytes, which the allocator may keep for the next ones, and the text that they are in serpent.
    let most = (count as u64 + 1) * (10 + 14) * MIB as u64 + SLACK;
    trial.expect(
        grown <= most,
        format_args!("{} more for them (limit {})", mib(grown), mib(most)),
    );
    let gone = becomes_true(4 * time, || process.descriptors().is_ok_and(|now| now < files + 4));
    let took = begun.elapsed();
    trial.expect(
        gone && took <= time + Duration::from_secs(2),
        format_args!(
            "all are, {:.1} s after they asked (limit {seconds} s)",
            took.as_secs_f64()
        ),
    );
    calls.judge(trial, "99 % within 20 ms")?;
    let read = reader.join().map_err(|_| "the reader panicked")??;
    trial.expect(
        read > 10 * MIB,
        format_args!("one that reads slowly but steadily got all, {}", mib(read as u64)),
    );
    Ok(())
}

/// Reads an answer with pauses that are shorter than the server's patience. Gives its length.
fn read_slowly(raw: &mut Raw, size: usize, pause: Duration) -> Result<usize, Problem> {
    let mut piece = vec![0; 2 * MIB];
    let mut read = 0;
    while read <= size {
        thread::sleep(pause);
        match raw.stream.read(&mut piece)? {
            0 => break,
            count => read += count,
        }
    }
    Ok(read)
}
