//! Items of an iterator as server-sent events.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use ferropyro::{RawValue, aio};
use futures_core::Stream;
use hyper::body::Bytes;
use tokio::runtime::Handle;
use tokio::time::{Sleep, sleep, timeout};
use uuid::Uuid;

use crate::call::with_id_now;
use crate::connections::Connection;
use crate::failure::Failure;
use crate::gateway::Core;
use crate::respond;

/// How long the item is waited for that nobody wants any more.
const LAST_ITEM: Duration = Duration::from_secs(5);

/// How long nothing is sent while nothing comes.
const QUIET: Duration = Duration::from_secs(15);

/// The events of an answer: one for each item, and one for the end.
pub(crate) struct Events {
    core: Arc<Core>,
    rest: Rest,
    sent: u64,
    /// Whether an item has been asked for that is not here yet.
    is_waiting: bool,
    /// Runs while nothing comes.
    quiet: Option<Pin<Box<Sleep>>>,
    /// The calls for the items have it too.
    id: Uuid,
}

/// What is still to come.
enum Rest {
    /// One result, which is no iterator.
    Value(Vec<u8>),
    /// Items, over a connection that is used for nothing else.
    Items {
        items: aio::Items<RawValue>,
        connection: Connection,
    },
    /// The last event, when no more items come.
    End,
    Nothing,
}

impl Events {
    pub(crate) fn value(core: &Arc<Core>, id: Uuid, bytes: Vec<u8>) -> Events {
        // A oneway method gives nothing.
        let rest = if bytes.is_empty() {
            Rest::End
        } else {
            Rest::Value(bytes)
        };
        Events::new(core, id, rest)
    }

    pub(crate) fn items(core: &Arc<Core>, id: Uuid, items: aio::Items<RawValue>, connection: Connection) -> Events {
        Events::new(core, id, Rest::Items { items, connection })
    }

    fn new(core: &Arc<Core>, id: Uuid, rest: Rest) -> Events {
        Events {
            core: Arc::clone(core),
            rest,
            sent: 0,
            is_waiting: false,
            quiet: None,
            id,
        }
    }

    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let next = match &mut self.rest {
            Rest::Items { items, .. } => match with_id_now(self.id, || Pin::new(items).poll_next(cx)) {
                Poll::Ready(item) => {
                    (self.is_waiting, self.quiet) = (false, None);
                    item
                }
                Poll::Pending => {
                    self.is_waiting = true;
                    return self.poll_comment(cx);
                }
            },
            rest => match std::mem::replace(rest, Rest::Nothing) {
                Rest::Value(bytes) => {
                    *rest = Rest::End;
                    return Poll::Ready(Some(self.item(&bytes)));
                }
                Rest::End => None,
                _ => return Poll::Ready(None),
            },
        };
        Poll::Ready(Some(match next {
            Some(Ok(item)) => self.item(&item.bytes),
            Some(Err(error)) => {
                self.rest = Rest::Nothing;
                let exception = Failure::from(error).exception;
                event(
                    "error",
                    &respond::exception_json(exception, self.core.settings.generation),
                )
            }
            None => {
                self.rest = Rest::Nothing;
                event("end", format!("{{\"items\": {}}}", self.sent).as_bytes())
            }
        }))
    }

    /// What means nothing, now and then: servers in between give up silent connections, and a client that is gone is found out by writing.
    fn poll_comment(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let quiet = self.quiet.get_or_insert_with(|| Box::pin(sleep(QUIET)));
        ready!(quiet.as_mut().poll(cx));
        self.quiet = None;
        // There is something to be sent at once, so this is asked again.
        Poll::Ready(Some(Bytes::from_static(b":\n\n")))
    }

    fn item(&mut self, json: &[u8]) -> Bytes {
        self.sent += 1;
        self.core.metrics.events.add();
        event("", json)
    }
}

/// The client has gone. A server that has an item on its way hears that nobody wants more once it has sent that one; without that it would keep the iterator for a while.
impl Drop for Events {
    fn drop(&mut self) {
        if let Rest::Items { mut items, connection } = std::mem::replace(&mut self.rest, Rest::Nothing)
            && self.is_waiting
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(async move {
                let _ = timeout(LAST_ITEM, items.next()).await;
                items.close();
                drop(connection);
            });
        }
    }
}

/// An event of this name; those without one are items.
fn event(name: &str, json: &[u8]) -> Bytes {
    let mut text = Vec::with_capacity(json.len() + name.len() + 20);
    if !name.is_empty() {
        text.extend_from_slice(b"event: ");
        text.extend_from_slice(name.as_bytes());
        text.push(b'\n');
    }
    // A line break of the JSON begins another line of the data; browsers put them together again.
    for line in json.split(|byte| matches!(byte, b'\n' | b'\r')) {
        text.extend_from_slice(b"data: ");
        text.extend_from_slice(line);
        text.push(b'\n');
    }
    text.push(b'\n');
    Bytes::from(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_cannot_end_an_event_or_begin_another_one() {
        assert_eq!(event("", b"[1,\r\n\n2]"), "data: [1,\ndata: \ndata: \ndata: 2]\n\n");
        assert_eq!(event("end", b"{}"), "event: end\ndata: {}\n\n");
    }
}
