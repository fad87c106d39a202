//! Whether a connection that nobody uses is still there.

use std::io::ErrorKind;
use std::mem::MaybeUninit;

use socket2::SockRef;

use super::Proxy;
use crate::transport::Stream;

impl Proxy {
    /// Whether there is a connection on which a call could be made, as far as this end knows: the other end may have closed it while nobody looked.
    pub(crate) fn is_alive(&self) -> bool {
        self.shared.state().link().is_some_and(|link| is_silent(&link.stream))
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
