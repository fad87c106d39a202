//! Names and tags as rows.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Result};

use crate::local::{Changes, Contents};
use crate::store::Entry;

/// All names.
pub(super) fn read(connection: &Connection) -> Result<Contents> {
    let mut statement = connection.prepare_cached(
        "SELECT id, n.name, n.uri, metadata, seconds FROM pyro_names n LEFT JOIN pyro_metadata m ON m.object = id \
         LEFT JOIN ferropyro_leases l ON l.object = id AND l.name = n.name AND l.uri = n.uri ORDER BY id",
    )?;
    let mut rows = statement.query(())?;
    let mut contents: Vec<(Arc<str>, Entry)> = Vec::new();
    let mut last = None;
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        if last != Some(id) {
            last = Some(id);
            let name: Box<str> = row.get(1)?;
            let seconds: Option<f64> = row.get(4)?;
            let entry = Entry {
                uri: row.get(2)?,
                tags: BTreeSet::new(),
                ttl: seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
            };
            contents.push((name.into(), entry));
        }
        if let (Some(tag), Some((_, entry))) = (row.get(3)?, contents.last_mut()) {
            entry.tags.insert(tag);
        }
    }
    let entries = contents.into_iter();
    Ok(entries.map(|(name, entry)| (name, Arc::new(entry))).collect())
}

/// Writes changes, within a transaction that has begun.
pub(super) fn write(connection: &Connection, changes: &Changes) -> Result<()> {
    let mut find = connection.prepare_cached("SELECT id FROM pyro_names WHERE name = ?")?;
    let mut forget_tags = connection.prepare_cached("DELETE FROM pyro_metadata WHERE object = ?")?;
    let mut forget = connection.prepare_cached("DELETE FROM pyro_names WHERE id = ?")?;
    let mut keep = connection.prepare_cached("INSERT INTO pyro_names(name, uri) VALUES (?, ?)")?;
    let mut keep_tag = connection.prepare_cached("INSERT INTO pyro_metadata(object, metadata) VALUES (?, ?)")?;
    let mut forget_lease = connection.prepare_cached("DELETE FROM ferropyro_leases WHERE object = ?")?;
    let mut keep_lease = connection.prepare_cached("REPLACE INTO ferropyro_leases VALUES (?, ?, ?, ?)")?;
    for (name, entry) in changes {
        let old: Option<i64> = find.query_row((&**name,), |row| row.get(0)).optional()?;
        if let Some(id) = old {
            forget_tags.execute((id,))?;
            forget_lease.execute((id,))?;
            forget.execute((id,))?;
        }
        if let Some(entry) = entry {
            let id = keep.insert((&**name, &entry.uri))?;
            for tag in &entry.tags {
                keep_tag.execute((id, tag))?;
            }
            if let Some(ttl) = entry.ttl {
                keep_lease.execute((id, &**name, &entry.uri, ttl.as_secs_f64()))?;
            }
        }
    }
    Ok(())
}
