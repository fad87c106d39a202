//! An object to call, and a client that sends what it is told to.

use std::io::{ErrorKind as IoErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Condvar, Mutex, MutexGuard};

use ferropyro::wire::{
    Deframer, Dialect, Flags, FrameBuilder, FrameSettings, Header, MessageKind, NO_ANNOTATIONS, SerializerId,
};
use ferropyro::{Config, Daemon, Proxy, Result, RunningDaemon, Uri, Value, expose};

use crate::server;

pub(crate) const DIALECTS: [Dialect; 2] = [Dialect::V48, Dialect::V502];

/// Something to call: sums, echoes, and a gate at which calls wait.
#[derive(Default)]
pub(crate) struct Desk {
    gate: Mutex<Gate>,
    changed: Condvar,
}

#[derive(Default)]
struct Gate {
    open: bool,
    waiting: usize,
    most: usize,
    passed: usize,
}

#[expose]
impl Desk {
    pub fn add(&self, a: i64, b: i64) -> i64 {
        a + b
    }

    pub fn echo(&self, value: Value) -> Value {
        value
    }

    pub fn panic(&self, text: String) {
        panic!("{text}");
    }

    /// Comes back when the gate is open.
    pub fn wait(&self) {
        self.pass();
    }

    #[expose(oneway)]
    pub fn wait_unanswered(&self) {
        self.pass();
    }

    /// Opens the gate for good.
    pub fn open(&self) {
        self.gate().open = true;
        self.changed.notify_all();
    }
}

impl Desk {
    fn gate(&self) -> MutexGuard<'_, Gate> {
        self.gate.lock().expect("nobody panics here")
    }

    fn pass(&self) {
        let mut gate = self.gate();
        gate.waiting += 1;
        gate.most = gate.most.max(gate.waiting);
        self.changed.notify_all();
        let mut gate = self
            .changed
            .wait_while(gate, |gate| !gate.open)
            .expect("nobody panics here");
        gate.waiting -= 1;
        gate.passed += 1;
        self.changed.notify_all();
    }

    /// Waits until so many calls wait at the gate.
    pub(crate) fn await_waiting(&self, count: usize) {
        let gate = self.changed.wait_while(self.gate(), |gate| gate.waiting < count);
        drop(gate.expect("nobody panics here"));
    }

    /// Waits until so many calls have passed; gives the most that waited at a time.
    pub(crate) fn await_passed(&self, count: usize) -> usize {
        let gate = self.changed.wait_while(self.gate(), |gate| gate.passed < count);
        gate.expect("nobody panics here").most
    }
}

/// A daemon with a [`Desk`] under the id `desk`, running.
pub(crate) fn desk(config: Config) -> Result<(RunningDaemon, Uri)> {
    let daemon = server::daemon().config(config).bind()?;
    let uri = daemon.register("desk", Desk::default())?;
    Ok((daemon.start(), uri))
}

/// A proxy that speaks this dialect.
pub(crate) fn proxy(uri: &Uri, dialect: Dialect) -> Result<Proxy> {
    Proxy::builder().dialect(dialect).build(uri.clone())
}

pub(crate) const NO_FREE_WORKERS: &str = "no free workers, increase server threadpool size";

/// Connects as soon as the server has noticed that a worker is free.
pub(crate) fn bind_when_free(proxy: &Proxy) -> Result<()> {
    loop {
        match proxy.bind() {
            Err(error) if error.message().ends_with(NO_FREE_WORKERS) => {}
            other => return other,
        }
    }
}

/// What came over a plain socket.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) kind: MessageKind,
    pub(crate) seq: u16,
    pub(crate) exception: bool,
    pub(crate) payload: Vec<u8>,
}

impl Received {
    /// Payloads are small and in serpent or marshal, so that texts stand in them as they are.
    pub(crate) fn contains(&self, text: &str) -> bool {
        self.payload.windows(text.len()).any(|window| window == text.as_bytes())
    }
}

/// A client without manners.
pub(crate) struct Raw {
    stream: TcpStream,
    dialect: Dialect,
    deframer: Deframer,
    bytes: Vec<u8>,
}

impl Raw {
    pub(crate) fn connect(daemon: &Daemon, dialect: Dialect) -> Raw {
        let stream = TcpStream::connect(daemon.address().expect("a TCP port")).expect("the daemon listens");
        stream.set_nodelay(true).expect("a TCP socket");
        let mut deframer = Deframer::for_dialect(dialect);
        deframer.expect(&[
            MessageKind::CONNECTOK,
            MessageKind::CONNECTFAIL,
            MessageKind::RESULT,
            MessageKind::PING,
        ]);
        Raw {
            stream,
            dialect,
            deframer,
            bytes: Vec::new(),
        }
    }

    /// One that has passed the handshake.
    pub(crate) fn greeted(daemon: &Daemon, dialect: Dialect) -> Raw {
        let mut raw = Raw::connect(daemon, dialect);
        raw.send(&hello(dialect));
        assert_eq!(raw.receive().map(|answer| answer.kind), Some(MessageKind::CONNECTOK));
        raw
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the daemon reads");
    }

    /// For writing while this one reads.
    pub(crate) fn clone_stream(&self) -> TcpStream {
        self.stream.try_clone().expect("a socket")
    }

    /// Hangs up so that the other side gets an error.
    #[cfg(target_os = "linux")]
    pub(crate) fn reset(self) {
        let socket = socket2::SockRef::from(&self.stream);
        socket
            .set_linger(Some(std::time::Duration::ZERO))
            .expect("a TCP socket");
    }

    /// Nothing more will be sent.
    pub(crate) fn finish(&self) {
        self.stream.shutdown(Shutdown::Write).expect("still connected");
    }

    /// The next message; `None` when the daemon has closed the connection.
    pub(crate) fn receive(&mut self) -> Option<Received> {
        loop {
            if let Some((length, message)) = self.deframer.next(&self.bytes).expect("a message") {
                let received = Received {
                    kind: message.header.kind,
                    seq: message.header.seq,
                    exception: message.header.flags.contains(Flags::EXCEPTION),
                    payload: message.payload.to_vec(),
                };
                self.bytes.drain(..length);
                return Some(received);
            }
            let mut piece = [0; 4096];
            match self.stream.read(&mut piece) {
                Ok(0) => return None,
                Ok(count) => self.bytes.extend_from_slice(&piece[..count]),
                Err(error) if error.kind() == IoErrorKind::ConnectionReset => return None,
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Sends a call and waits for the answer.
    pub(crate) fn call(&mut self, seq: u16, method: &str, args: &str) -> Option<Received> {
        let message = invoke(self.dialect, seq, method, args);
        self.send(&message);
        self.receive()
    }
}

pub(crate) fn hello(dialect: Dialect) -> Vec<u8> {
    let payload = "# serpent utf-8 python3.2\n{'handshake':'hello','object':'desk'}";
    frame(
        dialect,
        MessageKind::CONNECT,
        0,
        Flags::META_ON_CONNECT,
        payload.as_bytes(),
    )
}

/// A call of the desk; the arguments as Python writes them: `(1,2)`.
pub(crate) fn invoke(dialect: Dialect, seq: u16, method: &str, args: &str) -> Vec<u8> {
    let payload = format!("# serpent utf-8 python3.2\n('desk','{method}',{args},{{}})");
    frame(dialect, MessageKind::INVOKE, seq, Flags::NONE, payload.as_bytes())
}

pub(crate) fn frame(dialect: Dialect, kind: MessageKind, seq: u16, flags: Flags, payload: &[u8]) -> Vec<u8> {
    let header = Header {
        seq,
        flags,
        ..Header::new(dialect, kind, SerializerId(1))
    };
    let settings = FrameSettings::default();
    let mut out = Vec::new();
    let mut frame = FrameBuilder::begin(&mut out, &header, NO_ANNOTATIONS, &settings).expect("a small frame");
    frame.payload().extend_from_slice(payload);
    frame.finish().expect("a small frame");
    out
}
