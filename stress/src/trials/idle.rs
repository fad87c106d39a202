//! T8: connections that do nothing.

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use ferropyro::{Config, Dialect, Proxy};

use crate::Problem;
use crate::raw::Raw;
use crate::server::{Kind, Server};
use crate::trial::{Trial, mib};

const MIB: u64 = 1 << 20;
/// Of memory per 10,000 connections.
const PLAIN: u64 = 32 * MIB;
const TLS: u64 = 128 * MIB;
/// What any server takes more after its first work, however many connections there are.
const START: u64 = 3 * MIB;

pub(crate) fn run(trial: &mut Trial) -> Result<(), Problem> {
    for kind in [Kind::OneWorker, Kind::Workers] {
        println!("   {}", kind.name());
        plain(trial, kind)?;
    }
    println!("   {}, TLS", Kind::OneWorker.name());
    tls(trial)
}

fn plain(trial: &mut Trial, kind: Kind) -> Result<(), Problem> {
    let count: usize = trial.either(10_000, 2_000);
    let server = Server::start(kind, &[])?;
    let process = server.process();
    server.warm_up()?;
    let before = process.resident()?;
    let begun = Instant::now();
    let mut clients = (0..count)
        .map(|_| Raw::greeted(server.address, Dialect::V502))
        .collect::<Result<Vec<Raw>, _>>()?;
    told_rate(trial, count, begun, "5,000");
    expect_memory(
        trial,
        process.resident()?.saturating_sub(before),
        count,
        PLAIN,
        "connected",
    );
    for client in &mut clients {
        client.call("echo", "('an ordinary text',)")?;
    }
    expect_memory(
        trial,
        process.resident()?.saturating_sub(before),
        count,
        PLAIN,
        "idle after a call each",
    );
    Ok(())
}

fn tls(trial: &mut Trial) -> Result<(), Problem> {
    let count: usize = trial.either(10_000, 500);
    let certificate = Certificate::make()?;
    let path = certificate.0.to_string_lossy();
    let server = Server::start(Kind::OneWorker, &["SSL=1", &format!("SSL_SERVERCERT={path}")])?;
    let process = server.process();
    let before = process.resident()?;
    let config = Config::from_vars([("PYRO_SSL", "1"), ("PYRO_SSL_CACERTS", &path)])?;
    let begun = Instant::now();
    let mut clients = Vec::with_capacity(count);
    for _ in 0..count {
        let client = Proxy::builder().config(config.clone()).build(server.uri.clone())?;
        client.bind()?;
        clients.push(client);
    }
    told_rate(trial, count, begun, "500 for each core");
    expect_memory(
        trial,
        process.resident()?.saturating_sub(before),
        count,
        TLS,
        "connected",
    );
    for client in &clients {
        client.call::<bool>("sleep", (0,))?;
    }
    expect_memory(
        trial,
        process.resident()?.saturating_sub(before),
        count,
        TLS,
        "idle after a call each",
    );
    Ok(())
}

fn told_rate(trial: &Trial, count: usize, begun: Instant, goal: &str) {
    let rate = count as f64 / begun.elapsed().as_secs_f64();
    trial.note(format_args!(
        "{rate:.0} connections a second, one after the other (goal: {goal})"
    ));
}

fn expect_memory(trial: &mut Trial, grown: u64, count: usize, most: u64, what: &str) {
    let most = most * count as u64 / 10_000 + START;
    trial.expect(
        grown <= most,
        format_args!(
            "{} more for {count} connections {what}, {} each (at most {})",
            mib(grown),
            grown / count as u64,
            mib(most)
        ),
    );
}

/// A file with a certificate and its key; it goes when this is dropped.
struct Certificate(PathBuf);

impl Certificate {
    fn make() -> Result<Certificate, Problem> {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()])?;
        let path = std::env::temp_dir().join(format!("ferropyro-stress-{}.pem", std::process::id()));
        fs::write(&path, made.cert.pem() + &made.signing_key.serialize_pem())?;
        Ok(Certificate(path))
    }
}

impl Drop for Certificate {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
