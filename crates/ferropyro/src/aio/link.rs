//! An async proxy's connection: a request goes out, its answer comes back.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task;
use std::time::Duration;

use tokio::io::AsyncWrite;

use crate::Result;
use crate::arguments::Arguments;
use crate::context::{self, Luggage};
use crate::proxy::conversation::{Answer, Conversation, Outgoing};
use crate::proxy::failure;
use crate::proxy::hooks::Hooks;
use crate::proxy::reply::Reading;
#[cfg(unix)]
use crate::transport::BlockingAgain;
use crate::transport::{AsyncStream, within};

/// A connection. Whoever uses it has taken it out of its proxy: when that future is dropped in the midst of a message, the connection goes with it.
pub(super) struct Link {
    pub(super) stream: AsyncStream,
    pub(super) conversation: Conversation,
    /// How long to wait for the other side to take or send some bytes.
    pub(super) timeout: Option<Duration>,
    /// Of a socket that others hold as well.
    #[cfg(unix)]
    pub(super) _blocking_again: Option<BlockingAgain>,
}

impl Link {
    /// Makes a call, and waits for its answer if there will be one.
    ///
    /// The call is borrowed for changing only so that the future can go to other threads when the arguments can.
    pub(super) async fn perform<R: Reading, A: Arguments>(
        &mut self,
        call: &mut Outgoing<'_, A>,
        luggage: &Luggage,
        hooks: &Hooks,
        reading: &mut R,
    ) -> Result<Answer<R::Result>> {
        let is_answered = self.conversation.ask(call, luggage, hooks)?;
        self.send().await?;
        if !is_answered {
            context::forget_response();
            return failure::oneway_result(reading.oneway(), call.method).map(Answer::Result);
        }
        self.receive(|conversation| {
            // Those of other calls, which this thread has made meanwhile.
            context::forget_response();
            conversation.answer(hooks, reading)
        })
        .await
    }

    /// Reads until what is waited for has been heard. That is handed over at once: no other future runs in between.
    pub(super) async fn receive<T>(
        &mut self,
        mut hear: impl FnMut(&mut Conversation) -> Result<Option<T>>,
    ) -> Result<T> {
        loop {
            if let Some(heard) = hear(&mut self.conversation)? {
                return Ok(heard);
            }
            let failure = match self.fill().await {
                Ok(0) => failure::hung_up(),
                Ok(_) => continue,
                Err(error) => failure::receiving(error),
            };
            context::forget_response();
            return Err(failure);
        }
    }

    async fn fill(&mut self) -> io::Result<usize> {
        let wanted = self.conversation.wanted();
        let Link {
            stream, conversation, ..
        } = self;
        let filling = poll_fn(|cx| stream.poll_fill(cx, &mut conversation.inbox, wanted));
        let filled = within(self.timeout, filling).await;
        filled.unwrap_or_else(|| Err(io::ErrorKind::TimedOut.into()))
    }

    /// Sends what the conversation has to say.
    pub(super) async fn send(&mut self) -> Result<()> {
        let sent = self.stream.send(self.conversation.outgoing(), self.timeout).await;
        self.conversation.clear_out();
        sent.map_err(|error| {
            context::forget_response();
            failure::sending(error)
        })
    }

    /// Tells the server which item streams nobody wants any more. What the system does not take at once goes out before the next call.
    pub(super) fn close_streams(&mut self, streams: &[String]) -> Result<()> {
        for stream in streams {
            self.conversation.begin_close(stream)?;
        }
        let sent = send_now(&mut self.stream, self.conversation.outgoing()).map_err(failure::sending)?;
        self.conversation.out.drain(..sent);
        Ok(())
    }

    /// Gives memory back that an idle connection need not hold.
    pub(super) fn rest(&mut self) {
        self.conversation.inbox.rest();
        self.conversation.out.shrink_to(IDLE_OUT);
    }
}

/// What an idle connection keeps for requests.
const IDLE_OUT: usize = 8 << 10;

/// Writes as much as there is room for, and waits for nothing. Gives the number of bytes.
fn send_now(stream: &mut AsyncStream, bytes: &[u8]) -> io::Result<usize> {
    let cx = &mut task::Context::from_waker(task::Waker::noop());
    let mut sent = 0;
    while let Some(rest @ [_, ..]) = bytes.get(sent..) {
        match Pin::new(&mut *stream).poll_write(cx, rest) {
            task::Poll::Ready(count) => sent += count?,
            task::Poll::Pending => break,
        }
    }
    match Pin::new(stream).poll_flush(cx) {
        task::Poll::Ready(Err(error)) => Err(error),
        _ => Ok(sent),
    }
}
