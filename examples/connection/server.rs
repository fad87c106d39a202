//! A listener that sends its clients an object, bytes and an array, as in the manual of Python's `processing.connection`.
//!
//! Arguments: the port (6000), and a digest to allow (`md5` for a client with a Python up to 3.11, `sha1` for one with `processing`).
#![allow(clippy::print_stdout)] // the house's lints are not those of an example

use ferropyro_connection::{Listener, Options, Result};
use ferropyro_formats::Value;

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let port = args.next().and_then(|port| port.parse().ok()).unwrap_or(6000);
    let mut options = Options::new().authkey("secret password");
    if let Some(digest) = args.next() {
        options = options.allow(digest.parse()?);
    }
    let listener = Listener::bind(("localhost", port), &options)?;
    println!("listening on {}", listener.address());

    for mut conn in listener.incoming() {
        if let Some(address) = listener.last_accepted() {
            println!("connection accepted from {address}");
        }
        conn.send(&vec![
            Value::Float(2.25),
            Value::None,
            Value::from("junk"),
            Value::Type("builtins.float".to_owned()),
        ])?;
        conn.send_bytes(b"hello")?;
        conn.send_bytes(&[42_i32, 1729].map(i32::to_ne_bytes).concat())?;
    }
    Ok(())
}
