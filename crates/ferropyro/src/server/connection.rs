//! One connection served by one thread.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::runner::Threads;
use crate::daemon::core::Core;
use crate::logging::logger;
use crate::session::server::{ServerSession, Step};
use crate::transport::{Inbox, Stream, is_timeout};

/// A buffer for answers above this size is not kept between calls.
const OUT_KEEP: usize = 1 << 20;

/// Serves a client until it goes, or does something that ends the connection.
pub(crate) fn serve(core: &Arc<Core>, runner: &Threads, stream: &Stream) {
    let mut session = ServerSession::new(Arc::clone(core), stream.peer());
    let mut connection = Conversation {
        core,
        stream,
        inbox: Inbox::default(),
    };
    if let Err(error) = connection.run(&mut session, |session, input| session.step(input, runner)) {
        tracing::debug!(target: logger::SERVER, "connection with {} lost: {error}", stream.peer());
    }
}

/// Waits for a client's CONNECT message, and refuses it with this text in the client's own dialect.
pub(crate) fn refuse(core: &Arc<Core>, stream: &Stream, text: &str) {
    let mut session = ServerSession::new(Arc::clone(core), stream.peer());
    let mut connection = Conversation {
        core,
        stream,
        inbox: Inbox::default(),
    };
    // Who goes before being refused needs no refusal.
    let _ = connection.run(&mut session, |session, input| session.refuse_next(input, text));
}

struct Conversation<'a> {
    core: &'a Core,
    stream: &'a Stream,
    inbox: Inbox,
}

impl Conversation<'_> {
    fn run(&mut self, session: &mut ServerSession, step: impl Fn(&mut ServerSession, &[u8]) -> Step) -> io::Result<()> {
        self.stream.set_write_timeout(self.core.config.write_timeout)?;
        let deadline = self.handshake_time().and_then(|time| Instant::now().checked_add(time));
        let mut greeted = false;
        loop {
            let next = step(session, self.inbox.bytes());
            self.send(session)?;
            match next {
                Step::Continue(length) => self.inbox.consume(length),
                Step::Close => {
                    self.stream.linger();
                    return Ok(());
                }
                Step::Read(wanted) => {
                    if !session.is_connected() {
                        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
                        self.stream.set_read_timeout(left)?;
                    } else if !greeted {
                        greeted = true;
                        self.stream.set_read_timeout(self.core.config.commtimeout)?;
                    }
                    if !self.read(session, wanted)? {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// False when the connection is over.
    fn read(&mut self, session: &mut ServerSession, wanted: usize) -> io::Result<bool> {
        match self.inbox.fill(self.stream, wanted) {
            Ok(count) => Ok(count > 0),
            Err(error) if is_timeout(&error) => {
                session.time_out();
                self.send(session)?;
                self.stream.linger();
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    fn send(&self, session: &mut ServerSession) -> io::Result<()> {
        if session.out.is_empty() {
            return Ok(());
        }
        let written = self.stream.write_all(&session.out);
        session.out.clear();
        session.out.shrink_to(OUT_KEEP);
        written
    }

    fn handshake_time(&self) -> Option<Duration> {
        let config = &self.core.config;
        match (config.handshake_timeout, config.commtimeout) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }
}
