//! A way to a server that can be shut.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

/// Passes on what comes and goes while it is open. Its threads end when the process does.
pub(crate) struct Gate {
    address: SocketAddr,
    passing: Arc<Mutex<Passing>>,
}

#[derive(Default)]
struct Passing {
    is_shut: bool,
    connections: Vec<TcpStream>,
}

impl Gate {
    /// The way to this port of this machine.
    pub(crate) fn before(port: u16) -> Gate {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let gate = Gate {
            address: listener.local_addr().unwrap(),
            passing: Arc::default(),
        };
        let passing = Arc::clone(&gate.passing);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let mut passing = lock(&passing);
                if passing.is_shut {
                    continue;
                }
                if let Ok(server) = TcpStream::connect(("127.0.0.1", port)) {
                    for (from, to) in [(&client, &server), (&server, &client)] {
                        pass(from.try_clone().unwrap(), to.try_clone().unwrap());
                    }
                    passing.connections.extend([client, server]);
                }
            }
        });
        gate
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends all connections, and lets no other one through.
    pub(crate) fn shut(&self) {
        let mut passing = lock(&self.passing);
        passing.is_shut = true;
        for connection in passing.connections.drain(..) {
            // One that has ended already needs no end.
            let _ = connection.shutdown(Shutdown::Both);
        }
    }

    pub(crate) fn open(&self) {
        lock(&self.passing).is_shut = false;
    }
}

fn lock(passing: &Mutex<Passing>) -> MutexGuard<'_, Passing> {
    passing.lock().unwrap_or_else(PoisonError::into_inner)
}

fn pass(mut from: TcpStream, mut to: TcpStream) {
    thread::spawn(move || {
        // Either end may go at any time.
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Both);
    });
}
