//! Passes messages on to those who listen to their topic, without reading them: what is in them stays as the sender's serializer has written it.
#![allow(clippy::print_stdout, unreachable_pub)] // the house's lints are not those of an example

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use ferropyro::{Daemon, Proxy, Raise, SerializedBlob, expose};

#[derive(Default)]
struct Dispatcher {
    listeners: Mutex<BTreeMap<String, Vec<Proxy>>>,
}

#[expose]
impl Dispatcher {
    pub fn register(&self, topic: String, listener: Proxy) {
        println!("a listener for {topic}");
        let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.entry(topic).or_default().push(listener);
    }

    /// Gives how many listeners there were.
    pub fn publish(&self, blob: SerializedBlob) -> Result<usize, Raise> {
        let topic = blob.info().as_str().ok_or("the topic is not a text")?;
        let listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        let listeners = listeners.get(topic).cloned().unwrap_or_default(); // clones, so that nobody waits for the lock
        println!("{topic}: passed on to {}", listeners.len());
        for listener in &listeners {
            listener.call::<()>("receive", &blob)?;
        }
        Ok(listeners.len())
    }
}

fn main() -> ferropyro::Result<()> {
    let daemon = Daemon::new()?;
    let uri = daemon.register("example.dispatcher", Dispatcher::default())?;
    println!("URI = {uri}");
    daemon.run();
    Ok(())
}
