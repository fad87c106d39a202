//! All names at one moment, page by page, so that no message is too long.

use std::sync::Arc;

use etcd_client::GetOptions;
use ferropyro::naming::NAMESERVER_ID;

use super::cluster::{Clients, Kind};
use super::document;
use super::failure::Failure;
use super::names::Names;
use crate::store::Entry;

/// Names in a page, if they are not too long: a message of etcd-client has 4 MiB at most, and an entry is shorter than two.
const PAGE: i64 = 2000;
/// How often a list is begun again that took so long that etcd has forgotten the moment.
const ATTEMPTS: usize = 3;

/// What was there at one moment.
pub(super) struct Snapshot {
    /// The moment.
    pub(super) revision: i64,
    pub(super) names: Vec<Kept>,
}

/// A name, and when it was changed last.
pub(super) struct Kept {
    pub(super) name: Arc<str>,
    pub(super) entry: Entry,
    pub(super) revision: i64,
}

impl Names {
    /// The names that start with this text, and fit.
    pub(super) async fn snapshot(&self, start: &str, fits: impl Fn(&Kept) -> bool) -> Result<Snapshot, Failure> {
        let mut attempts = 1..ATTEMPTS;
        loop {
            match self.pages(start, &fits).await {
                Err(failure) if failure.is_compacted() && attempts.next().is_some() => {}
                done => return done,
            }
        }
    }

    async fn pages(&self, start: &str, fits: impl Fn(&Kept) -> bool) -> Result<Snapshot, Failure> {
        let (mut first, end) = self.keys.range(start);
        let mut snapshot = Snapshot {
            revision: 0,
            names: Vec::new(),
        };
        let mut limit = PAGE;
        loop {
            let options = GetOptions::new()
                .with_range(end.clone())
                .with_limit(limit)
                .with_revision(snapshot.revision);
            let get = |mut clients: Clients| {
                let (first, options) = (first.clone(), options.clone());
                async move { clients.kv.get(first, Some(options)).await }
            };
            let page = match self.request(Kind::Long, get).await {
                Err(failure) if failure.is_too_long() && limit > 1 => {
                    limit /= 2;
                    continue;
                }
                page => page?,
            };
            if snapshot.revision == 0 {
                snapshot.revision = page.header().map_or(0, |header| header.revision());
            }
            let Some(last) = page.kvs().last() else {
                return Ok(snapshot);
            };
            first = [last.key(), b"\0"].concat();
            let kept = page.kvs().iter().filter_map(|value| self.kept(value));
            snapshot.names.extend(kept.filter(&fits));
            if !page.more() {
                return Ok(snapshot);
            }
        }
    }

    /// What a key says. Those that say nothing are left out: one wrong key should not hide all names.
    pub(super) fn kept(&self, value: &etcd_client::KeyValue) -> Option<Kept> {
        let Some(name) = self.keys.name(value.key()) else {
            tracing::warn!("etcd: the key {:?} is no text", String::from_utf8_lossy(value.key()));
            return None;
        };
        if name == NAMESERVER_ID {
            return None;
        }
        match document::read(value.value()) {
            Ok(entry) => Some(Kept {
                name: name.into(),
                entry,
                revision: value.mod_revision(),
            }),
            Err(error) => {
                tracing::warn!("etcd: what is under the name {name:?} is not a name's: {error}");
                None
            }
        }
    }
}
