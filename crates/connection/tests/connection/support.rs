//! What the tests share: pairs of ends, and ends that speak bytes.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use ferropyro_connection::{Address, Client, Connection, Listener, Options, Result};

/// Long enough for anything that is to happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// Short enough to wait for what is not to happen.
pub(crate) const MOMENT: Duration = Duration::from_millis(50);

/// The key of the process is one for all tests that run in it: who uses it holds this meanwhile.
pub(crate) fn own_process_key() -> MutexGuard<'static, ()> {
    static IN_USE: Mutex<()> = Mutex::new(());
    IN_USE.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn key(key: &str) -> Options {
    Options::new().authkey(key)
}

pub(crate) fn listen(options: &Options) -> Listener {
    Listener::bind(("localhost", 0), options).unwrap()
}

/// A client in a thread of its own.
pub(crate) fn connect(address: &Address, options: &Options) -> JoinHandle<Result<Connection>> {
    let (address, options) = (address.clone(), options.clone());
    thread::spawn(move || Client::connect(address, &options))
}

/// What the listener and the client get, when both have been waited for.
pub(crate) fn meet(listener: &Options, client: &Options) -> (Result<Connection>, Result<Connection>) {
    let listener = listen(listener);
    let client = connect(listener.address(), client);
    let accepted = loop {
        match listener.accept_timeout(MOMENT) {
            Err(error) if error.is_timeout() && !client.is_finished() => {}
            // A client that is done has failed, or is about to be accepted.
            Err(error) if error.is_timeout() => break listener.accept_timeout(MOMENT * 10),
            accepted => break accepted,
        }
    };
    (accepted, client.join().unwrap())
}

/// The two ends of a connection.
pub(crate) fn pair(options: &Options) -> (Connection, Connection) {
    let (accepted, connected) = meet(options, options);
    (accepted.unwrap(), connected.unwrap())
}

/// The error's text.
pub(crate) fn text<T>(result: Result<T>) -> String {
    match result {
        Ok(_) => panic!("this has worked"),
        Err(error) => error.to_string(),
    }
}

/// An end that speaks bytes.
pub(crate) struct Raw(pub(crate) TcpStream);

impl Raw {
    pub(crate) fn connect(address: &Address) -> Raw {
        let Address::Inet(host, port) = address else {
            panic!("{address} is no TCP address")
        };
        let stream = TcpStream::connect((host.as_str(), *port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Raw(stream)
    }

    pub(crate) fn send(&mut self, message: &[u8]) {
        let length = u32::try_from(message.len()).unwrap().to_be_bytes();
        self.0.write_all(&[&length, message].concat()).unwrap();
    }

    pub(crate) fn recv(&mut self) -> Vec<u8> {
        let mut length = [0; 4];
        self.0.read_exact(&mut length).unwrap();
        let mut message = vec![0; u32::from_be_bytes(length) as usize];
        self.0.read_exact(&mut message).unwrap();
        message
    }

    /// Waits until the other end has closed the connection.
    pub(crate) fn wait_for_end(&mut self) {
        let mut rest = Vec::new();
        // A reset is an end too.
        let _ = self.0.read_to_end(&mut rest);
        assert_eq!(rest, b"");
    }
}
