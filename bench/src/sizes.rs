//! How many bytes a call has: asked of the bytes themselves, on their way through a relay.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use ferropyro::{Location, Serializer, Uri};

use crate::Problem;
use crate::rust_echo::Client;

/// The bytes of a request and of its reply.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    pub(crate) request: usize,
    pub(crate) reply: usize,
}

/// The sizes of an echo call to the object of this URI.
pub(crate) fn of_a_call(uri: &str, serializer: Serializer) -> Result<Sizes, Problem> {
    let uri: Uri = uri.parse()?;
    let Some(Location::Tcp { host, port }) = uri.location() else {
        return Err(format!("{uri} has no port").into());
    };
    let counts = Arc::new((AtomicUsize::new(0), AtomicUsize::new(0)));
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let relayed = format!("PYRO:{}@{}", uri.object(), listener.local_addr()?);
    let (host, port, counted) = (host.clone(), *port, Arc::clone(&counts));
    thread::spawn(move || relay(&listener, &host, port, &counted));

    let client = Client::connect(&relayed, serializer)?;
    let read = || (counts.0.load(Ordering::SeqCst), counts.1.load(Ordering::SeqCst));
    let before = read();
    client.call()?;
    let after = read();
    Ok(Sizes {
        request: after.0 - before.0,
        reply: after.1 - before.1,
    })
}

/// Connects one client with the server, until one of them closes.
fn relay(listener: &TcpListener, host: &str, port: u16, counts: &(AtomicUsize, AtomicUsize)) -> std::io::Result<()> {
    let (client, _) = listener.accept()?;
    let server = TcpStream::connect((host, port))?;
    thread::scope(|scope| {
        scope.spawn(|| pass_on(&client, &server, &counts.0));
        pass_on(&server, &client, &counts.1)
    })
}

fn pass_on(mut from: &TcpStream, mut to: &TcpStream, count: &AtomicUsize) -> std::io::Result<()> {
    let mut buffer = [0; 4096];
    loop {
        let length = from.read(&mut buffer)?;
        if length == 0 {
            return to.shutdown(std::net::Shutdown::Both);
        }
        count.fetch_add(length, Ordering::SeqCst); // before the receiver can know of it
        to.write_all(&buffer[..length])?;
    }
}
