//! What changes in a name server.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use serde::Deserialize;

use super::{NameServer, Registration};
use crate::Result;

/// How long one question for changes takes at most, when there are none.
const WAIT: Duration = Duration::from_secs(20);

/// One change of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its number. Later changes have higher ones.
    pub revision: u64,
    /// The name.
    pub name: String,
    /// What it stands for from then on; `None`: it is gone.
    pub registration: Option<Registration>,
}

/// The changes of a name server as they happen, see [`NameServer::watch`]: an iterator without end, which waits for the next one.
///
/// After an error it can be asked again: it goes on behind the last change that it gave, so that nothing is missed and nothing comes twice. If the
/// name server does not know any more what has changed since then, that is an error of kind `Naming`, each time; list the names anew then, and watch anew.
#[derive(Debug)]
pub struct Watch {
    nameserver: NameServer,
    prefix: String,
    revision: u64,
    found: VecDeque<Change>,
}

/// A change as it comes: revision, name, and the URI with tags.
#[derive(Deserialize)]
struct Arrived(u64, String, Option<(String, BTreeSet<String>)>);

impl Watch {
    pub(super) fn new(nameserver: NameServer, prefix: &str, revision: Option<u64>) -> Result<Watch> {
        let revision = match revision {
            Some(revision) => revision,
            None => ask(&nameserver, None, prefix, Duration::ZERO)?.0,
        };
        Ok(Watch {
            nameserver,
            prefix: prefix.to_owned(),
            revision,
            found: VecDeque::new(),
        })
    }

    /// The revision up to which everything has been given: a later watch can go on from here.
    pub fn revision(&self) -> u64 {
        match self.found.front() {
            // Changes of one number come together or not at all.
            Some(next) => next.revision - 1,
            None => self.revision,
        }
    }

    /// The next change, if there is one within this time.
    ///
    /// # Errors
    /// Those of the connection; `Naming` when the name server does not know the changes any more.
    pub fn next_within(&mut self, time: Duration) -> Result<Option<Change>> {
        if self.found.is_empty() {
            let (revision, found) = ask(&self.nameserver, Some(self.revision), &self.prefix, time)?;
            self.revision = revision;
            self.found = found.into();
        }
        Ok(self.found.pop_front())
    }
}

fn ask(nameserver: &NameServer, since: Option<u64>, prefix: &str, wait: Duration) -> Result<(u64, Vec<Change>)> {
    let proxy = nameserver.proxy();
    // Who waits for an answer for so long only has to ask more often.
    let patience = proxy.timeout().map_or(WAIT, |patience| patience / 2);
    let wait = wait.min(patience).as_secs_f64();
    let (revision, found): (u64, Vec<Arrived>) = proxy.call("changes", (since, prefix, wait))?;
    let changes = found.into_iter().map(|Arrived(revision, name, entry)| Change {
        revision,
        name,
        registration: entry.map(|(uri, metadata)| Registration { uri, metadata }),
    });
    Ok((revision, changes.collect()))
}

impl Iterator for Watch {
    type Item = Result<Change>;

    fn next(&mut self) -> Option<Result<Change>> {
        loop {
            match self.next_within(WAIT) {
                Ok(Some(change)) => return Some(Ok(change)),
                Ok(None) => {}
                Err(error) => return Some(Err(error)),
            }
        }
    }
}
