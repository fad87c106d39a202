//! T14: peers that are there no more, or do not behave so.

use std::io::Read;
use std::net::{Shutdown, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ferropyro::wire::{Flags, MessageKind};
use ferropyro::{Dialect, ErrorKind, Proxy};
use rustix::process::Signal;

use crate::Problem;
use crate::frames::{DIALECTS, SERPENT, frame};
use crate::raw::Raw;
use crate::server::{Kind, Server};
use crate::trial::Trial;

/// COMMTIMEOUT of the clients.
const TIMEOUT: Duration = Duration::from_secs(1);

pub(crate) fn run(trial: &mut Trial) -> Result<(), Problem> {
    for kind in Kind::ALL {
        println!("   {}", kind.name());
        clients_that_go(trial, kind)?;
        a_server_that_stops(trial, kind)?;
    }
    retries(trial)
}

/// A server has nothing left of clients that reset, close or half close their connections, before, in and after a call.
fn clients_that_go(trial: &mut Trial, kind: Kind) -> Result<(), Problem> {
    let server = Server::start(kind, &[])?;
    let process = server.process();
    let files = server.warm_up()?;
    for dialect in DIALECTS {
        for calls in 0..20 {
            let mut raw = Raw::greeted(server.address, dialect)?;
            if calls % 2 == 1 {
                raw.begin("sleep", "(20,)")?;
            }
            match calls % 4 {
                0 | 1 => raw.reset()?,
                2 => drop(raw),
                _ => {
                    raw.stream.shutdown(Shutdown::Write)?;
                    let answer = raw.receive()?;
                    let answered = answer.is_some_and(|answer| answer.is_result());
                    if calls < 4 {
                        trial.expect(
                            answered,
                            format_args!("{dialect}: who half closes after a call gets its answer"),
                        );
                    }
                }
            }
        }
    }
    trial.expect_soon(
        || process.descriptors().is_ok_and(|now| now <= files),
        format_args!("{files} descriptors as before when clients reset, close and half close"),
    );
    Ok(())
}

/// A client learns soon of a server that is stopped, and of one that is killed.
fn a_server_that_stops(trial: &mut Trial, kind: Kind) -> Result<(), Problem> {
    let server = Server::start(kind, &[])?;
    let clients = DIALECTS.map(|dialect| {
        Proxy::builder()
            .dialect(dialect)
            .timeout(TIMEOUT)
            .build(server.uri.clone())
    });
    let clients = clients.into_iter().collect::<Result<Vec<Proxy>, _>>()?;
    for client in &clients {
        client.call::<bool>("sleep", (0,))?;
    }
    let process = server.process();
    process.signal(Signal::STOP)?;
    trial.expect_soon(
        || process.is_stopped().is_ok_and(|stopped| stopped),
        "the server is stopped",
    );
    for client in &clients {
        let begun = Instant::now();
        let error = client.call::<bool>("sleep", (0,)).err().map(|error| error.kind());
        trial.expect(
            error == Some(ErrorKind::Timeout) && begun.elapsed() <= TIMEOUT + Duration::from_secs(1),
            format_args!(
                "a call of a stopped server: {error:?} after {:.1} s",
                begun.elapsed().as_secs_f64()
            ),
        );
    }
    process.signal(Signal::CONT)?;
    let client = Proxy::new(server.uri.clone())?;
    client.bind()?;
    let call = thread::spawn(move || client.call::<bool>("sleep", (5000,)));
    thread::sleep(Duration::from_millis(100));
    let begun = Instant::now();
    process.signal(Signal::KILL)?;
    let error = call
        .join()
        .map_err(|_| "the caller panicked")?
        .err()
        .map(|error| error.kind());
    trial.expect(
        error == Some(ErrorKind::ConnectionClosed) && begun.elapsed() <= Duration::from_secs(1),
        format_args!(
            "a call of a server that is killed: {error:?} after {:.1} s",
            begun.elapsed().as_secs_f64()
        ),
    );
    Ok(())
}

/// A server that closes the connection at each call sees as many as MAX_RETRIES allows, and a oneway call no more than once.
fn retries(trial: &mut Trial) -> Result<(), Problem> {
    println!("   clients");
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let uri = format!("PYRO:yard@{}", listener.local_addr()?);
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let _ = hang_up_at_each_call(stream, &counted);
        }
    });
    let client = Proxy::builder()
        .dialect(Dialect::V502)
        .max_retries(3)
        .timeout(TIMEOUT)
        .build(uri.as_str())?;
    trial.expect(
        client.call::<bool>("sleep", (0,)).is_err(),
        "a call whose connection breaks each time has failed",
    );
    let count = calls.swap(0, Ordering::Relaxed);
    trial.expect(
        count == 4,
        format_args!("it was sent {count} times with MAX_RETRIES = 3"),
    );
    // Nobody waits for it, so it is over when the server has seen the end of the connection.
    let sent = client.call_oneway("note", ());
    drop(client);
    trial.expect_soon(
        || calls.load(Ordering::Relaxed) > 0 || sent.is_err(),
        "a oneway call is sent",
    );
    let count = calls.load(Ordering::Relaxed);
    trial.expect(count <= 1, format_args!("and that {count} times"));
    Ok(())
}

fn hang_up_at_each_call(mut stream: std::net::TcpStream, calls: &AtomicUsize) -> Result<(), Problem> {
    use std::io::Write;

    let mut buffer = [0; 4096];
    stream.set_read_timeout(Some(TIMEOUT))?;
    if stream.read(&mut buffer)? == 0 {
        return Ok(());
    }
    let payload = b"# serpent utf-8 python3.2\n{'handshake':'hello','meta':{'methods':{'sleep','note'},'oneway':{'note'},'attrs':set()}}";
    stream.write_all(&frame(
        Dialect::V502,
        MessageKind::CONNECTOK,
        0,
        SERPENT,
        Flags::NONE,
        payload,
    ))?;
    if stream.read(&mut buffer)? > 0 {
        calls.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}
