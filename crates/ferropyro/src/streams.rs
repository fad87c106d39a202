//! The item streams that a daemon has handed out, until they are exhausted or nobody wants them any more.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::ErrorKind;
use crate::config::Config;
use crate::connection::Connection;
use crate::error::Raise;
use crate::object::{Call, Reply};

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
    /// When nobody can be expected any more to come back for it.
    abandoned: Option<Instant>,
}

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
    pub(crate) fn open(&self, source: Source, owner: &Arc<Connection>) -> Result<String, Raise> {
        let id = Uuid::new_v4().to_string();
        if !owner.add_stream(&id, self.most) {
            let text = format!(
                "this connection has {} item streams open, and may not have more: exhaust or close some (setting MAX_STREAMS)",
                self.most.unwrap_or_default()
            );
            return Err(Raise::new("RuntimeError", text));
        }
        let stream = Stream {
            owner: Arc::clone(owner),
            source: Some(source),
            ends: self.lifetime.map(|lifetime| Instant::now() + lifetime),
            abandoned: None,
        };
        self.lock().insert(id.clone(), stream);
        Ok(id)
    }

    /// Answers a call with the next item of a stream.
    pub(crate) fn next(&self, id: &str, call: Call<'_>) -> Result<Reply, Raise> {
        let mut taken = self.take(id, call.context().connection())?;
        let result = (taken.source)(call);
        if result.is_ok() {
            taken.is_over = false;
        }
        result
    }

    /// Takes a stream's source out to make an item. Who asks for it owns it from now on.
    fn take(&self, id: &str, client: &Arc<Connection>) -> Result<Taken<'_>, Raise> {
        let mut open = self.lock();
        let stream = open
            .get_mut(id)
            .filter(|stream| !stream.is_over(Instant::now()))
            .ok_or_else(|| Raise::new(ErrorKind::Pyro.class(), "item stream terminated"))?;
        // Python's words for a generator that is asked by two at a time.
        let busy = || Raise::new("ValueError", "generator already executing");
        let source = stream.source.take().ok_or_else(busy)?;
        stream.abandoned = None;
        if !Arc::ptr_eq(&stream.owner, client) {
            stream.owner.remove_stream(id);
            client.add_stream(id, None);
            stream.owner = Arc::clone(client);
        }
        Ok(Taken {
            streams: self,
            id: id.to_owned(),
            source,
            is_over: true,
        })
    }

    /// Forgets a stream; an unknown id is no error.
    pub(crate) fn close(&self, id: &str) {
        let closed = self.lock().remove(id);
        if let Some(stream) = closed {
            stream.owner.remove_stream(id);
        }
    }

    /// The connection that had these streams is over: they stay for a while, in case somebody comes back for them.
    pub(crate) fn abandon(&self, ids: &[String]) {
        if self.linger.is_zero() {
            return ids.iter().for_each(|id| self.close(id));
        }
        let until = Instant::now() + self.linger;
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
        is_past(self.ends) || is_past(self.abandoned)
    }
}

/// A source that makes an item, and goes back to its place afterwards: unless it is over, panicked, or was closed meanwhile.
struct Taken<'s> {
    streams: &'s Streams,
    id: String,
    source: Source,
    is_over: bool,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        if self.is_over {
            return self.streams.close(&self.id);
        }
        if let Some(stream) = self.streams.lock().get_mut(&self.id) {
            let source = std::mem::replace(&mut self.source, Box::new(|call| call.refuse()));
            stream.source = Some(source);
        }
    }
}
