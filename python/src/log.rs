//! The log of the library, on its way to Python's.
//!
//! A thread of the library may hold locks when it has something to say, so it must not wait for Python's. What it says goes into a queue, which a thread of Python's empties (`logs.py`).
//! Python says beforehand which loggers want to hear what; as long as none does, that costs what a comparison does.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, Once, PoisonError};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use ferropyro::logging::{self, logger};
use pyo3::prelude::*;
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber};

/// The most lines that wait to be written.
const MOST: usize = 4096;

/// How much each of the loggers wants to hear: 0 nothing, 1 errors, 2 warnings, 3 what is of interest, 4 everything.
static WANTED: [AtomicU8; logger::ALL.len()] = [const { AtomicU8::new(0) }; logger::ALL.len()];
static QUEUE: Mutex<Queue> = Mutex::new(Queue {
    lines: Vec::new(),
    left_out: 0,
    is_over: false,
});
/// Something is in the queue, or nothing will be any more.
static NEWS: Condvar = Condvar::new();

thread_local! {
    /// Whether this is the thread that writes: what it does itself is not logged, or there would be no end to it.
    static IS_WRITER: Cell<bool> = const { Cell::new(false) };
    /// What Python calls this thread, if it is one of its own.
    static THREAD: RefCell<Option<(String, u64)>> = const { RefCell::new(None) };
    /// While this thread forks.
    static HELD: RefCell<Option<MutexGuard<'static, Queue>>> = const { RefCell::new(None) };
}

struct Queue {
    lines: Vec<Line>,
    /// How many found no room.
    left_out: usize,
    is_over: bool,
}

/// Something that was said, as Python gets it.
#[derive(IntoPyObject)]
pub(crate) struct Line(
    /// The logger, by its number.
    usize,
    /// The level, as in `WANTED`.
    u8,
    /// When, in seconds since 1970.
    f64,
    /// The thread: its name, and its number in Python, or 0.
    (String, u64),
    /// Where in the source.
    (&'static str, u32),
    /// What.
    String,
);

fn queue() -> MutexGuard<'static, Queue> {
    QUEUE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The loggers of the library, by their numbers.
#[pyfunction]
pub(crate) fn log_names() -> [&'static str; logger::ALL.len()] {
    logger::ALL
}

/// Says how much each logger wants to hear.
#[pyfunction]
pub(crate) fn set_log_levels(levels: Vec<u8>) {
    static INSTALL: Once = Once::new();
    for (wanted, level) in WANTED.iter().zip(&levels) {
        wanted.store(*level, Ordering::Relaxed);
    }
    if levels.iter().any(|level| *level > 0) {
        // Another one cannot be there: nobody else knows this module's `tracing`.
        INSTALL.call_once(|| drop(tracing::subscriber::set_global_default(Queueing)));
    }
    tracing::callsite::rebuild_interest_cache();
}

/// Waits for something to write; None when there will be nothing more.
#[pyfunction]
pub(crate) fn take_log(py: Python<'_>) -> Option<Vec<Line>> {
    IS_WRITER.set(true);
    py.detach(|| {
        let mut queue = queue();
        while queue.lines.is_empty() && !queue.is_over {
            queue = NEWS.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        let mut lines = std::mem::take(&mut queue.lines);
        match std::mem::take(&mut queue.left_out) {
            0 => {}
            1 => lines.push(remark(
                "1 more line of the log was left out: it came faster than could be written",
            )),
            count => lines.push(remark(&format!(
                "{count} more lines of the log were left out: they came faster than could be written"
            ))),
        }
        (!lines.is_empty()).then_some(lines)
    })
}

/// Nothing more is taken in. What waits can still be taken out.
#[pyfunction]
pub(crate) fn end_log() {
    set_log_levels(vec![0; WANTED.len()]);
    queue().is_over = true;
    NEWS.notify_all();
}

/// Before a fork: no other thread may be at the queue then, or it would stay locked in the child.
#[pyfunction]
pub(crate) fn hold_log() {
    HELD.set(Some(queue()));
}

/// After it. The child leaves to its parent what waits to be written.
#[pyfunction]
pub(crate) fn release_log(is_child: bool) {
    if let Some(mut queue) = HELD.take()
        && is_child
    {
        queue.lines.clear();
        queue.left_out = 0;
        IS_WRITER.set(false);
    }
}

/// Notes how Python calls this thread, for what is logged while it is in the library. Gives that, if the log is on.
pub(crate) fn note_thread(py: Python<'_>) -> Option<(String, u64)> {
    // One of the library's has a name there. Python would only have a makeshift one for it.
    if LevelFilter::current() == LevelFilter::OFF || thread::current().name().is_some_and(|name| name != "main") {
        return None;
    }
    if THREAD.with_borrow(Option::is_none) {
        let named = || -> PyResult<(String, u64)> {
            let threading = py.import("threading")?;
            let name = threading.call_method0("current_thread")?.getattr("name")?.extract()?;
            Ok((name, threading.call_method0("get_ident")?.extract()?))
        };
        THREAD.set(named().ok());
    }
    THREAD.with_borrow(Clone::clone)
}

/// This thread does something for another one.
pub(crate) fn speak_for(thread: Option<(String, u64)>) {
    THREAD.set(thread);
}

/// Takes the events of the library's loggers into the queue. Others, and spans, are not looked at.
struct Queueing;

impl Subscriber for Queueing {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        match metadata.is_event() && number_of(metadata).is_some() {
            true => Interest::sometimes(),
            false => Interest::never(),
        }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        let most = WANTED.iter().map(|wanted| wanted.load(Ordering::Relaxed)).max();
        Some(match most {
            None | Some(0) => LevelFilter::OFF,
            Some(1) => LevelFilter::ERROR,
            Some(2) => LevelFilter::WARN,
            Some(3) => LevelFilter::INFO,
            Some(_) => LevelFilter::DEBUG,
        })
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let wanted = number_of(metadata).and_then(|number| WANTED.get(number));
        wanted.is_some_and(|wanted| level_of(metadata) <= wanted.load(Ordering::Relaxed))
    }

    fn event(&self, event: &Event<'_>) {
        let metadata = event.metadata();
        let Some(number) = number_of(metadata).filter(|_| !IS_WRITER.get()) else {
            return;
        };
        let line = Line(
            number,
            level_of(metadata),
            now(),
            this_thread(),
            (metadata.file().unwrap_or_default(), metadata.line().unwrap_or_default()),
            logging::text(event),
        );
        let mut queue = queue();
        if queue.is_over {
            return;
        }
        match queue.lines.len() < MOST {
            true => queue.lines.push(line),
            false => queue.left_out += 1,
        }
        drop(queue);
        NEWS.notify_one();
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

fn number_of(metadata: &Metadata<'_>) -> Option<usize> {
    logger::ALL.iter().position(|name| *name == metadata.target())
}

/// As in `WANTED`. What is finer than DEBUG is nothing for Python, which has no level for it.
fn level_of(metadata: &Metadata<'_>) -> u8 {
    match *metadata.level() {
        Level::ERROR => 1,
        Level::WARN => 2,
        Level::INFO => 3,
        Level::DEBUG => 4,
        Level::TRACE => 5,
    }
}

fn remark(text: &str) -> Line {
    Line(0, 2, now(), this_thread(), (file!(), line!()), text.to_owned())
}

fn now() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs_f64()
}

fn this_thread() -> (String, u64) {
    // It may be ending.
    let known = THREAD.try_with(|thread| thread.borrow().clone()).ok().flatten();
    known.unwrap_or_else(|| (thread::current().name().unwrap_or("pyro").to_owned(), 0))
}
