//! Sends large data to examples/hugetransfer/server.rs as several types with every serializer, and prints how fast that is.
#![allow(clippy::print_stdout)] // the house's lints are not those of an example

use std::error::Error;
use std::time::Instant;

use ferropyro::{ByteArray, Bytes, ErrorKind, Items, Proxy, Serializer};
use serde::Serialize;

const MB: usize = 1_000_000;
const SIZE: usize = 5 * MB;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let uri = args.next().ok_or("usage: hugetransfer_client URI [full]")?;
    let times = if args.next().as_deref() == Some("full") { 10 } else { 1 };
    for serializer in [
        Serializer::Serpent,
        Serializer::Json,
        Serializer::Marshal,
        Serializer::Msgpack,
    ] {
        let server = Proxy::builder().serializer(serializer).build(&*uri)?;
        let row = |data: &str, transfer: &dyn Fn() -> ferropyro::Result<usize>| {
            show(serializer, data, times, transfer);
        };
        row("str", &|| send(&server, "x".repeat(SIZE)));
        row("bytes", &|| send(&server, Bytes(vec![b'x'; SIZE])));
        row("bytearray", &|| send(&server, ByteArray(vec![b'x'; SIZE])));
        row("iterator", &|| receive(&server));
    }
    Ok(())
}

fn send(server: &Proxy, data: impl Serialize) -> ferropyro::Result<usize> {
    server.call("transfer", (data,))
}

fn receive(server: &Proxy) -> ferropyro::Result<usize> {
    let mut size = 0;
    for piece in server.call::<Items<Bytes>>("download_chunks", (SIZE,))? {
        size += piece?.0.len();
    }
    Ok(size)
}

/// A line of the table. A serializer may not have the type, and a server may not take the serializer.
fn show(serializer: Serializer, data: &str, times: usize, transfer: &dyn Fn() -> ferropyro::Result<usize>) {
    let start = Instant::now();
    let sizes: ferropyro::Result<Vec<usize>> = (0..times).map(|_| transfer()).collect();
    let seconds = start.elapsed().as_secs_f64();
    let result = match sizes {
        Ok(sizes) if sizes.iter().all(|size| *size == SIZE) => {
            format!("{:.0} MB/s", (times * SIZE) as f64 / MB as f64 / seconds)
        }
        Ok(sizes) => format!("{sizes:?} bytes have arrived, not {SIZE}"),
        Err(error) if error.is_a(ErrorKind::Communication) && !error.is_a(ErrorKind::Serialize) => {
            format!("refused: {}", error.message())
        }
        Err(_) => "not possible".to_owned(),
    };
    println!("{:<7}  {data:<9}  {result}", serializer.name());
}
