//! Things that tell what becomes of them.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use ferropyro::{Dialect, Proxy, Resource, Result, Uri};

pub(crate) const DIALECTS: [Dialect; 2] = [Dialect::V48, Dialect::V502];

/// A proxy that speaks this dialect.
pub(crate) fn proxy(uri: &Uri, dialect: Dialect) -> Result<Proxy> {
    Proxy::builder().dialect(dialect).build(uri)
}

/// Hears what happens, in that order.
pub(crate) struct Events(Receiver<String>);

/// Tells what happens.
#[derive(Clone)]
pub(crate) struct Teller(Sender<String>);

pub(crate) fn events() -> (Teller, Events) {
    let (teller, hears) = channel();
    (Teller(teller), Events(hears))
}

impl Teller {
    pub(crate) fn tell(&self, event: impl Into<String>) {
        // The test may be over.
        let _ = self.0.send(event.into());
    }
}

impl Events {
    /// Waits for the next event.
    pub(crate) fn next(&self) -> String {
        let event = self.0.recv_timeout(Duration::from_secs(20));
        event.unwrap_or_else(|_| "nothing happened".to_owned())
    }

    /// What has happened up to now.
    pub(crate) fn so_far(&self) -> Vec<String> {
        self.0.try_iter().collect()
    }
}

/// Tells when it is closed, and when it is dropped.
pub(crate) struct Thing {
    pub(crate) name: String,
    teller: Teller,
}

impl Thing {
    pub(crate) fn new(name: impl Into<String>, teller: &Teller) -> Thing {
        Thing {
            name: name.into(),
            teller: teller.clone(),
        }
    }
}

impl Resource for Thing {
    fn close(&self) {
        self.teller.tell(format!("closed {}", self.name));
    }
}

impl Drop for Thing {
    fn drop(&mut self) {
        self.teller.tell(format!("dropped {}", self.name));
    }
}
