//! Prints the calls that it gets, until it is killed; started again it gets the next ones of examples/autoreconnect/client.rs.
//!
//! With a port as argument it listens on that one, and with the word `name` it registers its name with the name server.
#![allow(clippy::print_stdout, unreachable_pub)] // the house's lints are not those of an example

use std::error::Error;

use ferropyro::naming::{self, Settings};
use ferropyro::{Config, Daemon, expose};

const NAME: &str = "example.autoreconnect";

struct Counter;

#[expose]
impl Counter {
    pub fn count(&self, number: u64) {
        println!("call {number}");
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let (port, has_name) = match std::env::args().nth(1).as_deref() {
        None => (0, false), // a free one
        Some("name") => (0, true),
        Some(port) => (port.parse()?, false),
    };
    let config = Config::from_env()?;
    let daemon = Daemon::builder().config(config.clone()).port(port).bind()?;
    let uri = daemon.register(NAME, Counter)?;
    if has_name {
        let name_server = naming::locate_ns_with(None, &Settings::new(config))?;
        name_server.register(NAME, &uri)?; // in the place of the one that is gone
    }
    println!("URI = {uri}");
    daemon.run();
    Ok(())
}
