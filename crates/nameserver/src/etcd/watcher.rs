//! Tells a history what changes, whoever changes it, without gap and without repetition, whatever becomes of connections and members.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use etcd_client::{EventType, WatchOptions, WatchResponse, WatchStream};
use ferropyro::naming::NAMESERVER_ID;
use tokio::time::{sleep, timeout};

use super::cluster::Kind;
use super::failure::Failure;
use super::list::Snapshot;
use super::names::Names;
use crate::store::{Event, History};

/// After this time without a word etcd is asked for one, and after the same time again it counts as gone.
const SILENCE: Duration = Duration::from_secs(2);
/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(100);

/// What is known of the names, and whom to tell.
pub(super) struct Watcher {
    names: Names,
    history: Arc<History>,
    /// The history has everything up to here; `None` before it begins.
    known: Option<i64>,
    /// When each name was changed last. What happened meanwhile can be told from it when etcd has forgotten.
    mirror: HashMap<Arc<str>, i64>,
    /// The last complaint.
    trouble: String,
}

/// Why watching ended.
enum End {
    /// etcd has forgotten what comes next.
    Compacted,
    Trouble(String),
}

impl From<Failure> for End {
    fn from(failure: Failure) -> End {
        End::Trouble(failure.to_string())
    }
}

impl From<etcd_client::Error> for End {
    fn from(error: etcd_client::Error) -> End {
        End::Trouble(error.to_string())
    }
}

impl Watcher {
    pub(super) fn new(names: Names, history: Arc<History>) -> Watcher {
        Watcher {
            names,
            history,
            known: None,
            mirror: HashMap::new(),
            trouble: String::new(),
        }
    }

    /// Takes down what is there now: the history begins here.
    pub(super) async fn begin(&mut self) -> Result<(), Failure> {
        let now = self.names.snapshot("", |_| true).await?;
        self.mirror = now.names.into_iter().map(|kept| (kept.name, kept.revision)).collect();
        self.known = Some(now.revision);
        self.history.begin_at(number(now.revision));
        Ok(())
    }

    /// Watches for as long as the store is open.
    pub(super) async fn run(mut self) {
        loop {
            let index = self.names.cluster.current();
            let end = match self.follow(index).await {
                Err(End::Compacted) => match self.catch_up().await {
                    Ok(()) => continue,
                    Err(failure) => failure.to_string(),
                },
                Err(End::Trouble(text)) => text,
                // The stream has ended.
                Ok(()) => "etcd has ended the watch".to_owned(),
            };
            self.names.cluster.leave(index);
            if self.trouble != end {
                tracing::warn!("etcd: {} watches no more: {end}", self.names.cluster.address(index));
                self.trouble = end;
            }
            sleep(PAUSE).await;
        }
    }

    /// Watches at one endpoint, from where the history ends, until something happens.
    async fn follow(&mut self, index: usize) -> Result<(), End> {
        let now = self.names.revision().await?;
        let known = match self.known {
            Some(known) if known <= now => known,
            known => {
                if known.is_some() {
                    tracing::warn!(
                        "etcd has gone back in time, to revision {now}: watchers have to list all names anew"
                    );
                }
                self.begin().await?;
                self.known.unwrap_or(now)
            }
        };
        let mut stream = timeout(SILENCE, self.watch(index, known + 1))
            .await
            .map_err(|_| silence())??;
        // Changes of revisions that are not complete yet.
        let mut pending = Vec::new();
        loop {
            let response = next(&mut stream).await?;
            let Some(response) = response else { return Ok(()) };
            if response.compact_revision() > 0 {
                return Err(End::Compacted);
            }
            if response.canceled() {
                return Err(End::Trouble(response.cancel_reason().to_owned()));
            }
            self.trouble.clear();
            pending.extend(response.events().iter().filter_map(|event| self.event(event)));
            if !response.0.fragment {
                self.record(std::mem::take(&mut pending));
            }
        }
    }

    async fn watch(&self, index: usize, revision: i64) -> Result<WatchStream, etcd_client::Error> {
        let (first, end) = self.names.keys.range("");
        let options = WatchOptions::new()
            .with_range(end)
            .with_start_revision(revision)
            .with_progress_notify()
            .with_fragment();
        self.names
            .cluster
            .clients(index)
            .watch
            .watch(first, Some(options))
            .await
    }

    /// Finds out what has happened since the history ended, and takes it down as if it had happened now.
    async fn catch_up(&mut self) -> Result<(), Failure> {
        let Snapshot { revision, names } = self.names.snapshot("", |_| true).await?;
        if self.known.is_none_or(|known| known >= revision) {
            // What was asked for lies before what is known: this is another cluster's time.
            return self.begin().await;
        }
        let mut gone = self.mirror.clone();
        let mut events = Vec::new();
        for kept in names {
            if gone.remove(&kept.name) != Some(kept.revision) {
                events.push((kept.name, Some(Arc::new(kept.entry)), kept.revision));
            }
        }
        events.extend(gone.into_keys().map(|name| (name, None, revision)));
        for (name, entry, changed) in &events {
            self.note(name, entry.is_some().then_some(*changed));
        }
        self.history
            .record_all_at(events.into_iter().map(|(name, entry, _)| Event {
                revision: number(revision),
                name,
                entry,
            }));
        self.known = Some(revision);
        Ok(())
    }

    fn event(&self, event: &etcd_client::Event) -> Option<Event> {
        let value = event.kv()?;
        let name = self
            .names
            .keys
            .name(value.key())
            .filter(|name| *name != NAMESERVER_ID)?;
        let kept = match event.event_type() {
            EventType::Put => self.names.kept(value),
            EventType::Delete => None,
        };
        Some(Event {
            revision: number(value.mod_revision()),
            name: name.into(),
            entry: kept.map(|kept| Arc::new(kept.entry)),
        })
    }

    fn record(&mut self, events: Vec<Event>) {
        for event in &events {
            let revision = i64::try_from(event.revision).unwrap_or(i64::MAX);
            self.known = Some(revision);
            self.note(&event.name, event.entry.is_some().then_some(revision));
        }
        self.history.record_all_at(events);
    }

    /// Keeps in mind when a name was changed, or that it is gone.
    fn note(&mut self, name: &Arc<str>, changed: Option<i64>) {
        match changed {
            Some(revision) => _ = self.mirror.insert(Arc::clone(name), revision),
            None => _ = self.mirror.remove(name),
        }
    }
}

/// What comes next. When nothing does, etcd is asked whether it is still there.
async fn next(stream: &mut WatchStream) -> Result<Option<WatchResponse>, End> {
    if let Ok(response) = timeout(SILENCE, stream.message()).await {
        return Ok(response?);
    }
    stream.request_progress().await?;
    let response = timeout(SILENCE, stream.message()).await.map_err(|_| silence())?;
    Ok(response?)
}

fn silence() -> End {
    End::Trouble("no answer".to_owned())
}

/// Revisions begin with one.
fn number(revision: i64) -> u64 {
    u64::try_from(revision).unwrap_or_default()
}

impl Names {
    /// The revision that most members agree upon.
    async fn revision(&self) -> Result<i64, Failure> {
        let key = self.keys.key(NAMESERVER_ID);
        let get = self.request(Kind::Quick, |mut clients| {
            let key = key.clone();
            async move { clients.kv.get(key, None).await }
        });
        Ok(get.await?.header().map_or(0, |header| header.revision()))
    }
}
