//! T10: connections that come and go, and more of them than the system gives descriptors for.

use std::thread;
use std::time::{Duration, Instant};

use ferropyro::Dialect;

use crate::Problem;
use crate::raw::Raw;
use crate::server::{Kind, Server};
use crate::trial::{PATIENCE, Trial, becomes_true};

/// Clients at a time: one alone would wait for the server now and then.
const FLOODS: usize = 4;

pub(crate) fn run(trial: &mut Trial) -> Result<(), Problem> {
    for kind in Kind::ALL {
        println!("   {}", kind.name());
        come_and_go(trial, kind)?;
        run_out_of_files(trial, kind)?;
    }
    Ok(())
}

fn come_and_go(trial: &mut Trial, kind: Kind) -> Result<(), Problem> {
    let time = Duration::from_secs(trial.either(60, 2));
    let server = Server::start(kind, &[])?;
    let process = server.process();
    let files = server.warm_up()?;
    let begun = Instant::now();
    let until = begun + time;
    let count = thread::scope(|scope| {
        let floods = [0; FLOODS].map(|_| scope.spawn(|| flood(&server, until)));
        let mut count = 0;
        for flood in floods {
            count += flood.join().map_err(|_| "a client panicked")??;
        }
        Ok::<_, Problem>(count)
    })?;
    let rate = count as f64 / begun.elapsed().as_secs_f64();
    trial.note(format_args!(
        "{count} connections made and closed, {rate:.0} a second (goal: 10,000)"
    ));
    trial.expect_soon(
        || process.descriptors().is_ok_and(|now| now <= files),
        format_args!("{files} descriptors as before"),
    );
    let busy = process.processor_time()?;
    thread::sleep(Duration::from_secs(1));
    let idle = process.processor_time()?.saturating_sub(busy);
    trial.expect(
        idle <= Duration::from_millis(200),
        format_args!("idle again: {} ms of work in a second", idle.as_millis()),
    );
    let answer: bool = server.proxy()?.call("sleep", (0,))?;
    trial.expect(answer, "the server goes on");
    Ok(())
}

/// Makes connections until this time, and ends them in one way or another. Gives how many.
fn flood(server: &Server, until: Instant) -> Result<usize, Problem> {
    let mut count = 0;
    while Instant::now() < until {
        let raw = Raw::connect_from(count, server.address, Dialect::V502)?;
        match count % 3 {
            0 => drop(raw),
            1 => raw.reset()?,
            _ => drop(raw.greet()),
        }
        count += 1;
    }
    Ok(count)
}

/// A server that may have 64 files open gets 200 connections.
fn run_out_of_files(trial: &mut Trial, kind: Kind) -> Result<(), Problem> {
    let settings = ["files=64", "LOGFILE={stderr}", "LOGLEVEL=ERROR", "HANDSHAKE_TIMEOUT=0"];
    let mut server = Server::start(kind, &settings)?;
    let process = server.process();
    let silent = (0..200)
        .map(|index| Raw::connect_from(index, server.address, Dialect::V502))
        .collect::<Result<Vec<Raw>, _>>()?;
    let serves = |server: &Server| {
        server
            .proxy()
            .is_ok_and(|proxy| proxy.call::<bool>("sleep", (0,)).is_ok())
    };
    trial.expect(
        becomes_true(PATIENCE, || serves(&server)),
        "it serves others while they are there: who waited longest has to go",
    );
    trial.expect(server.is_running(), "it does not exit");
    let files = process.descriptors()?;
    trial.expect(files < 64, format_args!("{files} descriptors, some of 64 are left"));
    let count = complaints(&server);
    trial.expect(
        count == 0,
        format_args!("{count} lines in the log that no connection could be accepted"),
    );
    drop(silent);
    trial.expect(
        becomes_true(PATIENCE, || serves(&server)),
        "it serves when they have gone",
    );
    Ok(())
}

fn complaints(server: &Server) -> usize {
    let log = server.log();
    log.iter()
        .filter(|line| line.contains("cannot accept a connection"))
        .count()
}
