//! The workshop mode: `interop_peer workshop [PORT]` serves objects that keep something for their clients, so that tests see what is
//! left when these have gone: `streams`, `resources`, `parts`, `gate`; and `blobs.first` and `blobs.second`, which pass on what they do not know. Prints `URI = PYRO:streams@...` when it listens. Settings come from the environment.
#![allow(unreachable_pub)] // #[expose] goes by `pub`

mod blobs;
mod gate;
mod parts;
mod resources;
mod streams;

use std::error::Error;
use std::io::Write as _;
use std::sync::{Arc, OnceLock};

use ferropyro::{Config, Daemon, Dict, expose, logging};

pub(crate) fn main(options: &[String]) -> Result<(), Box<dyn Error>> {
    logging::init_from_env()?;
    let port = match options {
        [] => 0,
        [port] => port.parse()?,
        _ => return Err("usage: interop_peer workshop [PORT]".into()),
    };
    let config = Config::from_env()?;
    let held = Arc::new(resources::Store::default());
    let daemon = {
        let held = Arc::clone(&held);
        Daemon::builder()
            .config(config.clone())
            .port(port)
            .client_disconnect(move |connection| held.client_gone(connection))
            .bind()?
    };
    let uri = daemon.register("streams", streams::Streams::default())?;
    daemon.register("resources", resources::Resources::new(held))?;
    daemon.register("parts", parts::Parts::new(&daemon)?)?;
    for id in ["blobs.first", "blobs.second"] {
        daemon.register(id, blobs::Blobs::new(config.clone()))?;
    }
    daemon.register_shared("gate", Arc::new(gate::Gate::default()))?;
    let house = Arc::new(House::default());
    daemon.register_shared("house", house.clone())?;
    house.daemon.set(daemon.clone()).map_err(|_| "the daemon is set once")?;
    println!("URI = {uri}");
    std::io::stdout().flush()?;
    daemon.run();
    println!("stopped");
    Ok(())
}

/// What the daemon knows about itself.
#[derive(Default)]
struct House {
    daemon: OnceLock<Daemon>,
}

#[expose]
impl House {
    pub fn statistics(&self) -> Dict {
        let statistics = self.daemon.get().map(Daemon::statistics).unwrap_or_default();
        Dict::from([
            ("objects", statistics.objects as u64),
            ("connections", statistics.connections as u64),
            ("streams", statistics.streams as u64),
            ("failed_calls", statistics.failed_calls),
        ])
    }

    /// Stops the daemon, which has to do without this call's end.
    pub fn shut_down_and_stay(&self) {
        self.shut_down();
        loop {
            std::thread::park();
        }
    }

    /// The caller may get its answer before the daemon has stopped.
    pub fn shut_down(&self) {
        if let Some(daemon) = self.daemon.get() {
            daemon.shutdown();
        }
    }
}
