//! What tells a program that a daemon has something to do, without doing it: for programs that drive an [`EventLoop`](crate::EventLoop) themselves, step by step.

use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Registry, Token, Waker};

use crate::logging::logger;

/// All are alike: nobody asks what has happened, only whether something has.
const ANY: Token = Token(0);
const EVENTS_AT_A_TIME: usize = 256;

/// The sockets of a daemon in one descriptor. It is readable once something has happened to one of them, until [`Watch::clear`].
///
/// What happens is noted once (edge-triggered), as the loop, which has its own notes, does all that there is to do. What stays to be done for another reason is told by
/// [`Watch::wake`].
#[derive(Debug)]
pub(crate) struct Watch {
    poll: Mutex<Poll>,
    descriptor: RawFd,
    registry: Registry,
    waker: Waker,
}

impl Watch {
    /// # Errors
    /// When the system lacks descriptors.
    pub(crate) fn new() -> io::Result<Watch> {
        let poll = Poll::new()?;
        Ok(Watch {
            descriptor: poll.as_raw_fd(),
            registry: poll.registry().try_clone()?,
            waker: Waker::new(poll.registry(), ANY)?,
            poll: Mutex::new(poll),
        })
    }

    pub(crate) fn descriptor(&self) -> RawFd {
        self.descriptor
    }

    /// Watches a socket until it is closed. An answer that the client does not take yet goes on when it does, so that is watched too.
    pub(crate) fn add(&self, socket: &impl AsRawFd) {
        let interest = Interest::READABLE | Interest::WRITABLE;
        if let Err(error) = self
            .registry
            .register(&mut SourceFd(&socket.as_raw_fd()), ANY, interest)
        {
            tracing::error!(target: logger::SERVER, "a connection cannot be watched: {error}");
        }
    }

    /// Another one looks after this socket from now on.
    pub(crate) fn remove(&self, socket: &impl AsRawFd) {
        // One that could not be watched needs no end of that.
        let _ = self.registry.deregister(&mut SourceFd(&socket.as_raw_fd()));
    }

    /// Something is to be done that no socket tells of.
    pub(crate) fn wake(&self) {
        if let Err(error) = self.waker.wake() {
            tracing::error!(target: logger::SERVER, "the program's loop cannot be woken: {error}");
        }
    }

    /// The loop is about to do all that has been noted.
    pub(crate) fn clear(&self) {
        let mut poll = self.poll.lock().unwrap_or_else(PoisonError::into_inner);
        let mut events = Events::with_capacity(EVENTS_AT_A_TIME);
        while poll.poll(&mut events, Some(Duration::ZERO)).is_ok() && events.iter().count() >= EVENTS_AT_A_TIME {}
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    use super::*;

    fn is_readable(watch: &Watch) -> bool {
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        let mut asked = [PollFd::new(&watch.registry, PollFlags::IN)];
        poll(&mut asked, Some(&now)).expect("it can be asked") == 1
    }

    #[test]
    fn what_has_happened_is_readable_until_it_is_cleared() -> io::Result<()> {
        let watch = Watch::new()?;
        let (near, mut far) = UnixStream::pair()?;
        watch.add(&near);
        watch.clear();
        assert!(!is_readable(&watch));
        far.write_all(b"one")?;
        assert!(is_readable(&watch));
        watch.clear();
        assert!(!is_readable(&watch));
        far.write_all(b"two")?;
        assert!(is_readable(&watch));
        watch.clear();
        watch.wake();
        assert!(is_readable(&watch));
        watch.clear();
        watch.remove(&near);
        far.write_all(b"three")?;
        assert!(!is_readable(&watch));
        Ok(())
    }
}
