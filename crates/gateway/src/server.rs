//! A small HTTP server that has nothing but a gateway.

use std::convert::Infallible;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use ferropyro::logging::logger;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::sleep;

use crate::Gateway;
use crate::gateway::are_logged;
use crate::patient::Patient;

/// The most bytes of the head of a request.
const MAX_HEAD: usize = 64 << 10;
/// The most headers of a request.
const MAX_HEADERS: usize = 100;
/// What those get who come when there are too many already.
const BUSY: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\nRetry-After: 1\r\n\r\n";

/// What clients may take of a [`Server`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Limits {
    /// Connections at a time; who comes then gets a status 503. Default: 4096.
    pub connections: usize,
    /// How long the head of a request may take, and how long a connection may be idle. Default: 10 seconds.
    pub head_time: Duration,
    /// How long a client may take nothing of what is sent to it. Default: 60 seconds.
    pub write_time: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections: 4096,
            head_time: Duration::from_secs(10),
            write_time: Duration::from_secs(60),
        }
    }
}

/// Serves a [`Gateway`] over HTTP/1, at the place that it is bound to.
#[derive(Debug)]
pub struct Server {
    gateway: Gateway,
    listener: TcpListener,
    address: SocketAddr,
    limits: Limits,
}

impl Server {
    /// Listens on a host, a name or an address of IPv4 or IPv6 without brackets, and a port; 0 is a free one. Of the addresses of a name, the first that can be had is
    /// taken, those of IPv4 before those of IPv6.
    ///
    /// Requests for a host that is neither `localhost` nor an address are answered only if the gateway [allows](crate::GatewayBuilder::allow_host) the host: being
    /// bound to a name does not allow it.
    ///
    /// # Errors
    /// When there is no such host, or the port cannot be had.
    pub fn bind(gateway: Gateway, host: &str, port: u16) -> io::Result<Server> {
        let mut addresses: Vec<SocketAddr> = (host, port).to_socket_addrs()?.collect();
        addresses.sort_by_key(SocketAddr::is_ipv6);
        let listener = TcpListener::bind(&*addresses)?;
        listener.set_nonblocking(true)?;
        Ok(Server {
            gateway,
            address: listener.local_addr()?,
            listener,
            limits: Limits::default(),
        })
    }

    /// The same with other limits.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Server {
        self.limits = limits;
        self
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves for ever, in a tokio runtime whose IO and time are enabled. Dropping the future stops the server for new clients; requests that are being
    /// answered go on for as long as the runtime does.
    ///
    /// # Errors
    /// When the runtime cannot take the socket.
    pub async fn run(self) -> io::Result<()> {
        let Server {
            gateway,
            listener,
            limits,
            ..
        } = self;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let places = Arc::new(Semaphore::new(limits.connections));
        loop {
            let (stream, client) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    // There are too many open files; it gets better, or it does not.
                    tracing::warn!(target: logger::HTTPGATEWAY, "cannot accept connections: {error}");
                    sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                refuse(stream);
                continue;
            };
            let conversation = converse(stream, client, gateway.clone(), limits.clone());
            tokio::spawn(async move {
                conversation.await;
                drop(place);
            });
        }
    }
}

/// The buffer of a new socket has room for this, so nothing is waited for.
fn refuse(stream: TcpStream) {
    let _ = stream.into_std().and_then(|mut stream| stream.write(BUSY));
}

async fn converse(stream: TcpStream, client: SocketAddr, gateway: Gateway, limits: Limits) {
    // Answers are short, and written at once.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|mut request: Request<Incoming>| async {
        if are_logged() {
            request.extensions_mut().insert(client);
        }
        Ok::<_, Infallible>(gateway.answer(request).await)
    });
    let conversation = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_time)
        .max_buf_size(MAX_HEAD)
        .max_headers(MAX_HEADERS)
        .serve_connection(TokioIo::new(Patient::new(stream, limits.write_time)), service);
    if let Err(error) = conversation.await {
        tracing::debug!(target: logger::HTTPGATEWAY, "a connection ended: {error}");
    }
}
