//! T32: requests that never end, and connections without any.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::Problem;
use crate::calls::Calls;
use crate::server::Server;
use crate::trial::{Trial, becomes_true, mib};

/// How long the gateway waits for the head of a request.
const HEAD: Duration = Duration::from_secs(10);

pub(crate) fn run(trial: &mut Trial) -> Result<(), Problem> {
    let many: usize = trial.either(1000, 200);
    let names = Server::of_names("memory")?;
    let (gateway, address) = Server::gateway(&names)?;
    let process = gateway.process();
    ask(address)?;
    let (files, memory) = (process.descriptors()?, process.resident()?);
    let calls = Calls::making(move |_| ask(address));
    let begun = Instant::now();
    let mut silent = Vec::new();
    for index in 0..2 * many {
        let mut client = TcpStream::connect(address)?;
        if index % 2 == 0 {
            write!(
                client,
                "GET /pyro/Pyro.NameServer/count HTTP/1.1\r\nHost: localhost\r\nX-Number: {index}\r\n"
            )?;
        }
        silent.push(client);
    }
    let all_there = begun.elapsed();
    trial.expect_soon(
        || process.descriptors().is_ok_and(|now| now >= files + 2 * many),
        format_args!("{many} half requests and {many} silent connections stay"),
    );
    let held = process.resident()?.saturating_sub(memory);
    trial.note(format_args!("{} for them", mib(held)));
    let gone = becomes_true(2 * HEAD, || process.descriptors().is_ok_and(|now| now <= files + 3));
    let took = begun.elapsed();
    trial.expect(
        gone && took >= HEAD && took <= HEAD + all_there + Duration::from_secs(2),
        format_args!("all are closed, {:.1} s after the first came", took.as_secs_f64()),
    );
    calls.judge(trial, "99 % within 50 ms")
}

/// A request of a usual client.
fn ask(address: SocketAddr) -> Result<(), Problem> {
    let mut client = TcpStream::connect(address)?;
    client.set_read_timeout(Some(Duration::from_secs(10)))?;
    client.write_all(b"GET /pyro/Pyro.NameServer/count HTTP/1.0\r\n\r\n")?;
    let mut answer = String::new();
    client.read_to_string(&mut answer)?;
    match answer.starts_with("HTTP/1.0 200 OK") && answer.ends_with("\r\n\r\n1") {
        true => Ok(()),
        false => Err(format!("an answer was {answer:?}").into()),
    }
}
