//! An object, a name server and what answers broadcasts, all served by one thread: in the loop of the library (`combine`), or in one that the program has already, which
//! lets the library work in between (`select`). With an address as the second argument they listen there, and clients may broadcast.
#![allow(clippy::print_stdout, unreachable_pub)] // #[expose] takes the public methods of an impl

use std::error::Error;
use std::time::Duration;

use ferropyro::{Daemon, EventLoop, expose};
use ferropyro_nameserver::NameServerBuilder;

struct Greeter;

#[expose]
impl Greeter {
    pub fn hello(&self, name: &str) -> String {
        println!("hello from {name}");
        format!("Hello, {name}!")
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let way = arguments.first().map(String::as_str).unwrap_or("combine");
    let host = arguments.get(1).map(String::as_str).unwrap_or("localhost");

    // Nothing is served before a loop runs.
    let nameserver = NameServerBuilder::new().host(host).port(0).broadcast_port(0).bind()?;
    let daemon = Daemon::builder().host(host).multiplex().bind()?;
    let uri = daemon.register("example.eventloop", Greeter)?;
    // In the same process, so no connection is needed to register a name.
    let store = nameserver.object().store();
    store.put(
        "example.eventloop",
        ferropyro_nameserver::Entry::new(uri.to_string(), Default::default()),
        false,
    )?;

    let mut event_loop = EventLoop::new()?;
    event_loop.add(nameserver.daemon());
    event_loop.add(&daemon);
    println!("URI = {}", nameserver.uri());
    if let Some(address) = nameserver.broadcast_address() {
        println!("broadcasts are answered on port {}", address.port());
    }
    match way {
        "combine" => event_loop.run(),
        "select" => {
            let mut rounds = 0u64;
            while event_loop.step(Duration::from_millis(20)) {
                // The program's own work.
                rounds += 1;
            }
            println!("{rounds} rounds");
        }
        other => return Err(format!("'{other}' is not a way to run: combine or select").into()),
    }
    Ok(())
}
