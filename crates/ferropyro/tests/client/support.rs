//! An object to call, and an object that calls others.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex};

use ferropyro::{
    Config, Context, Dialect, Dict, Exception, ItemStream, Proxy, Raise, Result, RunningDaemon, Serializer, Uri, Value,
    expose,
};

use crate::server;

pub(crate) const DIALECTS: [Dialect; 2] = [Dialect::V48, Dialect::V502];

pub(crate) const SERIALIZERS: [Serializer; 4] = [
    Serializer::Serpent,
    Serializer::Json,
    Serializer::Marshal,
    Serializer::Msgpack,
];

/// Counts, adds, fails, and waits at a gate.
pub(crate) struct Worker {
    /// Of the iterators, how many items they were asked for.
    asked: Arc<AtomicUsize>,
    /// Is told when an iterator is dropped.
    dropped: Mutex<Sender<()>>,
    is_open: Mutex<bool>,
    changed: Condvar,
    arrived: Mutex<Sender<()>>,
    calls: Mutex<Vec<String>>,
}

/// What a test sees of a [`Worker`].
pub(crate) struct Watch {
    pub(crate) worker: Arc<Worker>,
    pub(crate) dropped: Receiver<()>,
    pub(crate) arrived: Receiver<()>,
    pub(crate) uri: Uri,
    pub(crate) daemon: RunningDaemon,
}

#[expose]
impl Worker {
    pub fn add(&self, a: i64, b: i64) -> i64 {
        self.note("add");
        a + b
    }

    pub fn echo(&self, value: Value, #[default(0)] times: i64) -> Value {
        self.note(&format!("echo {times}"));
        value
    }

    pub fn fail(&self) -> Result<(), Raise> {
        Err(Exception::new("ZeroDivisionError", "division by zero")
            .attribute("by", "hand")
            .into())
    }

    #[expose(oneway)]
    pub fn forget(&self) {
        self.note("forget");
    }

    pub fn count(&self, to: i64) -> ItemStream {
        let watched = Watched {
            next: 0,
            to,
            asked: Arc::clone(&self.asked),
            dropped: self.dropped.lock().expect("no panic").clone(),
        };
        ItemStream::new(watched)
    }

    pub fn count_and_raise(&self, class: String) -> ItemStream {
        let items = [Ok(1), Ok(2), Err(Raise::new(&class, "that is all")), Ok(4)];
        ItemStream::fallible(items)
    }

    #[expose(get)]
    pub fn items(&self) -> ItemStream {
        ItemStream::new(["one", "two"])
    }

    /// Comes back when the gate is open.
    pub fn wait(&self) {
        self.note("wait");
        let _ = self.arrived.lock().expect("no panic").send(());
        let is_open = self.is_open.lock().expect("no panic");
        drop(self.changed.wait_while(is_open, |is_open| !*is_open));
        self.note("waited");
    }

    /// The sequence number and the number of the connection of this call.
    pub fn whoami(&self, context: &Context) -> (u16, u64) {
        (context.seq(), context.connection().number())
    }
}

impl Worker {
    pub(crate) fn open(&self) {
        *self.is_open.lock().expect("no panic") = true;
        self.changed.notify_all();
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }

    /// The calls so far, in their order.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.calls.lock().expect("no panic").clone()
    }

    fn note(&self, call: &str) {
        self.calls.lock().expect("no panic").push(call.to_owned());
    }
}

/// Numbers, and what becomes of them.
struct Watched {
    next: i64,
    to: i64,
    asked: Arc<AtomicUsize>,
    dropped: Sender<()>,
}

impl Iterator for Watched {
    type Item = i64;

    fn next(&mut self) -> Option<i64> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.next += 1;
        (self.next <= self.to).then_some(self.next)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let _ = self.dropped.send(());
    }
}

/// A worker behind a running daemon.
pub(crate) fn worker(config: Config) -> Result<Watch> {
    worker_on(0, config)
}

pub(crate) fn worker_on(port: u16, config: Config) -> Result<Watch> {
    let (dropped, told_of_drop) = channel();
    let (arrived, told_of_arrival) = channel();
    let worker = Arc::new(Worker {
        asked: Arc::default(),
        dropped: Mutex::new(dropped),
        is_open: Mutex::default(),
        changed: Condvar::new(),
        arrived: Mutex::new(arrived),
        calls: Mutex::default(),
    });
    let daemon = server::daemon().config(config).port(port).bind()?;
    let uri = daemon.register_shared("worker", worker.clone())?;
    Ok(Watch {
        worker,
        dropped: told_of_drop,
        arrived: told_of_arrival,
        uri,
        daemon: daemon.start(),
    })
}

impl Watch {
    /// A proxy that speaks this dialect.
    pub(crate) fn proxy(&self, dialect: Dialect) -> Result<Proxy> {
        Proxy::builder().dialect(dialect).build(self.uri.clone())
    }

    pub(crate) fn proxies(&self) -> Result<Vec<Proxy>> {
        proxies(&self.uri)
    }
}

/// Proxies of every dialect and serializer.
pub(crate) fn proxies(uri: &Uri) -> Result<Vec<Proxy>> {
    let mut proxies = Vec::new();
    for dialect in DIALECTS {
        for serializer in SERIALIZERS {
            let builder = Proxy::builder().dialect(dialect).serializer(serializer);
            proxies.push(builder.build(uri.clone())?);
        }
    }
    Ok(proxies)
}

pub(crate) fn dict<const N: usize>(entries: [(&str, i64); N]) -> Dict {
    Dict::from(entries)
}
