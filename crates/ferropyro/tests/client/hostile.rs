//! Servers that answer nonsense, and a client that sends it.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use ferropyro::formats::marshal;
use ferropyro::wire::{
    AnnotationKey, Deframer, Dialect, Flags, FrameBuilder, FrameSettings, Header, MessageKind, SerializerId,
};
use ferropyro::{ErrorKind, Items, Proxy, Result, SerializedBlob, Value, expose};

use super::support::DIALECTS;
use crate::server;

type Annotation = (AnnotationKey, Vec<u8>);

fn frame(header: &Header, annotations: &[Annotation], payload: &str) -> Vec<u8> {
    let annotations = annotations.iter().map(|(key, value)| (*key, value));
    let (settings, mut out) = (FrameSettings::default(), Vec::new());
    let mut frame = FrameBuilder::begin(&mut out, header, annotations, &settings).expect("a small frame");
    frame.payload().extend_from_slice(b"# serpent utf-8 python3.2\n");
    frame.payload().extend_from_slice(payload.as_bytes());
    frame.finish().expect("a small frame");
    out
}

fn header(dialect: Dialect, kind: MessageKind, seq: u16, flags: Flags) -> Header {
    Header {
        seq,
        flags,
        ..Header::new(dialect, kind, SerializerId(1))
    }
}

/// One end of a connection, which sends what it is told to.
struct End {
    stream: TcpStream,
    dialect: Dialect,
    deframer: Deframer,
    bytes: Vec<u8>,
}

impl End {
    fn new(stream: TcpStream, dialect: Dialect) -> End {
        stream.set_nodelay(true).expect("a TCP socket");
        End {
            stream,
            dialect,
            deframer: Deframer::for_dialect(dialect),
            bytes: Vec::new(),
        }
    }

    fn send(&mut self, bytes: &[u8]) {
        // The other end may have gone already.
        let _ = self.stream.write_all(bytes);
    }

    /// The next message; `None` when the other side has gone.
    fn receive(&mut self) -> Option<Header> {
        loop {
            if let Some((length, message)) = self.deframer.next(&self.bytes).expect("a message") {
                let header = message.header;
                self.bytes.drain(..length);
                return Some(header);
            }
            let mut piece = [0; 4096];
            match self.stream.read(&mut piece) {
                Ok(count @ 1..) => self.bytes.extend_from_slice(&piece[..count]),
                _ => return None,
            }
        }
    }

    /// Accepts a client as if there were an object with a method `call`.
    fn greet(&mut self) -> Option<()> {
        let hello = self.receive()?;
        let meta = "{'handshake':'hello','meta':{'methods':['call'],'oneway':[],'attrs':[]}}";
        let header = header(self.dialect, MessageKind::CONNECTOK, hello.seq, Flags::META_ON_CONNECT);
        let welcome = frame(&header, &[], meta);
        self.send(&welcome);
        Some(())
    }
}

/// A server that answers a call with these bytes, made for its sequence number, and hangs up.
fn answering(dialect: Dialect, answer: impl Fn(u16) -> Vec<u8> + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its port").port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut end = End::new(stream.expect("a client"), dialect);
            let Some(call) = end.greet().and_then(|()| end.receive()) else {
                continue;
            };
            end.send(&answer(call.seq));
        }
    });
    format!("PYRO:thing@127.0.0.1:{port}")
}

fn proxy(uri: &str, dialect: Dialect) -> Result<Proxy> {
    Proxy::builder().dialect(dialect).build(uri)
}

const ANNOUNCEMENT: &str = "{'__class__':'Pyro4.errors.ProtocolError','__exception__':True,\
                            'args':('result of call is an iterator',),'attributes':{'_pyroTraceback':None}}";

/// The announcement of a stream with this id.
fn announcement(dialect: Dialect, seq: u16, id: Option<&[u8]>) -> Vec<u8> {
    let flags = Flags::EXCEPTION | Flags::ITEMSTREAMRESULT;
    let annotations: Vec<Annotation> = id.map(|id| (AnnotationKey::STRM, id.to_vec())).into_iter().collect();
    frame(
        &header(dialect, MessageKind::RESULT, seq, flags),
        &annotations,
        ANNOUNCEMENT,
    )
}

#[test]
fn a_stream_without_an_id_is_none() -> Result<()> {
    for dialect in DIALECTS {
        for id in [None, Some(&b""[..])] {
            let uri = answering(dialect, move |seq| announcement(dialect, seq, id));
            let error = proxy(&uri, dialect)?.call::<Items<i64>>("call", ()).unwrap_err();
            let text = "result of call is an iterator, but the server is not configured to allow streaming";
            assert_eq!((error.kind(), error.message()), (ErrorKind::Protocol, text));
        }
    }
    Ok(())
}

#[test]
fn an_announcement_that_breaks_off_is_a_lost_connection() -> Result<()> {
    for dialect in DIALECTS {
        let whole = announcement(dialect, 1, Some(b"id"));
        for length in 0..whole.len() {
            let piece = whole[..length].to_vec();
            let uri = answering(dialect, move |_| piece.clone());
            let error = proxy(&uri, dialect)?.call::<Items<i64>>("call", ()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionClosed, "{length}: {error}");
        }
    }
    Ok(())
}

#[test]
fn an_announcement_with_any_byte_flipped_is_a_stream_or_an_error() -> Result<()> {
    for dialect in DIALECTS {
        let whole = announcement(dialect, 1, Some(b"id"));
        let mut streams = 0;
        for place in 0..whole.len() {
            let mut flipped = whole.clone();
            flipped[place] ^= 0xff;
            let uri = answering(dialect, move |_| flipped.clone());
            match proxy(&uri, dialect)?.call::<Items<i64>>("call", ()) {
                Ok(mut items) => {
                    streams += 1;
                    assert!(
                        items.next().is_some_and(|item| item.is_err()),
                        "{place}: the server has gone"
                    );
                }
                Err(error) => assert!(
                    error.is_a(ErrorKind::Communication) || error.kind() == ErrorKind::Type,
                    "{place}: {error:?}"
                ),
            }
        }
        // Nobody looks at the payload, and the id may be anything.
        assert!(streams >= ANNOUNCEMENT.len(), "{streams}");
    }
    Ok(())
}

#[test]
fn results_of_a_batch_that_are_none_are_an_error() -> Result<()> {
    let wrapper = "Pyro4.futures._ExceptionWrapper";
    for dialect in DIALECTS {
        let answering = |payload: String| {
            let answer = header(dialect, MessageKind::RESULT, 1, Flags::BATCH);
            answering(dialect, move |_| frame(&answer, &[], &payload))
        };
        for payload in ["5", "'text'", "None", "{'a':1}"] {
            let uri = answering(payload.to_owned());
            let error = proxy(&uri, dialect)?.batch().call("call", ()).run().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Protocol, "{payload}: {error}");
        }
        for content in ["", "'exception':5,", "'exception':{'a':1},"] {
            let uri = answering(format!("[1,{{{content}'__class__':'{wrapper}'}},3]"));
            let results = proxy(&uri, dialect)?.batch().call("call", ()).run()?;
            let kinds: Vec<_> = results.map(|result| result.map_err(|error| error.kind())).collect();
            assert_eq!(
                kinds,
                [Ok(Value::from(1)), Err(ErrorKind::Protocol), Ok(Value::from(3))]
            );
        }
    }
    Ok(())
}

struct Desk;

#[expose]
impl Desk {
    pub fn label(&self, blob: SerializedBlob) -> Value {
        blob.info().clone()
    }
}

// Conformance: BLOB-05
#[test]
fn a_broken_label_of_a_blob_is_an_exception_and_nothing_worse() -> Result<()> {
    let daemon = server::daemon().bind()?;
    daemon.register("desk", Desk)?;
    let address = daemon.address().expect("a TCP port");
    let _running = daemon.start();
    let label = marshal::to_vec(&("the info", "desk", "label")).expect("texts");
    let mut labels: Vec<Vec<u8>> = (0..label.len()).map(|length| label[..length].to_vec()).collect();
    labels.extend((0..label.len()).map(|place| {
        let mut flipped = label.clone();
        flipped[place] ^= 0xff;
        flipped
    }));
    for dialect in DIALECTS {
        let mut end = End::new(TcpStream::connect(address).expect("the daemon listens"), dialect);
        let hello = header(dialect, MessageKind::CONNECT, 0, Flags::META_ON_CONNECT);
        end.send(&frame(&hello, &[], "{'handshake':'hello','object':'desk'}"));
        assert_eq!(end.receive().map(|answer| answer.kind), Some(MessageKind::CONNECTOK));
        let mut call = |seq: usize, label: Vec<u8>| {
            let call = header(dialect, MessageKind::INVOKE, seq as u16, Flags::KEEPSERIALIZED);
            end.send(&frame(&call, &[(AnnotationKey::BLBI, label)], "what nobody reads"));
            let answer = end.receive().expect("an answer on the same connection");
            assert_eq!(usize::from(answer.seq), seq);
            answer.flags.contains(Flags::EXCEPTION)
        };
        let taken: Vec<usize> = (0..labels.len())
            .filter(|&seq| !call(seq, labels[seq].clone()))
            .collect();
        // Only the bytes of the info may be anything: they stand behind the tuple's head and their own.
        let info = label.len() + 4;
        assert_eq!(taken, (info..info + "the info".len()).collect::<Vec<usize>>());
        assert!(!call(labels.len(), label.clone()));
    }
    Ok(())
}
