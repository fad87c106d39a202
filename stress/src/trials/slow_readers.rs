//! T12: clients that ask for much, and read nothing of it, or slowly.

use std::io::Read;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ferropyro::Dialect;

use crate::Problem;
use crate::calls::Calls;
use crate::raw::Raw;
use crate::server::{Kind, Server};
use crate::trial::{Trial, becomes_true, mib};

const MIB: usize = 1 << 20;
/// The bytes of an answer on their way.
const ANSWER: usize = 10 * MIB;
/// Three bytes of a parcel are four in base64, as serpent has them.
const PARCEL: usize = ANSWER / 4 * 3;
/// The memory that 100 answers may take.
const MOST: u64 = 11 * (MIB as u64) * 1024 / 10;
/// What the allocator keeps of the values that have become answers, which does not depend on how many they are.
const KEPT: u64 = 64 << 20;

pub(crate) fn run(trial: &mut Trial) -> Result<(), Problem> {
    for kind in Kind::ALL {
        println!("   {}", kind.name());
        try_server(trial, kind)?;
    }
    Ok(())
}

fn try_server(trial: &mut Trial, kind: Kind) -> Result<(), Problem> {
    let (count, seconds): (usize, u64) = (trial.either(100, 20), trial.either(30, 3));
    let time = Duration::from_secs(seconds);
    let server = Server::start(kind, &["THREADPOOL_SIZE=200", &format!("WRITE_TIMEOUT={seconds}")])?;
    let process = server.process();
    let (files, before) = (server.warm_up()?, process.resident()?);
    process.forget_peak()?;
    let mut slow = Raw::greeted(server.address, Dialect::V502)?;
    let mut clients = (0..count)
        .map(|_| Raw::greeted(server.address, Dialect::V502))
        .collect::<Result<Vec<Raw>, _>>()?;
    let calls = Calls::start(&server);

    let asked = Instant::now();
    let ask = |client: &mut Raw| client.begin("parcel", &format!("({PARCEL},)"));
    ask(&mut slow)?;
    let reader = thread::spawn(move || Ok::<_, Problem>(slow.receive_in_pieces(2 * MIB, time / 4)?.is_some()));
    clients.iter_mut().try_for_each(ask)?;
    // The server's time for each of them begins when its answer does.
    for client in &clients {
        client.stream.peek(&mut [0])?;
    }
    let begun = Instant::now();
    let crumbs = Crumbs::start(&clients)?;

    let too_early = (time * 14 / 15).saturating_sub(asked.elapsed());
    match too_early.is_zero() {
        // The first of them may have been disconnected when the last one was answered.
        true => trial.note("the machine is too slow to see whether anybody is disconnected too early"),
        false => {
            let early = becomes_true(too_early, || {
                process.descriptors().is_ok_and(|now| now <= files + count)
            });
            trial.expect(
                !early,
                format_args!("{count} clients that read nothing, or 1 KiB a second, are not disconnected too early"),
            );
        }
    }
    let grown = process.resident()?.saturating_sub(before);
    let most = trial.either(MOST, MOST * count as u64 / 100 + KEPT);
    trial.expect(
        grown <= most,
        format_args!("{} more for them (limit {})", mib(grown), mib(most)),
    );
    // The values are there as well then, of as many calls as ran at a time.
    trial.note(format_args!(
        "{} at the most, while the answers were made",
        mib(process.peak()?.saturating_sub(before))
    ));
    let gone = becomes_true(4 * time, || process.descriptors().is_ok_and(|now| now < files + 4));
    let took = begun.elapsed();
    trial.expect(
        gone && took <= time + Duration::from_secs(2),
        format_args!(
            "all are, {:.1} s after the last answer had begun (limit {seconds} s and 2 more)",
            took.as_secs_f64()
        ),
    );
    crumbs.stop()?;
    calls.judge(trial, "99 % within 20 ms")?;
    let has_all = reader.join().map_err(|_| "the reader panicked")??;
    trial.expect(has_all, "one that reads slowly but steadily got all");
    Ok(())
}

/// A thread that reads 1 KiB a second for every other client.
struct Crumbs {
    stop: Arc<AtomicBool>,
    thread: thread::JoinHandle<()>,
}

impl Crumbs {
    fn start(clients: &[Raw]) -> Result<Crumbs, Problem> {
        let streams = clients.iter().step_by(2).map(|client| client.stream.try_clone());
        let streams = streams.collect::<Result<Vec<TcpStream>, _>>()?;
        let stop = Arc::new(AtomicBool::new(false));
        let wanted = Arc::clone(&stop);
        let read = move || {
            let mut crumb = [0; 1 << 10];
            while !wanted.load(Ordering::Relaxed) {
                for mut stream in &streams {
                    // There is far more to read, or the connection has ended.
                    let _ = stream.read(&mut crumb);
                }
                thread::sleep(Duration::from_secs(1));
            }
        };
        Ok(Crumbs {
            stop,
            thread: thread::spawn(read),
        })
    }

    fn stop(self) -> Result<(), Problem> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| "the reader of crumbs panicked".into())
    }
}
