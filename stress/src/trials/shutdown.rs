//! T16: a server that is told to end in the middle of its work.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ferropyro::{Proxy, Uri};
use rustix::process::Signal;

use crate::Problem;
use crate::server::{Kind, Server, binary};
use crate::trial::{Trial, becomes_true};

/// SHUTDOWN_TIMEOUT, and what it may take beside it.
const MOST: Duration = Duration::from_millis(10_500);
const AT_ONCE: Duration = Duration::from_millis(200);

pub(crate) fn run(trial: &mut Trial) -> Result<(), Problem> {
    for kind in Kind::ALL {
        println!("   {}", kind.name());
        under_load(trial, kind)?;
        twice(trial, kind)?;
    }
    Ok(())
}

/// The echo server of the command line, which prints the calls that it gets.
fn echo_server(kind: Kind) -> Result<Server, Problem> {
    let mut command = Command::new(binary()?);
    command.args(["echo", "-v"]).env_clear();
    command.envs(kind.settings().iter().filter_map(|setting| {
        let (name, value) = setting.split_once('=')?;
        Some((format!("PYRO_{name}"), value))
    }));
    Server::run(command)
}

fn under_load(trial: &mut Trial, kind: Kind) -> Result<(), Problem> {
    let mut server = echo_server(kind)?;
    let answered = Arc::new(AtomicUsize::new(0));
    let callers: Vec<_> = (0..8)
        .map(|_| {
            let (uri, answered) = (server.uri.clone(), Arc::clone(&answered));
            thread::spawn(move || call_until_it_ends(uri, &answered))
        })
        .collect();
    let diallers: Vec<_> = (0..200)
        .map(|_| {
            let uri = server.uri.clone();
            thread::spawn(move || dial_until_it_ends(&uri))
        })
        .collect();
    // With one call at a time a slow one keeps the others waiting, so it comes last.
    becomes_true(Duration::from_secs(5), || answered.load(Ordering::Relaxed) > 1000);
    let slow = server.proxy()?;
    let slow_call = thread::spawn(move || slow.call::<String>("slow", ()));
    becomes_true(Duration::from_secs(5), || printed(&server, "slow: waiting"));
    let begun = Instant::now();
    server.process().signal(Signal::TERM)?;
    let status = server.wait(2 * MOST);
    let took = begun.elapsed();
    let code = status.and_then(|status| status.code());
    trial.expect(
        code == Some(0) && took <= MOST,
        format_args!(
            "SIGTERM: it ends with status {code:?}, after {:.1} s",
            took.as_secs_f64()
        ),
    );
    let slow_answer = slow_call.join().map_err(|_| "a caller panicked")?;
    trial.expect(slow_answer.is_ok(), "a call of five seconds that ran then is answered");
    let ended = callers
        .into_iter()
        .map(|caller| caller.join().is_ok())
        .filter(|ended| *ended)
        .count();
    let dialled: usize = diallers.into_iter().filter_map(|dialler| dialler.join().ok()).count();
    trial.expect(
        ended == 8 && dialled == 200,
        format_args!("all {ended} callers and {dialled} dialling clients learn of it"),
    );
    let answered = answered.load(Ordering::Relaxed);
    let begun = server.log().iter().filter(|line| line.contains(" - echo: ")).count();
    trial.expect(
        begun <= answered,
        format_args!("{begun} calls were accepted, {answered} answered"),
    );
    Ok(())
}

fn twice(trial: &mut Trial, kind: Kind) -> Result<(), Problem> {
    let mut server = echo_server(kind)?;
    let slow = server.proxy()?;
    let slow_call = thread::spawn(move || slow.call::<String>("slow", ()));
    becomes_true(Duration::from_secs(5), || printed(&server, "slow: waiting"));
    server.process().signal(Signal::TERM)?;
    let ends_at_once = server.wait(AT_ONCE).is_some();
    trial.expect(!ends_at_once, "the first signal waits for the call");
    let begun = Instant::now();
    server.process().signal(Signal::TERM)?;
    let status = server.wait(MOST);
    let took = begun.elapsed();
    trial.expect(
        status.is_some() && took <= AT_ONCE,
        format_args!("the second ends it after {} ms: {status:?}", took.as_millis()),
    );
    let answer = slow_call.join().map_err(|_| "the caller panicked")?;
    trial.expect(answer.is_err(), "the caller gets an error");
    Ok(())
}

fn printed(server: &Server, text: &str) -> bool {
    server.log().iter().any(|line| line.contains(text))
}

fn call_until_it_ends(uri: Uri, answered: &AtomicUsize) {
    let Ok(proxy) = Proxy::new(uri) else { return };
    while proxy.call::<usize>("echo", (1,)).is_ok() {
        answered.fetch_add(1, Ordering::Relaxed);
    }
}

/// Connects anew until nobody is there any more.
fn dial_until_it_ends(uri: &Uri) {
    let dial = || Proxy::new(uri.clone())?.bind();
    while dial().map_or_else(|error| is_refusal(&error), |()| true) {}
}

fn is_refusal(error: &ferropyro::Error) -> bool {
    error.message().contains("no free workers")
}
