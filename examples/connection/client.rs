//! A client that prints what the server sends.
//!
//! Arguments: the port (6000), and a digest to allow (`md5` for a server with a Python up to 3.11, `sha1` for one with `processing`).
#![allow(clippy::print_stdout)] // the house's lints are not those of an example

use ferropyro_connection::{Client, Options, Result};
use ferropyro_formats::Value;

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let port = args.next().and_then(|port| port.parse().ok()).unwrap_or(6000);
    let mut options = Options::new().authkey("secret password");
    if let Some(digest) = args.next() {
        options = options.allow(digest.parse()?);
    }
    let mut conn = Client::connect(("localhost", port), &options)?;
    println!("{}", conn.recv::<Value>()?);
    println!("{}", String::from_utf8_lossy(&conn.recv_bytes()?));

    let mut buffer = [0; 5 * size_of::<i32>()];
    println!("{}", conn.recv_bytes_into(&mut buffer)?);
    let numbers = buffer.as_chunks().0.iter().map(|bytes| i32::from_ne_bytes(*bytes));
    println!("{:?}", numbers.collect::<Vec<i32>>());
    Ok(())
}
