//! Gets data from examples/filetransfer/server.rs in four ways, and prints how fast each is.
#![allow(clippy::print_stdout)] // the house's lints are not those of an example

use std::error::Error;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use ferropyro::{Bytes, Items, Proxy, context};
use ferropyro_transfer::FDAT;

const MB: usize = 1_000_000;

/// A ticket, and the host and port where it is good.
type Ticket = (String, (String, u16));

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let uri = args.next().ok_or("usage: filetransfer_client URI [full]")?;
    let is_full = args.next().as_deref() == Some("full");
    let (times, blobs, blob) = if is_full { (10, 10, 40 * MB) } else { (2, 4, 20 * MB) };
    let server = Proxy::new(uri)?;
    measure("plain calls", || plain_calls(&server, times))?;
    measure("iterator", || iterator(&server, times))?;
    measure("annotations", || annotations(&server))?;
    let tickets = (0..blobs).map(|_| server.call("prepare_file_blob", (blob,)));
    let tickets = tickets.collect::<ferropyro::Result<Vec<Ticket>>>()?;
    measure("raw sockets", || raw_sockets(tickets, blob))?;
    Ok(())
}

/// Prints how many bytes came, and how many in a second.
fn measure(name: &str, transfer: impl FnOnce() -> Result<usize, Box<dyn Error>>) -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    let size = transfer()?;
    let rate = size as f64 / MB as f64 / start.elapsed().as_secs_f64();
    println!("{name:<11}  {:>3} MB  {rate:.0} MB/s", size / MB);
    Ok(())
}

fn plain_calls(server: &Proxy, times: usize) -> Result<usize, Box<dyn Error>> {
    for _ in 0..times {
        let data: Bytes = server.call("get_with_pyro", (10 * MB,))?;
        check(data.0.len(), 10 * MB)?;
    }
    Ok(times * 10 * MB)
}

fn iterator(server: &Proxy, times: usize) -> Result<usize, Box<dyn Error>> {
    for _ in 0..times {
        let mut size = 0;
        for piece in server.call::<Items<Bytes>>("iterator", (10 * MB,))? {
            size += piece?.0.len();
        }
        check(size, 10 * MB)?;
    }
    Ok(times * 10 * MB)
}

/// The pieces come along with the items; each item tells where in the file its piece ends, and the checksum of the piece.
fn annotations(server: &Proxy) -> Result<usize, Box<dyn Error>> {
    let mut size = 0;
    for item in server.call::<Items<(usize, u32)>>("annotation_stream", (true,))? {
        let (position, checksum) = item?;
        let annotations = context::response_annotations();
        let piece = annotations.borrow().get(FDAT).unwrap_or_default();
        size += piece.len();
        check(size, position)?;
        if crc32fast::hash(piece) != checksum {
            return Err("a piece has a wrong checksum".into());
        }
    }
    context::clear();
    Ok(size)
}

/// The server gives tickets; who brings one to its raw socket gets the bytes, and nothing else.
fn raw_sockets(tickets: Vec<Ticket>, blob: usize) -> Result<usize, Box<dyn Error>> {
    let total = tickets.len() * blob;
    for (ticket, address) in tickets {
        let mut stream = TcpStream::connect(address)?;
        stream.write_all(ticket.as_bytes())?;
        let mut buffer = vec![0; 256 << 10];
        let mut size = 0;
        loop {
            match stream.read(&mut buffer)? {
                0 => break,
                count => size += count,
            }
        }
        check(size, blob)?;
    }
    Ok(total)
}

fn check(size: usize, expected: usize) -> Result<(), String> {
    match size == expected {
        true => Ok(()),
        false => Err(format!("{size} bytes came, not {expected}")),
    }
}
