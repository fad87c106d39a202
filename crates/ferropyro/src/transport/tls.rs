//! Encrypted streams: TLS around a plain stream.

use std::fmt;
use std::io::{self, IoSlice, Read, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, CommonState, Connection};

use super::Stream;
use super::interrupt::interrupted;
use crate::tls::{self, Certificate};

/// The most bytes that are encrypted before they are sent.
const SENT_AT_ONCE: usize = 64 << 10;

pub(super) const CLOSED_IN_HANDSHAKE: &str =
    "the other side has closed the connection in the TLS handshake: has it SSL switched on?";

/// A blocking stream with TLS. Reading and writing exclude each other; what ends them from elsewhere acts on the socket.
pub(crate) struct TlsStream {
    socket: Box<Stream>,
    connection: Mutex<Box<Connection>>,
    certificate: Option<Arc<Certificate>>,
}

impl TlsStream {
    /// Makes the client's part of the handshake, within this time.
    ///
    /// # Errors
    /// Those of the socket, `TimedOut`, and those that [`tls::explain`] has words for.
    pub(crate) fn connect(
        socket: Stream,
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
        timeout: Option<Duration>,
    ) -> io::Result<TlsStream> {
        let connection = ClientConnection::new(config, name).map_err(io::Error::other)?;
        let mut stream = TlsStream::new(socket, connection.into());
        stream.shake_hands(timeout.and_then(|timeout| Instant::now().checked_add(timeout)))?;
        stream.read_certificate()?;
        Ok(stream)
    }

    /// Goes on with a connection whose handshake is done.
    ///
    /// # Errors
    /// When the certificate of the other side cannot be read.
    pub(super) fn from_parts(socket: Stream, connection: Connection) -> io::Result<TlsStream> {
        let mut stream = TlsStream::new(socket, connection);
        stream.read_certificate()?;
        Ok(stream)
    }

    fn new(socket: Stream, mut connection: Connection) -> TlsStream {
        connection.set_buffer_limit(Some(SENT_AT_ONCE));
        TlsStream {
            socket: Box::new(socket),
            connection: Mutex::new(Box::new(connection)),
            certificate: None,
        }
    }

    fn read_certificate(&mut self) -> io::Result<()> {
        let certificate = peer_certificate(&self.lock())?;
        self.certificate = certificate;
        Ok(())
    }

    /// What the other side has shown.
    pub(super) fn certificate(&self) -> Option<&Certificate> {
        self.certificate.as_deref()
    }

    /// The stream below, which carries what is encrypted.
    pub(super) fn socket(&self) -> &Stream {
        &self.socket
    }

    pub(super) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut connection = self.lock();
        loop {
            match connection.reader().read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // Python closes sockets without a word of TLS. Nothing can be cut off unnoticed: messages tell their length.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(0),
                other => return other,
            }
            self.flush(&mut connection)?;
            self.receive(&mut connection)?;
        }
    }

    pub(super) fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        let mut connection = self.lock();
        while !bytes.is_empty() {
            let count = connection.writer().write(bytes)?;
            bytes = bytes.get(count..).unwrap_or_default();
            self.flush(&mut connection)?;
        }
        Ok(())
    }

    /// Says that nothing more will come.
    pub(super) fn say_goodbye(&self) {
        let mut connection = self.lock();
        connection.send_close_notify();
        // Who has gone already need not be told.
        let _ = self.flush(&mut connection);
    }

    /// Whether nothing has come from the other side that is meant for us, as the socket does not block. TLS has messages of its own.
    pub(super) fn is_silent(&self) -> bool {
        let mut connection = self.lock();
        loop {
            match connection.read_tls(&mut Raw(&self.socket)) {
                Ok(1..) => match connection.process_new_packets() {
                    Ok(state) if state.plaintext_bytes_to_read() == 0 && !state.peer_has_closed() => {}
                    _ => return false,
                },
                Err(error) => return error.kind() == io::ErrorKind::WouldBlock,
                Ok(_) => return false,
            }
        }
    }

    fn shake_hands(&self, deadline: Option<Instant>) -> io::Result<()> {
        let mut connection = self.lock();
        loop {
            self.flush(&mut connection)?;
            if !connection.is_handshaking() {
                return Ok(());
            }
            if let Some(deadline) = deadline {
                let left = deadline.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return Err(io::ErrorKind::TimedOut.into());
                }
                self.socket.set_read_timeout(Some(left))?;
            }
            if self.receive(&mut connection)? == 0 {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, CLOSED_IN_HANDSHAKE));
            }
        }
    }

    /// Reads once from the socket.
    fn receive(&self, connection: &mut Connection) -> io::Result<usize> {
        let count = loop {
            match connection.read_tls(&mut Raw(&self.socket)) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => interrupted()?,
                other => break other?,
            }
        };
        match connection.process_new_packets() {
            Ok(_) => Ok(count),
            Err(error) => {
                // The other side may still learn why.
                let _ = self.flush(connection);
                Err(io::Error::new(io::ErrorKind::InvalidData, error))
            }
        }
    }

    /// Sends what is encrypted and waits.
    fn flush(&self, connection: &mut Connection) -> io::Result<()> {
        while connection.wants_write() {
            match connection.write_tls(&mut Raw(&self.socket)) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Box<Connection>> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for TlsStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TlsStream({:?})", self.socket)
    }
}

/// Says goodbye, if that is possible at once.
impl Drop for TlsStream {
    fn drop(&mut self) {
        if self.socket.set_nonblocking(true).is_ok() {
            self.say_goodbye();
        }
    }
}

pub(super) fn peer_certificate(connection: &CommonState) -> io::Result<Option<Arc<Certificate>>> {
    tls::peer_certificate(connection.peer_certificates()).map_err(io::Error::other)
}

/// The socket as rustls reads and writes it.
struct Raw<'s>(&'s Stream);

impl Read for Raw<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Raw<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.write_vectored(pieces)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
