//! The network between the members of an etcd cluster, from which one can be cut off while it goes on to serve its own clients.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// Stands in front of each member's port for the others. Nothing arrives, and nothing is refused, while a cable is cut.
#[derive(Default)]
pub(crate) struct Cables {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// The members that nobody reaches, and that reach nobody: their indices, and what they call themselves.
    cut: Option<(usize, String)>,
    /// Grows whenever a member is cut off. Connections of before do not live on.
    cuts: usize,
    is_over: bool,
}

impl Cables {
    /// Lays a cable to a member: what connects to this listener gets to its port.
    pub(crate) fn lay(self: &Arc<Cables>, to: usize, listener: TcpListener, port: u16) {
        let cables = Arc::clone(self);
        thread::spawn(move || {
            for connection in listener.incoming() {
                if cables.state().is_over {
                    return;
                }
                let (Ok(connection), cables) = (connection, Arc::clone(&cables)) else {
                    continue;
                };
                thread::spawn(move || cables.connect(to, connection, port));
            }
        });
    }

    /// Cuts a member off from all others: the one with this index, which calls itself so (its id, in hexadecimal digits).
    pub(crate) fn cut(&self, index: usize, id: String) {
        let mut state = self.state();
        state.cut = Some((index, id));
        state.cuts += 1;
        drop(state);
        self.changed.notify_all();
    }

    pub(crate) fn mend(&self) {
        self.state().cut = None;
        self.changed.notify_all();
    }

    pub(crate) fn end(&self) {
        self.state().is_over = true;
        self.changed.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An error is the end of the connection, and no more than that.
    fn connect(self: Arc<Cables>, to: usize, mut near: TcpStream, port: u16) -> Option<()> {
        let begun = self.state().cuts;
        let head = head(&mut near)?;
        // Members say who they are in every request that they make of each other.
        let from = head
            .to_lowercase()
            .split_once("x-server-from: ")?
            .1
            .split_once('\r')?
            .0
            .to_owned();
        if !self.carries(to, &from, begun) {
            return None;
        }
        let mut far = TcpStream::connect(("127.0.0.1", port)).ok()?;
        far.write_all(head.as_bytes()).ok()?;
        let back = (far.try_clone().ok()?, near.try_clone().ok()?);
        let (cables, other) = (Arc::clone(&self), from.clone());
        thread::spawn(move || cables.carry(back, to, &other, begun));
        self.carry((near, far), to, &from, begun);
        Some(())
    }

    /// Carries bytes until there are no more, or the cable was cut; then nothing more arrives, not even the news of it, until it is mended.
    fn carry(&self, (mut from, mut to): (TcpStream, TcpStream), member: usize, other: &str, begun: usize) {
        let mut buffer = [0; 16 << 10];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            if !self.carries(member, other, begun) || to.write_all(&buffer[..count]).is_err() {
                break;
            }
        }
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    }

    /// Whether a connection of then still carries. Waits while it is one of the member that is cut off.
    fn carries(&self, to: usize, from: &str, begun: usize) -> bool {
        let is_cut = |state: &mut State| {
            let hit = state.cut.as_ref().is_some_and(|(index, id)| *index == to || id == from);
            hit && !state.is_over
        };
        let mut state = self.state();
        if !is_cut(&mut state) {
            return true;
        }
        state = self
            .changed
            .wait_while(state, is_cut)
            .unwrap_or_else(PoisonError::into_inner);
        state.cuts == begun
    }
}

/// The head of the first request.
fn head(connection: &mut TcpStream) -> Option<String> {
    connection.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        connection.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    connection.set_read_timeout(None).ok()?;
    String::from_utf8(head).ok()
}
