//! Clients of Pyro4's protocols 46 and 47, which say nothing before they are greeted. They are kept where all others are kept that have not sent their
//! first message, so that whoever connects and says nothing costs no thread here either.

use std::future::poll_fn;
use std::io;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::reception::Visitor;
use crate::daemon::core::Core;
use crate::session::server::{Front, Step};

impl Visitor {
    /// Greets a client that says nothing for as long as the session wants to wait, and waits for its first call. `None` when it has spoken.
    pub(super) async fn greet_if_silent(&mut self, core: &Core) -> io::Result<Option<Front>> {
        match self.session.patience() {
            Some(patience) if !self.speaks_within(patience).await? => {}
            _ => return Ok(None),
        }
        if self.greet().await? == Step::Close {
            return Ok(Some(Front::Broken));
        }
        self.stream.send(&self.session.out, core.config.write_timeout).await?;
        self.session.out.clear();
        // It is connected, and may take its time as others may between two calls.
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
        let Visitor { stream, session, inbox } = self;
        let Front::Incomplete(wanted) = session.front(inbox.bytes()) else {
            return Ok(true);
        };
        match timeout(time, poll_fn(|cx| stream.poll_fill(cx, inbox, wanted))).await {
            Ok(Ok(0)) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => read.map(|_| true),
            Err(_) => Ok(false),
        }
    }

    /// The program's hook for handshakes is asked, which may take its time.
    async fn greet(&mut self) -> io::Result<Step> {
        let placeholder = Box::new(self.session.placeholder());
        let mut session = std::mem::replace(&mut self.session, placeholder);
        let greet = spawn_blocking(move || (session.speak_first(), session));
        let step;
        (step, self.session) = greet.await?;
        Ok(step)
    }
}
