//! Clients of Pyro4's protocols 46 and 47, which say nothing before they are greeted. The thread server keeps them where all others are kept that
//! have not sent their first message, so that whoever connects and says nothing costs no thread here either.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::beside::beside_loop;
use super::reception::Visitor;
use crate::config::ServerType;
use crate::daemon::core::Core;
use crate::session::server::{Front, ServerSession, Step};

impl Visitor {
    /// Greets a client that says nothing for as long as the session wants to wait, and waits for its first call. `None` when it has spoken.
    pub(super) async fn greet_if_silent(&mut self, core: &Core, hooks: &Semaphore) -> io::Result<Option<Front>> {
        match self.session.patience() {
            Some(patience) if !self.speaks_within(patience).await? => {}
            _ => return Ok(None),
        }
        if self.greet(core, hooks).await? == Step::Close {
            return Ok(Some(Front::Broken));
        }
        self.stream
            .send(self.session.outgoing(), core.config.write_timeout)
            .await?;
        self.session.out.clear();
        // It is connected, and may take its time as others may between two calls. An event loop has it among its connections from now on. A thread is not
        // given to one that may never call: it goes on waiting here, where there is room for so many.
        if core.config.servertype == ServerType::Multiplex {
            return Ok(Some(Front::Complete));
        }
        match core.config.commtimeout {
            Some(time) => timeout(time, self.read_message()).await??,
            None => self.read_message().await?,
        };
        // Whatever it has sent, it is to be answered as other calls are.
        Ok(Some(Front::Complete))
    }

    /// Whether the client sends something in this time.
    async fn speaks_within(&mut self, time: Duration) -> io::Result<bool> {
        if time.is_zero() {
            return Ok(false);
        }
        let Visitor {
            stream, session, inbox, ..
        } = self;
        let Front::Incomplete(wanted) = session.front(inbox.bytes()) else {
            return Ok(true);
        };
        match timeout(time, poll_fn(|cx| stream.poll_fill(cx, inbox, wanted))).await {
            Ok(Ok(0)) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => read.map(|_| true),
            Err(_) => Ok(false),
        }
    }

    /// The program's hook for handshakes is asked, if there is one, which may take its time.
    async fn greet(&mut self, core: &Core, hooks: &Semaphore) -> io::Result<Step> {
        if core.hooks.validate_handshake.is_none() {
            return Ok(self.session.speak_first());
        }
        let _turn = hooks.acquire().await;
        self.in_pool(ServerSession::speak_first).await
    }

    /// Does something with the session in a thread where it may take its time.
    pub(super) async fn in_pool<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut ServerSession) -> T + Send + 'static,
    ) -> io::Result<T> {
        let placeholder = Box::new(self.session.placeholder());
        let mut session = std::mem::replace(&mut self.session, placeholder);
        let core = Arc::clone(&session.core);
        let result;
        (result, self.session) = beside_loop(&core, move || (work(&mut session), session)).await?;
        Ok(result)
    }
}
