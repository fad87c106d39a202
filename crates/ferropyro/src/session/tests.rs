//! Sessions without a server, and that they can be without one.

#![allow(unreachable_pub)] // #[expose] goes by `pub`

use std::cell::Cell;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use ferropyro_wire::{
    AnnotationKey, Dialect, Flags, FrameBuilder, FrameSettings, Header, MessageKind, NO_ANNOTATIONS, SerializerId,
};

use super::Runner;
use super::oneway::Oneway;
use super::server::{Progress, ServerSession, Step};
use crate::config::Config;
use crate::peer::Peer;
use crate::{Daemon, Result, expose};

/// What clippy's lists do for the crate wire, which cannot be had for a single module.
#[test]
fn sessions_know_no_sockets_no_clocks_and_no_threads() {
    let forbidden = [
        "std::net",
        "std::thread",
        "std::fs",
        "std::io",
        "Instant",
        "Mutex",
        "Condvar",
        "crate::transport",
        "crate::server",
    ];
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/session");
    let files = fs::read_dir(folder).expect("the sources");
    let files = files.map(|file| file.expect("a file").path());
    let files: Vec<_> = files.filter(|path| !path.ends_with("tests.rs")).collect();
    assert!(files.len() > 5);
    for path in files {
        let source = fs::read_to_string(&path).expect("a source");
        for word in forbidden {
            assert!(!source.contains(word), "{word} in {}", path.display());
        }
    }
}

struct Lamp;

#[expose(crate = crate)]
impl Lamp {
    pub fn blink(&self) {}

    #[expose(get)]
    pub fn lit(&self) -> bool {
        true
    }

    #[expose(set)]
    pub fn set_lit(&self, lit: bool) {
        let _ = lit;
    }
}

/// Counts what runs where.
#[derive(Default)]
struct Counting {
    here: Cell<usize>,
    apart: Cell<usize>,
    /// Bytes that the last one apart holds.
    size: Cell<usize>,
}

impl Runner for Counting {
    fn run_apart(&self, call: Oneway) -> std::result::Result<(), Oneway> {
        self.apart.set(self.apart.get() + 1);
        self.size.set(call.size());
        call.run();
        Ok(())
    }
}

fn send(session: &mut ServerSession, runner: &Counting, kind: MessageKind, flags: Flags, payload: &str) {
    let header = Header {
        flags,
        ..Header::new(Dialect::V502, kind, SerializerId(1))
    };
    let settings = FrameSettings::default();
    let mut bytes = Vec::new();
    let mut frame = FrameBuilder::begin(&mut bytes, &header, NO_ANNOTATIONS, &settings).expect("a small frame");
    let payload = format!("# serpent utf-8 python3.2\n{payload}");
    frame.payload().extend_from_slice(payload.as_bytes());
    frame.finish().expect("a small frame");
    assert_eq!(step(session, &bytes, runner), Step::Continue(bytes.len()));
}

fn step(session: &mut ServerSession, bytes: &[u8], runner: &Counting) -> Step {
    match session.step(bytes) {
        Progress::Step(step) => step,
        Progress::Call(call) => {
            runner.here.set(runner.here.get() + 1);
            call.run(runner)
        }
    }
}

/// Gives how many calls ran in their turn, and how many apart from their connection.
fn places(config: Config, flags: Flags, call: &str) -> Result<(usize, usize)> {
    let daemon = Daemon::builder().config(config).bind()?;
    daemon.register("lamp", Lamp)?;
    let mut session = ServerSession::new(Arc::clone(daemon.core()), Peer::Unix);
    let runner = Counting::default();
    let hello = "{'handshake':'hello','object':'lamp'}";
    send(&mut session, &runner, MessageKind::CONNECT, Flags::NONE, hello);
    session.out.clear();
    send(&mut session, &runner, MessageKind::INVOKE, flags, call);
    assert_eq!(session.out.is_empty(), flags.contains(Flags::ONEWAY));
    Ok((runner.here.get(), runner.apart.get()))
}

#[test]
fn calls_run_in_their_turn_and_oneway_methods_apart() -> Result<()> {
    let (blink, set) = ("('lamp','blink',(),{})", "('lamp','__setattr__',('lit',True),None)");
    let batch = "('lamp','<batch>',[('blink',(),{})],None)";
    assert_eq!(places(Config::default(), Flags::NONE, blink)?, (1, 0));
    // The object is looked for, and perhaps made, in turn.
    assert_eq!(places(Config::default(), Flags::ONEWAY, blink)?, (1, 1));
    assert_eq!(places(Config::default(), Flags::ONEWAY, set)?, (1, 0));
    assert_eq!(places(Config::default(), Flags::ONEWAY | Flags::BATCH, batch)?, (1, 0));
    let in_turn = Config::default().oneway_threaded(false);
    assert_eq!(places(in_turn, Flags::ONEWAY, blink)?, (1, 0));
    Ok(())
}

#[test]
fn a_oneway_call_counts_with_its_annotations() -> Result<()> {
    let daemon = Daemon::new()?;
    daemon.register("lamp", Lamp)?;
    let mut session = ServerSession::new(Arc::clone(daemon.core()), Peer::Unix);
    let runner = Counting::default();
    let hello = "{'handshake':'hello','object':'lamp'}";
    send(&mut session, &runner, MessageKind::CONNECT, Flags::NONE, hello);
    let header = Header {
        flags: Flags::ONEWAY,
        ..Header::new(Dialect::V502, MessageKind::INVOKE, SerializerId(1))
    };
    let key = AnnotationKey::new(*b"BULK").expect("four characters");
    let (settings, mut bytes) = (FrameSettings::default(), Vec::new());
    let mut frame = FrameBuilder::begin(&mut bytes, &header, [(key, [0; 1000])], &settings).expect("a small frame");
    let payload = b"# serpent utf-8 python3.2\n('lamp','blink',(),{})";
    frame.payload().extend_from_slice(payload);
    frame.finish().expect("a small frame");
    step(&mut session, &bytes, &runner);
    assert_eq!(runner.size.get(), payload.len() + 8 + 1000);
    Ok(())
}
