//! The names of a cluster, and what is done with them. Everything that is read is agreed upon by most members, so that nobody reads what is not true any more.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use etcd_client::{Compare, CompareOp, GetOptions, KeyValue, PutOptions, Txn, TxnOp, TxnOpResponse, TxnResponse};
use ferropyro::naming::NAMESERVER_ID;
use tokio::time::Instant;

use super::cluster::{Clients, Cluster, Kind, PATIENCE};
use super::document;
use super::failure::Failure;
use super::place::Keys;
use crate::store::Entry;

/// How often a change is attempted that others get in the way of.
const ATTEMPTS: usize = 100;
/// The most operations in one transaction, unless etcd has been told otherwise.
const AT_A_TIME: usize = 128;

/// The names. All of them but [`NAMESERVER_ID`], which is not one of those that are shared.
#[derive(Clone)]
pub(super) struct Names {
    pub(super) cluster: Arc<Cluster>,
    pub(super) keys: Keys,
    /// When the requests of an operation have to be over, all of them; `None`: each has its own time.
    pub(super) end: Option<Instant>,
}

/// A key as it was read.
struct Found {
    value: KeyValue,
    entry: Entry,
}

impl Names {
    pub(super) async fn get(&self, name: &str) -> Result<Option<Entry>, Failure> {
        Ok(self.find(name).await?.map(|found| found.entry))
    }

    async fn find(&self, name: &str) -> Result<Option<Found>, Failure> {
        let key = self.keys.key(name);
        let get = self.request(Kind::Quick, |mut clients| {
            let key = key.clone();
            async move { clients.kv.get(key, None).await }
        });
        self.found(get.await?.take_kvs())
    }

    fn found(&self, values: Vec<KeyValue>) -> Result<Option<Found>, Failure> {
        let Some(value) = values.into_iter().next() else {
            return Ok(None);
        };
        match document::read(value.value()) {
            Ok(entry) => Ok(Some(Found { value, entry })),
            Err(error) => {
                let key = String::from_utf8_lossy(value.key()).into_owned();
                Err(Failure::new(format!(
                    "what is under the key {key} is not a name's: {error}"
                )))
            }
        }
    }

    pub(super) async fn count(&self) -> Result<usize, Failure> {
        let (first, end) = self.keys.range("");
        let counted = |options: GetOptions| options.with_count_only();
        let txn = Txn::new().and_then([
            TxnOp::get(first, Some(counted(GetOptions::new().with_range(end)))),
            TxnOp::get(self.keys.key(NAMESERVER_ID), Some(counted(GetOptions::new()))),
        ]);
        let counts = self.transact(Kind::Long, &txn).await?;
        let counts: Vec<i64> = counts.op_responses().iter().map(count).collect();
        let others = counts.iter().skip(1).sum::<i64>();
        Ok(usize::try_from(counts.first().unwrap_or(&0) - others).unwrap_or_default())
    }

    /// Keeps an entry; gives whether it is kept now.
    pub(super) async fn put(&self, name: &str, entry: &Entry, only_new: bool) -> Result<bool, Failure> {
        let document = document::write(entry);
        let mut attempts = 0..ATTEMPTS;
        loop {
            let lease = match entry.ttl {
                Some(ttl) => self.grant(ttl).await?,
                None => 0,
            };
            let options = PutOptions::new().with_lease(lease);
            let put = TxnOp::put(self.keys.key(name), document.clone(), Some(options));
            let is_new = Compare::create_revision(self.keys.key(name), CompareOp::Equal, 0);
            let conditions = if only_new { vec![is_new] } else { Vec::new() };
            let txn = Txn::new().when(conditions).and_then([put]);
            match self.transact(Kind::Change, &txn).await {
                Ok(done) => {
                    if lease != 0 && !done.succeeded() {
                        self.revoke(lease);
                    }
                    return Ok(done.succeeded());
                }
                // Whoever was stopped for so long begins anew.
                Err(failure) if failure.is_lease_gone() && attempts.next().is_some() => {}
                Err(failure) => return Err(failure),
            }
        }
    }

    pub(super) async fn set_tags(&self, name: &str, tags: &BTreeSet<String>) -> Result<bool, Failure> {
        self.change(name, |found| {
            let mut entry = found.entry.clone();
            entry.tags.clone_from(tags);
            let options = PutOptions::new().with_lease(found.value.lease());
            Some(TxnOp::put(self.keys.key(name), document::write(&entry), Some(options)))
        })
        .await
    }

    pub(super) async fn remove_if(&self, name: &str, uri: &str) -> Result<bool, Failure> {
        self.change(name, |found| {
            let is_meant = found.entry.uri == uri;
            is_meant.then(|| TxnOp::delete(self.keys.key(name), None))
        })
        .await
    }

    /// Does something about a name that depends on what it stands for; gives whether it was done.
    async fn change(&self, name: &str, action: impl Fn(&Found) -> Option<TxnOp>) -> Result<bool, Failure> {
        let mut found = self.find(name).await?;
        for _ in 0..ATTEMPTS {
            let Some(Some(action)) = found.as_ref().map(&action) else {
                return Ok(false);
            };
            let key = self.keys.key(name);
            let revision = found.map_or(0, |found| found.value.mod_revision());
            let txn = Txn::new()
                .when([Compare::mod_revision(key.clone(), CompareOp::Equal, revision)])
                .and_then([action])
                .or_else([TxnOp::get(key, None)]);
            let done = match self.transact(Kind::Change, &txn).await {
                // It ends just now, and the name with it.
                Err(failure) if failure.is_lease_gone() => {
                    found = self.find(name).await?;
                    continue;
                }
                done => done?,
            };
            if done.succeeded() {
                return Ok(true);
            }
            let values = done.op_responses().into_iter().next();
            found = match values {
                Some(TxnOpResponse::Get(mut values)) => self.found(values.take_kvs())?,
                _ => None,
            };
        }
        Err(Failure::new(
            "others change the name all the time; nothing has been changed",
        ))
    }

    /// Removes names; gives how many there were. Up to 128 of them go together, or none of these.
    pub(super) async fn remove(&self, names: &[String]) -> Result<usize, Failure> {
        let mut removed = 0;
        for (index, some) in names.chunks(AT_A_TIME).enumerate() {
            let deletes: Vec<TxnOp> = some
                .iter()
                .map(|name| TxnOp::delete(self.keys.key(name), None))
                .collect();
            match self.transact(Kind::Change, &Txn::new().and_then(deletes)).await {
                Ok(done) => removed += done.op_responses().iter().map(count).sum::<i64>(),
                Err(mut failure) => {
                    if index > 0 {
                        let text = format!("after {removed} names had been removed: ");
                        failure.prepend(&text);
                    }
                    return Err(failure);
                }
            }
        }
        Ok(usize::try_from(removed).unwrap_or_default())
    }

    /// Keeps the lease of a name for its whole time from now on, if the name stands for this URI; gives whether it does.
    pub(super) async fn renew(&self, name: &str, uri: &str) -> Result<bool, Failure> {
        let Some(found) = self.find(name).await?.filter(|found| found.entry.uri == uri) else {
            return Ok(false);
        };
        let lease = found.value.lease();
        if lease == 0 {
            return Ok(true);
        }
        let kept = self.request(Kind::Quick, |mut clients| async move {
            clients.lease.keep_alive(lease).await.map(drop)
        });
        match kept.await {
            Err(failure) if failure.is_lease_gone() => Ok(false),
            kept => kept.map(|()| true),
        }
    }

    /// A lease for this time, in whole seconds. One that nobody uses after all ends by itself, so asking again does no harm.
    async fn grant(&self, ttl: Duration) -> Result<i64, Failure> {
        let seconds = ttl.as_secs() + u64::from(ttl.subsec_nanos() > 0);
        let seconds = i64::try_from(seconds).unwrap_or(i64::MAX).max(1);
        let granted = self.request(Kind::Quick, |mut clients| async move {
            clients.lease.grant(seconds, None).await
        });
        Ok(granted.await?.id())
    }

    /// Ends a lease that nobody has used. It ends by itself as well, later.
    fn revoke(&self, lease: i64) {
        let cluster = Arc::clone(&self.cluster);
        tokio::spawn(async move {
            let revoke = |mut clients: Clients| async move { clients.lease.revoke(lease).await };
            if let Err(failure) = cluster.request(Kind::Quick, Instant::now() + PATIENCE, revoke).await {
                tracing::debug!("etcd: an unused lease was not revoked: {failure}");
            }
        });
    }

    pub(super) async fn transact(&self, kind: Kind, txn: &Txn) -> Result<TxnResponse, Failure> {
        let send = |mut clients: Clients| {
            let txn = txn.clone();
            async move { clients.kv.txn(txn).await }
        };
        self.request(kind, send).await
    }

    /// Sends a request until an endpoint answers, or the time is over.
    pub(super) async fn request<T, Sent>(&self, kind: Kind, send: impl Fn(Clients) -> Sent) -> Result<T, Failure>
    where
        Sent: Future<Output = Result<T, etcd_client::Error>>,
    {
        let end = self.end.unwrap_or_else(|| Instant::now() + PATIENCE);
        self.cluster.request(kind, end, send).await
    }
}

/// How many keys an operation was about.
fn count(done: &TxnOpResponse) -> i64 {
    match done {
        TxnOpResponse::Get(get) => get.count(),
        TxnOpResponse::Delete(delete) => delete.deleted(),
        TxnOpResponse::Put(_) | TxnOpResponse::Txn(_) => 0,
    }
}
