//! Sockets of the event loop: the same streams and listeners, waited for by tokio.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
#[cfg(unix)]
use std::os::fd::{AsRawFd, RawFd};
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
#[cfg(unix)]
use tokio::net::{UnixListener, UnixStream};
use tokio::time::timeout;
use tokio_rustls::TlsStream;

use super::stream::{LINGER_PIECES, LINGER_TIME, configure_accepted, give_up};
use super::{Inbox, Listener, Stream, entry};
use crate::config::Config;
use crate::peer::Peer;

/// A connected socket.
#[derive(Debug)]
pub(crate) enum AsyncStream {
    Tcp(TcpStream, SocketAddr),
    #[cfg(unix)]
    Unix(UnixStream),
    /// Either of them, encrypted.
    Tls(Box<TlsStream<AsyncStream>>),
}

/// Bytes of a read that come before anything is known of them.
const SCRATCH: usize = 64 << 10;

thread_local! {
    /// Connections that wait hold no memory: what arrives comes here first.
    static SCRATCH_PAD: RefCell<Box<[u8]>> = RefCell::new(vec![0; SCRATCH].into_boxed_slice());
}

impl AsyncStream {
    pub(crate) fn peer(&self) -> Peer {
        match self {
            AsyncStream::Tcp(_, address) => Peer::Tcp(*address),
            #[cfg(unix)]
            AsyncStream::Unix(_) => Peer::Unix,
            AsyncStream::Tls(stream) => stream.get_ref().0.peer(),
        }
    }

    /// The same socket for blocking use.
    ///
    /// # Errors
    /// Those of the system.
    pub(crate) fn into_blocking(self) -> io::Result<Stream> {
        match self {
            AsyncStream::Tcp(stream, address) => {
                let stream = stream.into_std()?;
                stream.set_nonblocking(false)?;
                Ok(Stream::Tcp(stream, address))
            }
            #[cfg(unix)]
            AsyncStream::Unix(stream) => {
                let stream = stream.into_std()?;
                stream.set_nonblocking(false)?;
                Ok(Stream::Unix(stream))
            }
            AsyncStream::Tls(stream) => {
                let (socket, connection) = entry::into_parts(*stream);
                super::TlsStream::from_parts(socket.into_blocking()?, connection).map(Stream::Tls)
            }
        }
    }

    /// Reads once. Gives the number of bytes; 0 is the end of the stream.
    pub(crate) fn poll_fill(
        &mut self,
        cx: &mut Context<'_>,
        inbox: &mut Inbox,
        wanted: usize,
    ) -> Poll<io::Result<usize>> {
        // Of a long message that much has arrived that there may be room for as much again.
        if inbox.bytes().len() >= SCRATCH {
            let mut room = ReadBuf::new(inbox.room(wanted));
            ready!(Pin::new(self).poll_read(cx, &mut room))?;
            let count = room.filled().len();
            inbox.filled(count);
            return Poll::Ready(Ok(count));
        }
        SCRATCH_PAD.with_borrow_mut(|pad| {
            let mut room = ReadBuf::new(pad);
            ready!(Pin::new(self).poll_read(cx, &mut room))?;
            inbox.append(room.filled());
            Poll::Ready(Ok(room.filled().len()))
        })
    }

    /// Whether there is nothing to read, and no end, as far as has been heard by now. Between calls a server has nothing to say: what it says then is lost. Waits
    /// for nothing.
    pub(crate) fn is_silent(&mut self) -> bool {
        let cx = &mut Context::from_waker(Waker::noop());
        let mut byte = [0];
        Pin::new(self).poll_read(cx, &mut ReadBuf::new(&mut byte)).is_pending()
    }

    /// Writes all, unless the peer takes no byte for so long.
    ///
    /// # Errors
    /// `TimedOut` then, and those of the connection.
    pub(crate) async fn send(&mut self, bytes: &[u8], stall: Option<Duration>) -> io::Result<()> {
        let mut rest = bytes;
        // Usually there is room for all of it at once.
        let count = poll_fn(|cx| match Pin::new(&mut *self).poll_write(cx, rest) {
            Poll::Pending => Poll::Ready(Ok(0)),
            ready => ready,
        })
        .await?;
        rest = rest.get(count..).unwrap_or_default();
        match rest.is_empty() {
            true if self.is_flushed().await? => Ok(()),
            // Boxed, so that connections that never come here need no room for it.
            _ => {
                let sent = Box::pin(self.send_slowly(rest, stall)).await;
                if matches!(&sent, Err(error) if error.kind() == io::ErrorKind::TimedOut) {
                    self.give_up();
                }
                sent
            }
        }
    }

    fn give_up(&self) {
        match self {
            AsyncStream::Tcp(stream, _) => give_up(&socket2::SockRef::from(stream)),
            AsyncStream::Tls(stream) => stream.get_ref().0.give_up(),
            #[cfg(unix)]
            AsyncStream::Unix(_) => {}
        }
    }

    async fn send_slowly(&mut self, mut rest: &[u8], stall: Option<Duration>) -> io::Result<()> {
        while !rest.is_empty() {
            let count = match stall {
                Some(stall) => timeout(stall, self.write(rest))
                    .await
                    .map_err(|_| io::ErrorKind::TimedOut)??,
                None => self.write(rest).await?,
            };
            if count == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            rest = rest.get(count..).unwrap_or_default();
        }
        match stall {
            Some(stall) => timeout(stall, self.flush())
                .await
                .map_err(|_| io::ErrorKind::TimedOut)?,
            None => self.flush().await,
        }
    }

    /// Whether nothing is left that TLS has kept.
    async fn is_flushed(&mut self) -> io::Result<bool> {
        poll_fn(|cx| match Pin::new(&mut *self).poll_flush(cx) {
            Poll::Pending => Poll::Ready(Ok(false)),
            Poll::Ready(flushed) => Poll::Ready(flushed.map(|()| true)),
        })
        .await
    }

    /// Ends our direction and reads what the peer still sends, so that it can read our last message. Bounded in time and size.
    pub(crate) async fn linger(&mut self) {
        let read_rest = async {
            if self.shutdown().await.is_err() {
                return;
            }
            let mut inbox = Inbox::default();
            for _ in 0..LINGER_PIECES {
                match poll_fn(|cx| self.poll_fill(cx, &mut inbox, 0)).await {
                    Ok(count @ 1..) => inbox.consume(count),
                    _ => return,
                }
            }
        };
        // Nobody is there to be told.
        let _ = timeout(LINGER_TIME, read_rest).await;
    }
}

macro_rules! on_stream {
    ($self:expr, $stream:ident => $do:expr) => {
        match $self.get_mut() {
            AsyncStream::Tcp($stream, _) => $do,
            #[cfg(unix)]
            AsyncStream::Unix($stream) => $do,
            AsyncStream::Tls($stream) => $do,
        }
    };
}

#[cfg(unix)]
impl AsRawFd for AsyncStream {
    fn as_raw_fd(&self) -> RawFd {
        match self {
            AsyncStream::Tcp(stream, _) => stream.as_raw_fd(),
            AsyncStream::Unix(stream) => stream.as_raw_fd(),
            AsyncStream::Tls(stream) => stream.get_ref().0.as_raw_fd(),
        }
    }
}

impl AsyncRead for AsyncStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, room: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let is_tls = matches!(*self, AsyncStream::Tls(_));
        match ready!(on_stream!(self, stream => Pin::new(stream).poll_read(cx, room))) {
            // Python closes sockets without a word of TLS. Nothing can be cut off unnoticed: messages tell their length.
            Err(error) if is_tls && error.kind() == io::ErrorKind::UnexpectedEof => Poll::Ready(Ok(())),
            read => Poll::Ready(read),
        }
    }
}

impl AsyncWrite for AsyncStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        on_stream!(self, stream => Pin::new(stream).poll_write(cx, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_stream!(self, stream => Pin::new(stream).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_stream!(self, stream => Pin::new(stream).poll_shutdown(cx))
    }
}

/// A listening socket.
#[derive(Debug)]
pub(crate) enum AsyncListener {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixListener),
}

impl AsyncListener {
    /// Waits with tokio for the connections of a listener, which keeps the socket.
    ///
    /// # Errors
    /// Those of the system.
    pub(crate) fn new(listener: &Listener) -> io::Result<AsyncListener> {
        match listener {
            Listener::Tcp(listener, _) => {
                let listener = listener.try_clone()?;
                listener.set_nonblocking(true)?;
                TcpListener::from_std(listener).map(AsyncListener::Tcp)
            }
            #[cfg(unix)]
            Listener::Unix(listener, _) => {
                let listener = listener.try_clone()?;
                listener.set_nonblocking(true)?;
                UnixListener::from_std(listener).map(AsyncListener::Unix)
            }
        }
    }

    /// The next connection.
    ///
    /// # Errors
    /// Those of the system; out of descriptors is one that passes.
    pub(crate) async fn accept(&self, config: &Config) -> io::Result<AsyncStream> {
        match self {
            AsyncListener::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                if let Err(error) = configure_accepted(&socket2::SockRef::from(&stream), config) {
                    // The client has gone again, most likely. Whoever reads from it will notice.
                    tracing::debug!(target: crate::logging::logger::SERVER, "socket options of {address}: {error}");
                }
                Ok(AsyncStream::Tcp(stream, address))
            }
            #[cfg(unix)]
            AsyncListener::Unix(listener) => Ok(AsyncStream::Unix(listener.accept().await?.0)),
        }
    }
}
