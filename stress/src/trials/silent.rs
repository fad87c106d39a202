//! T9: connections that never finish their handshake.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use ferropyro::Dialect;

use crate::Problem;
use crate::calls::Calls;
use crate::frames::hello;
use crate::raw::Raw;
use crate::server::{Kind, Server};
use crate::trial::{Trial, becomes_true};

const SILENT: usize = 1000;
/// Threads that may come and go beside those of the silent clients, which have none.
const OTHER_THREADS: usize = 8;

pub(crate) fn run(trial: &mut Trial) -> Result<(), Problem> {
    for kind in Kind::ALL {
        println!("   {}", kind.name());
        try_server(trial, kind)?;
    }
    Ok(())
}

fn try_server(trial: &mut Trial, kind: Kind) -> Result<(), Problem> {
    let seconds: u64 = trial.either(10, 2);
    let server = Server::start(kind, &[&format!("HANDSHAKE_TIMEOUT={seconds}")])?;
    let process = server.process();
    let (files, threads) = (server.warm_up()?, process.threads()?);
    let calls = Calls::start(&server);
    let begun = Instant::now();
    let silent = (0..SILENT)
        .map(|index| silent_client(index, server.address))
        .collect::<Result<Vec<Raw>, _>>()?;
    let all_there = begun.elapsed();
    trial.expect_soon(
        || process.descriptors().is_ok_and(|now| now >= files + SILENT),
        format_args!("{SILENT} silent connections stay"),
    );
    let busy = process.threads()?;
    trial.expect(
        busy <= threads + OTHER_THREADS,
        format_args!("{busy} threads with them, {threads} without"),
    );
    let time = Duration::from_secs(seconds);
    // One that sends a byte now and then is no better.
    let trickle = trickle(server.address);
    becomes_true(2 * time + Duration::from_secs(5), || {
        process.descriptors().is_ok_and(|now| now < files + SILENT / 2)
    });
    let gone = becomes_true(time, || process.descriptors().is_ok_and(|now| now <= files + 3));
    let took = begun.elapsed();
    trial.expect(
        gone,
        format_args!("all are dropped, {:.1} s after the first came", took.as_secs_f64()),
    );
    trial.expect(
        took >= time && took <= time + all_there + Duration::from_secs(1),
        format_args!("that is not before {seconds} s, and within one second more"),
    );
    trial.expect(
        trickle.join().is_ok_and(|closed| closed),
        "so is one that sends a byte now and then",
    );
    drop(silent);
    calls.judge(trial, "99 % within 20 ms")
}

/// Every other one sends the beginning of a message.
fn silent_client(index: usize, address: SocketAddr) -> Result<Raw, Problem> {
    let mut raw = Raw::connect(address, Dialect::V502)?;
    if index.is_multiple_of(2) {
        let hello = hello(Dialect::V502);
        raw.send(&hello[..index % hello.len()])?;
    }
    Ok(raw)
}

/// Sends its handshake slower than the server waits for it. True when the connection is closed before the end of it.
fn trickle(address: SocketAddr) -> thread::JoinHandle<bool> {
    thread::spawn(move || {
        let Ok(mut raw) = Raw::connect(address, Dialect::V502) else {
            return false;
        };
        let hello = hello(Dialect::V502);
        for byte in &hello[..hello.len() - 1] {
            thread::sleep(Duration::from_millis(200));
            if raw.send(&[*byte]).is_err() || raw.is_closed() {
                return true;
            }
        }
        false
    })
}
