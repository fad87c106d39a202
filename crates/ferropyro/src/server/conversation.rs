//! One connection served by one thread.

use std::io;
use std::sync::Arc;

use super::oneways::{Oneways, runtime};
use crate::daemon::core::Core;
use crate::logging::logger;
use crate::session::incoming::Incoming;
use crate::session::server::{Progress, ServerSession, Step};
use crate::transport::{Inbox, Stream};

/// A buffer for answers above this size goes when it is not needed. While answers are long it stays: to get as much again from the system takes longer than
/// to send it.
const OUT_KEEP: usize = 1 << 20;

/// A client whose first message is there, and its socket, which others may shut down meanwhile.
pub(super) struct Guest {
    pub(super) stream: Arc<Stream>,
    pub(super) session: Box<ServerSession>,
    pub(super) inbox: Inbox,
}

/// Serves a client until it goes, or does something that ends the connection.
pub(super) fn serve(core: &Core, oneways: &Oneways, guest: Guest) {
    let stream = Arc::clone(&guest.stream);
    if let Err(error) = converse(core, oneways, guest) {
        tracing::debug!(target: logger::SERVER, "connection with {} lost: {error}", stream.peer());
    }
}

fn converse(core: &Core, oneways: &Oneways, guest: Guest) -> io::Result<()> {
    let Guest {
        stream,
        mut session,
        inbox,
    } = guest;
    let mut inbox = inbox.waiting_for_all(core.config.use_msg_waitall);
    stream.set_write_timeout(core.config.write_timeout)?;
    stream.set_read_timeout(core.config.commtimeout)?;
    loop {
        let next = match session.step(inbox.bytes()) {
            Progress::Step(step) => step,
            Progress::Call(call) if call.is_asynchronous() => wait_for(call, oneways)?,
            Progress::Call(call) => call.run(oneways),
        };
        send(&mut session, &stream)?;
        match next {
            Step::Continue(length) => inbox.consume(length),
            Step::Close => {
                stream.linger();
                return Ok(());
            }
            Step::Read(wanted) => {
                if inbox.fill(&stream, wanted)? == 0 {
                    return Ok(());
                }
            }
        }
    }
}

/// Runs an async method: this thread waits for it.
fn wait_for(call: Incoming<'_>, oneways: &Oneways) -> io::Result<Step> {
    Ok(runtime()?.block_on(call.run_async(oneways)))
}

fn send(session: &mut ServerSession, stream: &Stream) -> io::Result<()> {
    if session.out.is_empty() {
        return Ok(());
    }
    let is_needed = session.out.len() >= OUT_KEEP / 4;
    let written = stream.write_all(session.outgoing());
    session.out.clear();
    if !is_needed {
        session.out.shrink_to(OUT_KEEP);
    }
    written
}
