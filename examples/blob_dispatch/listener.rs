//! Listens to a topic at examples/blob_dispatch/dispatcher.rs, or at examples/python/blob_dispatch_dispatcher.py.
#![allow(clippy::print_stdout, unreachable_pub)] // the house's lints are not those of an example

mod report;

use std::error::Error;

use ferropyro::{Daemon, Proxy, Raise, SerializedBlob, expose};

use report::Report;

struct Listener;

#[expose]
impl Listener {
    pub fn receive(&self, blob: SerializedBlob) -> Result<(), Raise> {
        // Only here somebody reads it.
        let Report { station, degrees, sky } = blob.deserialized()?;
        println!("{station}: {degrees} degrees, {}", sky.join(", "));
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(uri), Some(topic)) = (args.next(), args.next()) else {
        return Err("usage: blob_dispatch_listener URI TOPIC".into());
    };
    let daemon = Daemon::new()?;
    let listener = daemon.share(Listener)?; // travels as a proxy
    Proxy::new(uri)?.call::<()>("register", (&topic, listener))?;
    println!("listening to {topic}");
    daemon.run();
    Ok(())
}
