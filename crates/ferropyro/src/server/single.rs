//! The server over a connected socket of the program's own: there is one client, and nobody greets anybody (Pyro's `existingconnectionserver`).

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use super::event_loop::EventLoop;
use crate::daemon::core::Core;
use crate::daemon::watch::Watch;
use crate::logging::logger;
use crate::session::server::ServerSession;
use crate::transport::ConnectedSocket;

/// Serves the one client.
pub(super) struct Single {
    core: Arc<Core>,
    socket: Mutex<Option<ConnectedSocket>>,
}

impl Single {
    pub(super) fn new(core: Arc<Core>, socket: ConnectedSocket) -> Single {
        Single {
            core,
            socket: Mutex::new(Some(socket)),
        }
    }

    pub(super) fn be_watched(&self, watch: &Watch) {
        if let Some(socket) = &*self.socket.lock().unwrap_or_else(PoisonError::into_inner) {
            watch.add(socket);
        }
    }

    /// Serves until the client closes the connection, or the loop is stopped. The second time there is nobody left to serve.
    ///
    /// # Errors
    /// When the socket cannot be waited for.
    pub(super) async fn run(&self, tasks: &EventLoop) -> io::Result<()> {
        let socket = self.socket.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(socket) = socket else { return Ok(()) };
        let (stream, _blocking_again) = socket.into_asynchronous()?;
        tracing::info!(target: logger::EXISTINGCONNECTIONSERVER, "serving the user-supplied connected socket {}", stream.peer());
        let session = Box::new(ServerSession::without_handshake(Arc::clone(&self.core), stream.peer()));
        tasks.serve_given(stream, session).await;
        Ok(())
    }
}
