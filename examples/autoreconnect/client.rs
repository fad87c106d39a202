//! Calls the object of examples/autoreconnect/server.rs again and again, and goes on when that was killed and is started again.
#![allow(clippy::print_stdout)] // the house's lints are not those of an example

use std::error::Error;
use std::thread;
use std::time::Duration;

use ferropyro::{Config, ErrorKind, Proxy};

fn main() -> Result<(), Box<dyn Error>> {
    let uri = std::env::args().nth(1).ok_or("usage: autoreconnect_client URI")?;
    let counter = Proxy::builder().config(Config::from_env()?).build(uri)?;
    let mut number = 1;
    loop {
        match counter.call::<()>("count", (number,)) {
            Ok(()) => {
                println!("call {number}");
                number += 1;
                thread::sleep(Duration::from_millis(250));
            }
            // Whether the call was made nobody knows; this one may be made twice.
            Err(error) if error.kind() == ErrorKind::ConnectionClosed => {
                println!("the connection is lost: start the server again");
                counter.reconnect(u32::MAX)?;
                println!("connected again");
            }
            Err(error) => return Err(error.into()),
        }
    }
}
