//! An object that tells what its calls bring along, and plain sockets for both ends.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Barrier, Condvar, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};

use ferropyro::wire::{
    AnnotationKey, Deframer, Dialect, Flags, FrameBuilder, FrameSettings, Header, HmacKey, MessageKind, SerializerId,
};
use ferropyro::{
    Bytes, Config, Context, Daemon, DaemonBuilder, ItemStream, Proxy, Raise, Result, RunningDaemon, Uri, context,
    expose,
};
use serde::{Deserialize, Serialize};

use crate::server;

pub(crate) const DIALECTS: [Dialect; 2] = [Dialect::V48, Dialect::V502];

/// So many callers meet in [`Witness::meet`].
pub(crate) const CROWD: usize = 50;

/// Annotations by their keys, as Python's dictionary has them.
pub(crate) type Chunks = BTreeMap<String, Vec<u8>>;

/// What a call's context says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) peer: String,
    pub(crate) connection: u64,
    pub(crate) seq: u16,
    /// As the caller's generation numbers them.
    pub(crate) flags: u16,
    pub(crate) serializer: String,
    pub(crate) correlation_id: String,
    pub(crate) annotations: Chunks,
}

impl From<&Context> for Report {
    fn from(cx: &Context) -> Report {
        Report {
            peer: cx.peer().to_string(),
            connection: cx.connection().number(),
            seq: cx.seq(),
            flags: cx.flags().to_bits(cx.dialect()),
            serializer: cx.serializer().name().to_owned(),
            correlation_id: cx.correlation_id().to_string(),
            annotations: chunks(cx.annotations().iter()),
        }
    }
}

pub(crate) fn chunks<'a>(annotations: impl Iterator<Item = (AnnotationKey, &'a [u8])>) -> Chunks {
    annotations
        .map(|(key, value)| (key.to_string(), value.to_vec()))
        .collect()
}

/// The annotations of the last reply to this thread, without those of Pyro itself.
pub(crate) fn answered() -> Chunks {
    let all = context::response_annotations();
    chunks(all.iter().filter(|(key, _)| !key.is_reserved()))
}

pub(crate) fn key(text: &str) -> AnnotationKey {
    AnnotationKey::try_from(text).expect("four ASCII characters")
}

/// Tells what it knows of its callers.
pub(crate) struct Witness {
    kept: Mutex<Vec<Context>>,
    is_open: Mutex<bool>,
    changed: Condvar,
    crowd: Barrier,
}

impl Default for Witness {
    fn default() -> Witness {
        Witness {
            kept: Mutex::default(),
            is_open: Mutex::default(),
            changed: Condvar::new(),
            crowd: Barrier::new(CROWD),
        }
    }
}

#[expose]
impl Witness {
    /// What the context of the thread says.
    pub fn report(&self) -> Report {
        Report::from(&context::current().expect("a call"))
    }

    /// As `report`, while as many others are here.
    pub fn meet(&self, cx: &Context) -> Report {
        let number = cx.annotations().get(key("WHO_")).unwrap_or_default().to_vec();
        self.crowd.wait();
        context::current().expect("a call").annotate(key("YOU_"), number);
        self.crowd.wait();
        Report::from(&context::current().expect("a call"))
    }

    /// Keeps the context for the test.
    pub fn keep(&self, cx: &Context) {
        self.lock().push(cx.clone());
        self.changed.notify_all();
    }

    /// As `keep`, with an argument that makes the message longer.
    pub fn keep_with(&self, _text: &str, cx: &Context) {
        self.keep(cx);
    }

    /// As `keep`, when the gate has been opened, which lets one through.
    #[expose(oneway)]
    pub fn keep_later(&self) {
        let is_open = self.is_open.lock().expect("nobody panics here");
        let opened = self.changed.wait_while(is_open, |is_open| !*is_open);
        *opened.expect("nobody panics here") = false;
        self.lock().push(context::current().expect("a call"));
        self.changed.notify_all();
    }

    #[expose(oneway)]
    pub fn keep_unanswered(&self, cx: &Context) {
        self.keep(cx);
    }

    /// Adds an annotation to the answer.
    pub fn answer_with(&self, name: &str, value: Bytes, cx: &Context) {
        cx.annotate(key(name), value.to_vec());
    }

    /// Adds so many annotations of so many bytes each.
    pub fn answer_bulk(&self, count: usize, length: usize, cx: &Context) {
        for number in 0..count {
            cx.annotate(numbered(number), vec![b'x'; length]);
        }
    }

    pub fn annotate_and_raise(&self, cx: &Context) -> Result<(), Raise> {
        cx.annotate(key("OOPS"), *b"of a call that failed");
        Err(Raise::new("ValueError", "nope"))
    }

    /// Leaves behind what a call of another object would have taken along.
    pub fn careless(&self) {
        context::annotate(key("LEFT"), *b"behind");
        context::set_correlation_id(Some(uuid::Uuid::new_v4()));
    }

    /// Items with an annotation each.
    pub fn items(&self, count: u8) -> ItemStream {
        ItemStream::new((0..count).inspect(|number| {
            context::current().expect("a call").annotate(key("ITEM"), [*number]);
        }))
    }
}

impl Witness {
    fn lock(&self) -> MutexGuard<'_, Vec<Context>> {
        self.kept.lock().expect("nobody panics here")
    }

    /// Lets a call of `keep_later` go on.
    pub(crate) fn open(&self) {
        *self.is_open.lock().expect("nobody panics here") = true;
        self.changed.notify_all();
    }

    /// The next context that was kept, when there is one.
    pub(crate) fn take(&self) -> Context {
        let kept = self.changed.wait_while(self.lock(), |kept| kept.is_empty());
        kept.expect("nobody panics here").remove(0)
    }

    pub(crate) fn has_kept_nothing(&self) -> bool {
        self.lock().is_empty()
    }
}

/// A key that no other number has.
pub(crate) fn numbered(number: usize) -> AnnotationKey {
    key(&format!("{number:04x}"))
}

/// A running daemon with a [`Witness`].
pub(crate) struct Server {
    pub(crate) daemon: RunningDaemon,
    pub(crate) uri: Uri,
    pub(crate) witness: Arc<Witness>,
}

impl Server {
    pub(crate) fn start(builder: DaemonBuilder) -> Result<Server> {
        let daemon = builder.bind()?;
        let witness = Arc::new(Witness::default());
        let uri = daemon.register_shared("witness", witness.clone())?;
        Ok(Server {
            daemon: daemon.start(),
            uri,
            witness,
        })
    }

    pub(crate) fn with_config(config: Config) -> Result<Server> {
        Server::start(server::daemon().config(config))
    }

    pub(crate) fn proxy(&self, dialect: Dialect) -> Result<Proxy> {
        Proxy::builder().dialect(dialect).build(self.uri.clone())
    }
}

/// A message that came over a plain socket.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) header: Header,
    pub(crate) annotations: Chunks,
}

/// One end of a plain socket that speaks a dialect.
pub(crate) struct Raw {
    stream: TcpStream,
    pub(crate) dialect: Dialect,
    deframer: Deframer,
    bytes: Vec<u8>,
}

impl Raw {
    pub(crate) fn connect(daemon: &Daemon, dialect: Dialect) -> Raw {
        let stream = TcpStream::connect(daemon.address().expect("a TCP port")).expect("the daemon listens");
        Raw::new(stream, dialect)
    }

    pub(crate) fn new(stream: TcpStream, dialect: Dialect) -> Raw {
        Raw {
            stream,
            dialect,
            deframer: Deframer::for_dialect(dialect),
            bytes: Vec::new(),
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.stream.local_addr().expect("a TCP port")
    }

    pub(crate) fn set_key(&mut self, key: &str) {
        self.deframer.set_hmac_key(HmacKey::new(key.as_bytes()));
    }

    pub(crate) fn send(&mut self, header: Header, annotations: &[(AnnotationKey, &[u8])], payload: &str) {
        let settings = FrameSettings::default();
        let mut out = Vec::new();
        let annotations = annotations.iter().copied();
        let mut frame = FrameBuilder::begin(&mut out, &header, annotations, &settings).expect("a small frame");
        frame.payload().extend_from_slice(payload.as_bytes());
        frame.finish().expect("a small frame");
        self.stream.write_all(&out).expect("the other side reads");
    }

    /// The header of a message of this kind in serpent.
    pub(crate) fn header(&self, kind: MessageKind, seq: u16) -> Header {
        Header {
            seq,
            ..Header::new(self.dialect, kind, SerializerId(1))
        }
    }

    pub(crate) fn greet(&mut self, handshake: &str) {
        let header = Header {
            flags: Flags::META_ON_CONNECT,
            ..self.header(MessageKind::CONNECT, 0)
        };
        let payload = format!("# serpent utf-8 python3.2\n{{'handshake':{handshake},'object':'witness'}}");
        self.send(header, &[], &payload);
    }

    /// Answers the greeting of a client.
    fn welcome(&mut self) {
        assert_eq!(self.receive().header.kind, MessageKind::CONNECT);
        let header = Header {
            flags: Flags::META_ON_CONNECT,
            ..self.header(MessageKind::CONNECTOK, 0)
        };
        let meta = "{'methods':['report'],'oneway':[],'attrs':[]}";
        let payload = format!("# serpent utf-8 python3.2\n{{'handshake':'hello','meta':{meta}}}");
        self.send(header, &[], &payload);
    }

    /// A call of the witness; the arguments as Python writes them: `(1,2)`.
    pub(crate) fn invoke(&mut self, method: &str, args: &str) {
        let header = self.header(MessageKind::INVOKE, 1);
        let payload = format!("# serpent utf-8 python3.2\n('witness','{method}',{args},{{}})");
        self.send(header, &[], &payload);
    }

    /// The next message.
    pub(crate) fn receive(&mut self) -> Received {
        loop {
            if let Some((length, message)) = self.deframer.next(&self.bytes).expect("a message") {
                let received = Received {
                    header: message.header,
                    annotations: chunks(message.annotations.iter()),
                };
                self.bytes.drain(..length);
                return received;
            }
            let mut piece = [0; 4096];
            let count = self.stream.read(&mut piece).expect("still connected");
            assert!(count > 0, "the other side has closed the connection");
            self.bytes.extend_from_slice(&piece[..count]);
        }
    }

    /// Whether the other side has closed the connection, with nothing more to say.
    pub(crate) fn is_at_end(&mut self) -> bool {
        self.bytes.is_empty() && matches!(self.stream.read(&mut [0]), Ok(0))
    }
}

/// A server that answers the handshakes of so many clients as it should, one after the other, and does then what it is told to: with the client and its
/// number, from 0 on. Gives its URI.
pub(crate) fn fake_server(
    dialect: Dialect,
    clients: usize,
    serve: impl Fn(&mut Raw, usize) + Send + 'static,
) -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("a TCP port").port();
    let thread = thread::spawn(move || {
        for number in 0..clients {
            let (stream, _) = listener.accept().expect("a client");
            let mut raw = Raw::new(stream, dialect);
            raw.welcome();
            serve(&mut raw, number);
        }
    });
    (format!("PYRO:fake@127.0.0.1:{port}"), thread)
}
