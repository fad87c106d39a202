//! A daemon to call, and both ends of connections as plain sockets.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Mutex;
use std::thread;

use ferropyro::config::ServerType;
use ferropyro::wire::{
    Deframer, Flags, FrameBuilder, FrameSettings, Header, MessageKind, NO_ANNOTATIONS, SerializerId,
};
use ferropyro::{Config, Daemon, Dialect, ItemStream, Proxy, Raise, Result, RunningDaemon, Uri, Value, expose};

pub(crate) const OLD: [Dialect; 2] = [Dialect::V46, Dialect::V47];
pub(crate) const SERVERS: [ServerType; 2] = [ServerType::Thread, ServerType::Multiplex];

#[derive(Default)]
pub(crate) struct Desk {
    noted: Mutex<Vec<Value>>,
}

#[expose]
impl Desk {
    pub fn add(&self, a: i64, b: i64) -> i64 {
        a + b
    }

    pub fn echo(&self, value: Value) -> Value {
        value
    }

    pub fn fail(&self, text: String) -> Result<(), Raise> {
        Err(Raise::new("ValueError", text))
    }

    pub fn pages(&self, count: u32) -> ItemStream {
        ItemStream::new(1..=count)
    }

    /// Somebody who refers to this desk.
    pub fn colleague(&self) -> Result<Proxy> {
        Proxy::new("PYRO:desk@localhost:1")
    }

    #[expose(oneway)]
    pub fn note(&self, value: Value) {
        self.noted.lock().expect("nobody panics here").push(value);
    }

    pub fn noted(&self) -> Vec<Value> {
        self.noted.lock().expect("nobody panics here").clone()
    }

    #[expose(get)]
    pub fn color(&self) -> &str {
        "red"
    }
}

pub(crate) fn serving(protocols: &[Dialect], server: ServerType) -> Config {
    let protocols: BTreeSet<Dialect> = protocols.iter().copied().collect();
    // Oneway calls are done when the next call is.
    let config = Config::default().oneway_threaded(false);
    config.protocols(protocols).servertype(server)
}

/// A daemon with a [`Desk`] under the id `desk`, running.
pub(crate) fn desk(config: Config) -> Result<(RunningDaemon, Uri)> {
    desk_of(Daemon::builder().config(config).bind()?)
}

pub(crate) fn desk_of(daemon: Daemon) -> Result<(RunningDaemon, Uri)> {
    let uri = daemon.register("desk", Desk::default())?;
    Ok((daemon.start(), uri))
}

/// One end of a connection.
pub(crate) struct End {
    stream: TcpStream,
    deframer: Deframer,
    bytes: Vec<u8>,
}

impl End {
    pub(crate) fn new(stream: TcpStream, dialect: Dialect) -> End {
        End {
            stream,
            deframer: Deframer::for_dialect(dialect),
            bytes: Vec::new(),
        }
    }

    pub(crate) fn connect(daemon: &Daemon, dialect: Dialect) -> End {
        let address: SocketAddr = daemon.address().expect("a TCP port");
        End::new(TcpStream::connect(address).expect("it listens"), dialect)
    }

    pub(crate) fn send(&mut self, header: &Header, payload: &[u8]) {
        let mut out = Vec::new();
        let settings = FrameSettings::default();
        let mut frame = FrameBuilder::begin(&mut out, header, NO_ANNOTATIONS, &settings).expect("no annotations");
        frame.payload().extend_from_slice(payload);
        frame.finish().expect("a short payload");
        self.stream.write_all(&out).expect("the other side reads");
    }

    /// The next message: its header, its payload, and the bytes that it was.
    pub(crate) fn receive(&mut self) -> (Header, Vec<u8>, Vec<u8>) {
        loop {
            if let Some((length, message)) = self.deframer.next(&self.bytes).expect("a message") {
                let (header, payload) = (message.header, message.payload.to_vec());
                let rest = self.bytes.split_off(length);
                return (header, payload, std::mem::replace(&mut self.bytes, rest));
            }
            let mut piece = [0; 4096];
            let count = self.stream.read(&mut piece).expect("the other side writes");
            assert!(count > 0, "the connection is closed");
            self.bytes.extend_from_slice(&piece[..count]);
        }
    }
}

/// The greeting of a daemon of Pyro4 4.25 on Python 2.
pub(crate) const OK: &[u8] = b"t\x02\0\0\0ok";
pub(crate) const JSON: SerializerId = SerializerId(2);
const MARSHAL: SerializerId = SerializerId(3);

/// A server of an old protocol that answers every call with this payload. Gives the URI of its object.
pub(crate) fn old_server(dialect: Dialect, flags: Flags, answer: &'static [u8]) -> Uri {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut end = End::new(stream.expect("a client"), dialect);
            thread::spawn(move || {
                let greeting = Header {
                    seq: 1,
                    ..Header::new(dialect, MessageKind::CONNECTOK, MARSHAL)
                };
                end.send(&greeting, OK);
                end.answer_all(flags, answer);
            });
        }
    });
    format!("PYRO:desk@127.0.0.1:{port}").parse().expect("a URI")
}

impl End {
    fn answer_all(&mut self, flags: Flags, answer: &[u8]) {
        let mut piece = [0; 4096];
        loop {
            let request = match self.deframer.next(&self.bytes) {
                Ok(Some((length, message))) => Some((length, message.header)),
                Ok(None) => None,
                // As the real ones do.
                Err(_) => return,
            };
            if let Some((length, header)) = request {
                self.bytes.drain(..length);
                let kind = MessageKind::RESULT;
                self.send(&Header { kind, flags, ..header }, answer);
                continue;
            }
            match self.stream.read(&mut piece) {
                Ok(count @ 1..) => self.bytes.extend_from_slice(&piece[..count]),
                _ => return,
            }
        }
    }
}
