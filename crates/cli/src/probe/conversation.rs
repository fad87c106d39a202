//! The bytes that a probe sends, and what it makes of the answers. Every wait has a deadline; no answer is trusted.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use ferropyro::formats::{marshal, serpent};
use ferropyro::wire::{Deframer, Flags, FrameBuilder, FrameSettings, Header, MessageKind, NO_ANNOTATIONS, Serializer};
use ferropyro::{DAEMON_ID, Dialect, Dict, Location, Value};

use super::finding::{Finding, first_line, stranger};

/// How long a server that speaks first gets for its first word.
const GREETING_TIME: Duration = Duration::from_millis(300);
/// More than this of an answer is not read.
const MAX_ANSWER: usize = 64 << 10;

/// Finds out what is listening there, with at most four connections. `timeout` is for each of them.
pub(crate) fn probe(location: &Location, timeout: Duration) -> Finding {
    match (Probe { location, timeout }).run() {
        Ok(finding) => finding,
        Err(error) => Finding::Closed(error.to_string()),
    }
}

struct Probe<'a> {
    location: &'a Location,
    timeout: Duration,
}

/// What came back over a connection.
enum Answer {
    Bytes(Vec<u8>),
    /// It was closed without a byte.
    Closed,
    Nothing,
}

impl Probe<'_> {
    /// An error means that there is no connection.
    fn run(&self) -> io::Result<Finding> {
        let mut first = self.connect()?;
        // Pyro 3, Pyro4 up to 4.37, and many others speak first.
        if let Answer::Bytes(greeting) = read(&mut first, GREETING_TIME.min(self.timeout), |_| true) {
            return Ok(judge(&greeting));
        }
        match self.ask(first, &connect_message(Dialect::V502)) {
            Answer::Bytes(bytes) => match judge(&bytes) {
                Finding::Pyro { versions, remark } => Ok(self.ask_in_pyro4(versions, remark)),
                other => Ok(other),
            },
            answer => self.ask_strangers(matches!(answer, Answer::Closed)),
        }
    }

    /// Real servers answer every question in their own version; ferropyro answers each in the version of the question.
    fn ask_in_pyro4(&self, versions: Vec<u16>, remark: Option<String>) -> Finding {
        let second = self
            .connect()
            .map(|stream| self.ask(stream, &connect_message(Dialect::V48)));
        let Ok(Answer::Bytes(bytes)) = second else {
            return Finding::Pyro { versions, remark };
        };
        match judge(&bytes) {
            Finding::Pyro { versions: other, .. } if other != versions => Finding::Pyro {
                versions: [other, versions].concat(),
                remark,
            },
            // What a server says to those who speak its own language is what counts.
            Finding::Pyro { versions, remark: own } if versions == [Dialect::V48.version()] => {
                Finding::Pyro { versions, remark: own }
            }
            _ => Finding::Pyro { versions, remark },
        }
    }

    /// No Pyro; perhaps it answers to what others say.
    fn ask_strangers(&self, mut hangs_up: bool) -> io::Result<Finding> {
        for question in [&b"GET / HTTP/1.0\r\n\r\n"[..], &client_hello()] {
            match self.ask(self.connect()?, question) {
                Answer::Bytes(bytes) => return Ok(judge(&bytes)),
                Answer::Closed => hangs_up = true,
                Answer::Nothing => {}
            }
        }
        Ok(if hangs_up { Finding::HangsUp } else { Finding::Silent })
    }

    /// Sends a message and reads the answer to it.
    fn ask(&self, mut stream: Stream, message: &[u8]) -> Answer {
        match stream
            .set_timeouts(self.timeout)
            .and_then(|()| stream.write_all(message))
        {
            Ok(()) => read(&mut stream, self.timeout, is_complete),
            Err(_) => Answer::Closed,
        }
    }

    fn connect(&self) -> io::Result<Stream> {
        match self.location {
            Location::Tcp { host, port } => self.connect_tcp(host, *port),
            #[cfg(unix)]
            Location::Unix(path) => UnixStream::connect(path).map(Stream::Unix),
            #[cfg(not(unix))]
            Location::Unix(_) => Err(io::Error::other("this system has no Unix domain sockets")),
        }
    }

    fn connect_tcp(&self, host: &str, port: u16) -> io::Result<Stream> {
        let mut result = Err(io::Error::other("the name has no address"));
        for address in (host, port).to_socket_addrs()? {
            result = TcpStream::connect_timeout(&address, self.timeout);
            if result.is_ok() {
                break;
            }
        }
        result.map(Stream::Tcp)
    }
}

/// A CONNECT message for the daemon's own object, which every server has.
fn connect_message(dialect: Dialect) -> Vec<u8> {
    let payload = Dict::from([("handshake", "hello"), ("object", DAEMON_ID)]);
    let mut out = Vec::new();
    let Some(serializer) = Serializer::Serpent.id(dialect) else {
        return out;
    };
    let header = Header {
        flags: Flags::META_ON_CONNECT,
        ..Header::new(dialect, MessageKind::CONNECT, serializer)
    };
    let settings = FrameSettings::default();
    // Neither can fail: there are no annotations, and the payload is short.
    if let Ok(mut frame) = FrameBuilder::begin(&mut out, &header, NO_ANNOTATIONS, &settings) {
        let _ = serpent::append(frame.payload(), &payload, &serpent::Options::default());
        let _ = frame.finish();
    }
    out
}

/// The start of a TLS 1.2 conversation, with as little in it as will get an answer.
fn client_hello() -> Vec<u8> {
    let random = [0x5a; 32];
    let suites = [0xc0, 0x2f, 0xc0, 0x30, 0x00, 0x9c, 0x00, 0x2f];
    let mut body = vec![3, 3];
    body.extend(random);
    body.extend([0, 0, suites.len() as u8]);
    body.extend(suites);
    body.extend([1, 0]);
    let mut record = vec![0x16, 3, 1, 0, body.len() as u8 + 4, 1, 0, 0, body.len() as u8];
    record.extend(body);
    record
}

/// Reads until there is enough, or the connection or the time is over.
fn read(stream: &mut Stream, timeout: Duration, enough: impl Fn(&[u8]) -> bool) -> Answer {
    let deadline = Instant::now() + timeout;
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    while bytes.len() < MAX_ANSWER && (bytes.is_empty() || !enough(&bytes)) {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() || stream.set_timeouts(left).is_err() {
            break;
        }
        match stream.read(&mut piece) {
            Ok(0) if bytes.is_empty() => return Answer::Closed,
            Ok(0) => break,
            Ok(count) => bytes.extend_from_slice(&piece[..count]),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => break,
            Err(_) if bytes.is_empty() => return Answer::Closed,
            Err(_) => break,
        }
    }
    if bytes.is_empty() {
        Answer::Nothing
    } else {
        Answer::Bytes(bytes)
    }
}

/// Whether it is no Pyro message, or a complete one.
fn is_complete(bytes: &[u8]) -> bool {
    match version(bytes) {
        Some(version) => Dialect::from_version(version).is_none_or(|dialect| {
            let next = Deframer::for_dialect(dialect).next(bytes).map(|found| found.is_some());
            next.unwrap_or(true)
        }),
        None => bytes.len() >= 6 || !b"PYRO".starts_with(&bytes[..bytes.len().min(4)]),
    }
}

/// The number behind `PYRO`.
fn version(bytes: &[u8]) -> Option<u16> {
    match bytes {
        [b'P', b'Y', b'R', b'O', high, low, ..] => Some(u16::from_be_bytes([*high, *low])),
        _ => None,
    }
}

fn judge(bytes: &[u8]) -> Finding {
    match version(bytes) {
        Some(version) => Finding::Pyro {
            versions: vec![version],
            remark: refusal(version, bytes),
        },
        None => stranger(bytes),
    }
}

/// The text of a CONNECTFAIL message. One that complains of our version is no news.
fn refusal(version: u16, bytes: &[u8]) -> Option<String> {
    let dialect = Dialect::from_version(version)?;
    let mut deframer = Deframer::for_dialect(dialect);
    let (_, message) = match deframer.next(bytes) {
        Ok(found) => found?,
        // It is signed: the server wants a key.
        Err(error) => return error.is_security().then(|| error.to_string()),
    };
    if message.header.kind != MessageKind::CONNECTFAIL {
        return None;
    }
    let text: Option<Value> = match message.header.serializer_kind()? {
        Serializer::Marshal => marshal::from_slice(&message.payload).ok(),
        Serializer::Serpent => serpent::from_slice(&message.payload).ok(),
        _ => None,
    };
    let text = first_line(text?.as_str()?.as_bytes());
    let is_about_version = text.starts_with("invalid protocol version") || text.starts_with("invalid data");
    (!is_about_version).then_some(text)
}

/// A connection whose waits end.
enum Stream {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

impl Stream {
    fn set_timeouts(&self, timeout: Duration) -> io::Result<()> {
        let timeout = Some(timeout);
        match self {
            Stream::Tcp(stream) => stream
                .set_read_timeout(timeout)
                .and_then(|()| stream.set_write_timeout(timeout)),
            #[cfg(unix)]
            Stream::Unix(stream) => stream
                .set_read_timeout(timeout)
                .and_then(|()| stream.set_write_timeout(timeout)),
        }
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => stream.read(buffer),
            #[cfg(unix)]
            Stream::Unix(stream) => stream.read(buffer),
        }
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Stream::Tcp(stream) => stream.write_all(bytes),
            #[cfg(unix)]
            Stream::Unix(stream) => stream.write_all(bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_questions_are_well_formed() {
        for dialect in [Dialect::V48, Dialect::V502] {
            let message = connect_message(dialect);
            let mut deframer = Deframer::for_dialect(dialect);
            let (length, found) = deframer.next(&message).unwrap().unwrap();
            assert_eq!((length, found.header.kind), (message.len(), MessageKind::CONNECT));
        }
        let hello = client_hello();
        assert_eq!(usize::from(hello[4]) + 5, hello.len());
        assert_eq!(usize::from(hello[8]) + 9, hello.len());
    }

    #[test]
    fn any_bytes_get_a_judgement() {
        let greetings: [&[u8]; 7] = [
            b"",
            b"P",
            b"PYRO",
            b"PYRO\0",
            b"PYRO\xff\xff",
            b"PYRO\0\x30garbage",
            b"\xff\x00\x16\x03",
        ];
        for bytes in greetings {
            is_complete(bytes);
            assert!(!judge(bytes).peer().is_empty());
        }
    }
}
