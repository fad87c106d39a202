//! The bytes of a conversation between client and server, taken down on their way through a relay.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use ferropyro::wire::Deframer;
use ferropyro::{Dialect, Location, Serializer, Uri};

use crate::Problem;
use crate::rust_echo::Client;

/// The frames of an echo call.
#[derive(Debug, Clone)]
pub(crate) struct Recording {
    /// What a client says first.
    pub(crate) connect: Vec<u8>,
    pub(crate) request: Vec<u8>,
    pub(crate) reply: Vec<u8>,
    /// Where each connection has its own number in the request.
    pub(crate) number: Option<std::ops::Range<usize>>,
}

impl Recording {
    /// Makes calls to the object of this URI, and takes down the second one: the first may be longer.
    pub(crate) fn of_a_call(uri: &str, serializer: Serializer) -> Result<Recording, Problem> {
        Recording::of(uri, |relayed| {
            let client = Client::connect(relayed, serializer)?;
            Ok(move || client.call())
        })
    }

    /// The same in the protocol of one generation.
    pub(crate) fn in_dialect(uri: &str, serializer: Serializer, dialect: Dialect) -> Result<Recording, Problem> {
        Recording::of(uri, |relayed| {
            let client = Client::connect_in(relayed, serializer, dialect)?;
            Ok(move || client.call())
        })
    }

    /// As [`Recording::of_a_call`], for a client that connects and gives the call.
    pub(crate) fn of<C>(uri: &str, connect: impl FnOnce(&str) -> Result<C, Problem>) -> Result<Recording, Problem>
    where
        C: Fn() -> Result<(), Problem>,
    {
        let uri: Uri = uri.parse()?;
        let Some(Location::Tcp { host, port }) = uri.location() else {
            return Err(format!("{uri} has no port").into());
        };
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let relayed = format!("PYRO:{}@{}", uri.object(), listener.local_addr()?);
        let tapes = Arc::new((Tape::default(), Tape::default()));
        let (host, port, recorded) = (host.clone(), *port, Arc::clone(&tapes));
        thread::spawn(move || relay(&listener, &host, port, &recorded));

        let call = connect(&relayed)?;
        let (before, _) = (tapes.0.take(), tapes.1.take());
        call()?;
        Ok(Recording {
            connect: first_frame(&before)?,
            request: tapes.0.take(),
            reply: tapes.1.take(),
            number: None,
        })
    }

    /// The same with a number of its own for each connection, in the digits at the end of this text in the request.
    pub(crate) fn with_numbers(mut self, text: &[u8]) -> Recording {
        let start = self.request.windows(text.len()).position(|window| window == text);
        let digits = text.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
        self.number = start.map(|start| start + text.len() - digits..start + text.len());
        self
    }

    /// What the connection of this number asks.
    pub(crate) fn request_of(&self, connection: usize) -> Vec<u8> {
        let mut recording = self.clone();
        recording.number_request(connection);
        recording.request
    }

    /// Puts this number where connections have their own.
    pub(crate) fn number_request(&mut self, number: usize) {
        let mut rest = number;
        for place in self.number.clone().unwrap_or_default().rev() {
            self.request[place] = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
    }
}

fn first_frame(bytes: &[u8]) -> Result<Vec<u8>, Problem> {
    match Deframer::for_dialects(&[]).next(bytes)? {
        Some((length, _)) => Ok(bytes[..length].to_vec()),
        None => Err("the client said nothing".into()),
    }
}

/// What went in one direction.
#[derive(Default)]
struct Tape(Mutex<Vec<u8>>);

impl Tape {
    fn record(&self, bytes: &[u8]) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(bytes);
    }

    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Connects one client with the server, until one of them closes.
fn relay(listener: &TcpListener, host: &str, port: u16, tapes: &(Tape, Tape)) -> std::io::Result<()> {
    let (client, _) = listener.accept()?;
    let server = TcpStream::connect((host, port))?;
    thread::scope(|scope| {
        scope.spawn(|| pass_on(&client, &server, &tapes.0));
        pass_on(&server, &client, &tapes.1)
    })
}

fn pass_on(mut from: &TcpStream, mut to: &TcpStream, tape: &Tape) -> std::io::Result<()> {
    let mut buffer = [0; 4096];
    loop {
        let length = from.read(&mut buffer)?;
        if length == 0 {
            return to.shutdown(Shutdown::Both);
        }
        tape.record(&buffer[..length]); // before the receiver can know of it
        to.write_all(&buffer[..length])?;
    }
}
