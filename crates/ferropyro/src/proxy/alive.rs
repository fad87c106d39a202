//! Whether a connection can be lent to somebody else.

use std::io::ErrorKind;
use std::mem::MaybeUninit;
use std::sync::Arc;

use socket2::SockRef;

use super::Proxy;
use crate::transport::Stream;

impl Proxy {
    /// Whether there is a connection on which a call could be made at once, as far as this end knows: the other end may have closed it while nobody
    /// looked. Not one that is in a call, nor one over which somebody may yet ask for the items of an iterator. Waits for nothing.
    pub(crate) fn is_free(&self) -> bool {
        if Arc::strong_count(&self.shared) > 1 {
            return false;
        }
        let Some(mut state) = self.shared.try_state() else {
            return false;
        };
        state.link().is_some_and(|link| is_silent(&link.stream))
    }
}

/// Whether there is nothing to read, and no end. Between calls a server has nothing to say.
fn is_silent(stream: &Stream) -> bool {
    let socket = match stream {
        Stream::Tcp(stream, _) => SockRef::from(stream),
        #[cfg(unix)]
        Stream::Unix(stream) => SockRef::from(stream),
    };
    if socket.set_nonblocking(true).is_err() {
        return false;
    }
    let peeked = socket.peek(&mut [MaybeUninit::uninit()]);
    socket.set_nonblocking(false).is_ok() && peeked.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
}
