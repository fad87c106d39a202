//! A blocking proxy's connection: a request goes out, its answer comes back.

use std::time::Duration;

use super::conversation::{Answer, Conversation, Outgoing};
use super::failure;
use super::hooks::Hooks;
use super::reply::Reading;
use crate::Result;
use crate::arguments::Arguments;
use crate::context::Luggage;
use crate::transport::Stream;

/// A connection that has passed the handshake.
pub(super) struct Link {
    pub(super) stream: Stream,
    pub(super) conversation: Conversation,
}

impl Link {
    /// Makes a call, and waits for its answer if there will be one.
    pub(super) fn perform<R: Reading, A: Arguments>(
        &mut self,
        call: &Outgoing<'_, A>,
        luggage: &Luggage,
        hooks: &Hooks,
        reading: &mut R,
    ) -> Result<Answer<R::Result>> {
        let is_answered = self.conversation.ask(call, luggage, hooks)?;
        // In one go, so that what is let go of for that is so once.
        hooks.wait(|| {
            self.send()?;
            if is_answered { self.fill() } else { Ok(()) }
        })?;
        if !is_answered {
            return failure::oneway_result(reading.oneway(), call.method).map(Answer::Result);
        }
        loop {
            if let Some(answer) = self.conversation.answer(hooks, reading)? {
                return Ok(answer);
            }
            hooks.wait(|| self.fill())?;
        }
    }

    /// Reads until what is waited for has been heard.
    pub(super) fn receive<T>(&mut self, mut hear: impl FnMut(&mut Conversation) -> Result<Option<T>>) -> Result<T> {
        loop {
            if let Some(heard) = hear(&mut self.conversation)? {
                return Ok(heard);
            }
            self.fill()?;
        }
    }

    /// Waits for something of the next message.
    fn fill(&mut self) -> Result<()> {
        let wanted = self.conversation.wanted();
        match self.conversation.inbox.fill(&self.stream, wanted) {
            Ok(0) => Err(failure::hung_up()),
            Ok(_) => Ok(()),
            Err(error) => Err(failure::receiving(error)),
        }
    }

    /// How long to wait for the other side to take or send some bytes.
    pub(super) fn set_timeout(&self, timeout: Option<Duration>) -> Result<()> {
        let set = self.stream.set_read_timeout(timeout);
        set.and_then(|()| self.stream.set_write_timeout(timeout))
            .map_err(|error| failure::lost("connection lost", error))
    }

    /// Sends what the conversation has to say.
    pub(super) fn send(&mut self) -> Result<()> {
        let sent = self.stream.write_all(self.conversation.outgoing());
        self.conversation.clear_out();
        sent.map_err(failure::sending)
    }
}
