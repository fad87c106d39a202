//! T28: a name server with a million names.

use std::thread;
use std::time::{Duration, Instant};

use ferropyro::naming::Filter;
use ferropyro::{NameServer, Uri};

use crate::Problem;
use crate::server::Server;
use crate::trial::{Trial, mib};

const CLIENTS: usize = 64;
const MOST_MEMORY: u64 = 500 << 20;

pub(crate) fn run(trial: &mut Trial) -> Result<(), Problem> {
    // The name server's own is one of them.
    let count = trial.either(1_000_000, 20_000) - 1;
    let folder = tempfile::tempdir()?;
    for spec in [
        "memory".to_owned(),
        format!("sql:{}", folder.path().join("names").display()),
    ] {
        let form = spec.split(':').next().unwrap_or_default().to_owned();
        println!("   {form}");
        let server = Server::of_names(&spec)?;
        let begun = Instant::now();
        fill(&server, count)?;
        let rate = count as f64 / begun.elapsed().as_secs_f64();
        trial.note(format_args!(
            "{count} names registered by {CLIENTS} clients, {rate:.0} a second"
        ));
        ask(trial, &server, count)?;
        if form == "sql" {
            drop(server);
            let begun = Instant::now();
            let server = Server::of_names(&spec)?;
            let took = begun.elapsed();
            trial.expect(
                took < trial.either(Duration::from_secs(5), Duration::from_secs(60)),
                format_args!("after a kill it starts in {:.2} s", took.as_secs_f64()),
            );
            ask(trial, &server, count)?;
        }
    }
    Ok(())
}

fn name(number: usize) -> String {
    format!("group{}.object{number:07}", number % 10)
}

fn fill(server: &Server, count: usize) -> Result<(), Problem> {
    let register = |client: usize| -> Result<(), Problem> {
        let nameserver = NameServer::new(server.proxy()?);
        let uri: Uri = format!("PYRO:object{client}@host.example:4711").parse()?;
        for number in (client..count).step_by(CLIENTS) {
            nameserver.register(&name(number), &uri)?;
        }
        Ok(())
    };
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| scope.spawn(move || register(client)))
            .collect();
        let results = clients
            .into_iter()
            .map(|client| client.join().map_err(|_| "a client panicked")?);
        results.collect()
    })
}

fn ask(trial: &mut Trial, server: &Server, count: usize) -> Result<(), Problem> {
    let nameserver = NameServer::new(server.proxy()?);
    trial.expect(nameserver.count()? == count + 1, "all names are there");
    let mut times = Vec::new();
    for round in 0..20_000usize {
        let name = name(round.wrapping_mul(2_654_435_761) % count);
        let begun = Instant::now();
        nameserver.lookup(&name)?;
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    let (p50, p99) = (times[times.len() / 2], times[times.len() * 99 / 100]);
    trial.expect(
        p99 < trial.either(Duration::from_millis(1), Duration::from_secs(1)),
        format_args!("look-ups: p50 {} us, p99 {} us", p50.as_micros(), p99.as_micros()),
    );
    let begun = Instant::now();
    let found = nameserver.list(&Filter::Prefix("group3.".to_owned()))?;
    let took = begun.elapsed();
    let memory = server.process().resident()?;
    trial.expect(
        found.len() == count.div_ceil(10) && took < trial.either(Duration::from_secs(1), Duration::from_secs(60)),
        format_args!("a list of {} names in {:.2} s", found.len(), took.as_secs_f64()),
    );
    trial.expect(memory < MOST_MEMORY, format_args!("its memory is {}", mib(memory)));
    Ok(())
}
