//! The item streams that a daemon has handed out, until they are exhausted or nobody wants them any more.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::ErrorKind;
use crate::config::Config;
use crate::connection::Connection;
use crate::error::Raise;
use crate::logging::{Clipped, logger};
use crate::object::answer::STOP;
use crate::object::{Call, Reply};
use crate::panics::drop_contained;

/// Answers a call with the next item; an exception is the end.
pub(crate) type Source = Box<dyn FnMut(Call<'_>) -> Result<Reply, Raise> + Send>;

/// The streams of a daemon, by their ids.
pub(crate) struct Streams {
    lifetime: Option<Duration>,
    linger: Duration,
    most: Option<usize>,
    open: Mutex<HashMap<String, Stream>>,
}

struct Stream {
    /// Who got it, or used it last.
    owner: Arc<Connection>,
    /// Not there while it makes an item.
    source: Option<Source>,
    /// When its lifetime is over.
    ends: Option<Instant>,
    /// Since its owner is gone: when nobody can be expected any more to come back for it.
    abandoned: Option<Abandoned>,
    /// The method that made it, for the log.
    origin: Arc<str>,
}

/// When an abandoned stream ends; `None` is never.
type Abandoned = Option<Instant>;

/// The most streams of a daemon. Connections come and go faster than the streams that they leave behind.
const MOST_OF_ALL: usize = 10_000;

impl Streams {
    pub(crate) fn new(config: &Config) -> Streams {
        Streams {
            lifetime: config.iter_stream_lifetime,
            linger: config.iter_stream_linger,
            most: config.max_streams,
            open: Mutex::default(),
        }
    }

    /// Keeps a stream for a client; gives the id by which it asks for items.
    pub(crate) fn open(&self, source: Source, owner: &Arc<Connection>, origin: String) -> Result<String, Raise> {
        let id = Uuid::new_v4().to_string();
        let stream = Stream {
            owner: Arc::clone(owner),
            source: Some(source),
            // A time beyond all times is never.
            ends: self.lifetime.and_then(|lifetime| Instant::now().checked_add(lifetime)),
            abandoned: None,
            origin: origin.into(),
        };
        let displaced = self.insert(&id, stream)?;
        drop_contained("dropping an item stream", displaced);
        Ok(id)
    }

    /// Puts a stream into the table. When that is full, one goes whose client has gone; gives what has to be dropped.
    fn insert(&self, id: &str, stream: Stream) -> Result<Option<Stream>, Raise> {
        let mut open = self.lock();
        if !stream.owner.add_stream(id, self.most) {
            return Err(self.too_many());
        }
        let mut displaced = None;
        if open.len() >= MOST_OF_ALL {
            let oldest = open.iter().filter_map(|(id, stream)| Some((stream.abandoned?, id)));
            let Some(oldest) = oldest.min().map(|(_, id)| id.clone()) else {
                stream.owner.remove_stream(id);
                let text = format!("this daemon has {MOST_OF_ALL} item streams open, and cannot have more");
                return Err(Raise::new("RuntimeError", text));
            };
            displaced = open.remove(&oldest);
        }
        open.insert(id.to_owned(), stream);
        Ok(displaced)
    }

    fn too_many(&self) -> Raise {
        let text = format!(
            "this connection has {} item streams open, and may not have more: exhaust or close some (setting MAX_STREAMS)",
            self.most.unwrap_or_default()
        );
        Raise::new("RuntimeError", text)
    }

    /// Answers a call with the next item of a stream.
    pub(crate) fn next(&self, id: &str, call: Call<'_>) -> Result<Reply, Raise> {
        let mut taken = self.take(id, call.context().connection())?;
        let result = (taken.source)(call);
        match &result {
            Ok(_) => taken.is_over = false,
            Err(raise) if raise.0.class == STOP => {}
            Err(raise) => {
                let raised = raise.to_string();
                tracing::warn!(target: logger::SERVER, "the items of {} ended with {}", taken.origin, Clipped(&raised));
            }
        }
        result
    }

    /// Takes a stream's source out to make an item. Who asks for it owns it from now on.
    fn take<'s>(&'s self, id: &'s str, client: &Arc<Connection>) -> Result<Taken<'s>, Raise> {
        let mut open = self.lock();
        // A oneway call may come after the end of its connection. It would take the stream over, and nobody would ever end it.
        let stream = open
            .get_mut(id)
            .filter(|_| !client.is_closed())
            .filter(|stream| !stream.is_over(Instant::now()))
            .ok_or_else(|| Raise::new(ErrorKind::Pyro.class(), "item stream terminated"))?;
        // Python's words for a generator that is asked by two at a time.
        let busy = || Raise::new("ValueError", "generator already executing");
        if stream.source.is_none() {
            return Err(busy());
        }
        if !Arc::ptr_eq(&stream.owner, client) {
            if !client.add_stream(id, self.most) {
                return Err(self.too_many());
            }
            stream.owner.remove_stream(id);
            stream.owner = Arc::clone(client);
        }
        stream.abandoned = None;
        Ok(Taken {
            streams: self,
            id,
            origin: Arc::clone(&stream.origin),
            source: stream.source.take().ok_or_else(busy)?,
            is_over: true,
        })
    }

    /// Forgets a stream; an unknown id is no error.
    pub(crate) fn close(&self, id: &str) {
        let closed = self.lock().remove(id);
        if let Some(stream) = closed {
            stream.owner.remove_stream(id);
            drop_contained("dropping an item stream", stream);
        }
    }

    /// The connection that had these streams is over: they stay for a while, in case somebody comes back for them.
    pub(crate) fn abandon(&self, ids: &[String]) {
        if self.linger.is_zero() {
            return ids.iter().for_each(|id| self.close(id));
        }
        let until = Instant::now().checked_add(self.linger);
        let mut open = self.lock();
        for id in ids {
            // Somebody else may have taken it over by now.
            if let Some(stream) = open.get_mut(id).filter(|stream| stream.owner.is_closed()) {
                stream.abandoned = Some(until);
            }
        }
    }

    /// Drops the streams whose time is over.
    pub(crate) fn expire(&self) {
        let now = Instant::now();
        let over: Vec<(String, Stream)> = self.lock().extract_if(|_, stream| stream.is_over(now)).collect();
        for (id, stream) in over {
            stream.owner.remove_stream(&id);
            drop_contained("dropping an item stream", stream);
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Stream>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stream {
    fn is_over(&self, now: Instant) -> bool {
        let is_past = |deadline: Option<Instant>| deadline.is_some_and(|deadline| deadline <= now);
        is_past(self.ends) || is_past(self.abandoned.flatten())
    }
}

/// A source that makes an item, and goes back to its place afterwards: unless it is over, panicked, or was closed meanwhile.
struct Taken<'s> {
    streams: &'s Streams,
    id: &'s str,
    origin: Arc<str>,
    source: Source,
    is_over: bool,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        let source = std::mem::replace(&mut self.source, Box::new(|call| call.refuse()));
        if self.is_over {
            self.streams.close(self.id);
        } else if let Some(stream) = self.streams.lock().get_mut(self.id) {
            stream.source = Some(source);
            return;
        }
        drop_contained("dropping an item stream", source);
    }
}
