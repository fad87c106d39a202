//! The names of a document into a name server.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use clap::Args;
use ferropyro::naming::{Filter, Registration};
use ferropyro::{Error, NameServer};

use super::document::{self, Item};
use super::{Session, failed, parallel};
use crate::exit::{Exit, Failure, Outcome};
use crate::output;

/// How many names are on their way at a time: name servers write those together that arrive together.
const AT_A_TIME: usize = 8;

/// Registers the names of a document that `nsc export` wrote
///
/// Everything is checked before the first change. Names that are there already, with the same URI and tags, are left alone; if others of the names are there
/// already, nothing is imported, unless --replace is given.
#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    /// The document; - is standard input
    #[arg(value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    file: PathBuf,

    /// Only tell what would be done
    #[arg(long)]
    dry_run: bool,

    /// Replace names that are there already
    #[arg(short = 'y', long, visible_alias = "yes")]
    replace: bool,
}

/// What is to be done.
struct Plan {
    new: Vec<Item>,
    /// Those that lead elsewhere at present, or have other tags.
    replaced: Vec<Item>,
    unchanged: usize,
}

impl ImportArgs {
    pub(super) fn run(self, session: &Session) -> Outcome {
        let mut plan = Plan::new(self.read()?, &present(session)?);
        if self.dry_run {
            plan.show();
        }
        if !plan.replaced.is_empty() && !self.replace {
            let names: Vec<String> = plan.replaced.iter().map(|item| item.name.clone()).collect();
            let names = document::listed(
                &names,
                names.len(),
                "names are there already, and lead elsewhere or have other tags",
            );
            let text = format!("nothing is imported: {names}; --replace replaces them");
            return Err(Failure::new(Exit::Failed, text));
        }
        if self.dry_run {
            return Ok(Exit::Ok);
        }
        plan.carry_out(session)?;
        output::line(plan.summary("Imported"));
        plan.tell_what_is_lost(session)?;
        Ok(Exit::Ok)
    }

    fn read(&self) -> Result<Vec<Item>, Failure> {
        let text = match self.file == Path::new("-") {
            true => {
                let mut text = Vec::new();
                io::stdin().lock().read_to_end(&mut text).map(|_| text)
            }
            false => fs::read(&self.file),
        };
        let text = text.map_err(|error| {
            Failure::new(
                Exit::Failed,
                format_args!("cannot read {}: {error}", self.file.display()),
            )
        })?;
        document::read(&text)
    }
}

fn present(session: &Session) -> Result<BTreeMap<String, Registration>, Failure> {
    session.nameserver.list(&Filter::All).map_err(failed)
}

impl Plan {
    fn new(items: Vec<Item>, present: &BTreeMap<String, Registration>) -> Plan {
        let mut plan = Plan {
            new: Vec::new(),
            replaced: Vec::new(),
            unchanged: 0,
        };
        for item in items {
            match present.get(&item.name) {
                None => plan.new.push(item),
                Some(old) if old.uri == item.uri.to_string() && old.metadata == item.tags => plan.unchanged += 1,
                Some(_) => plan.replaced.push(item),
            }
        }
        plan
    }

    fn show(&self) {
        for (what, items) in [("add", &self.new), ("replace", &self.replaced)] {
            for item in items {
                output::line(format_args!("{what} {} --> {}", item.name, item.uri));
            }
        }
        output::note(self.summary("Would import"));
    }

    fn summary(&self, what: &str) -> String {
        format!(
            "{what} {} names ({} new, {} replaced); {} were there already.",
            self.new.len() + self.replaced.len(),
            self.new.len(),
            self.replaced.len(),
            self.unchanged
        )
    }

    fn carry_out(&mut self, session: &Session) -> Result<(), Failure> {
        for items in [&mut self.new, &mut self.replaced] {
            items.sort_by_key(|item| item.ttl.is_none());
        }
        let new = self.new.iter().map(|item| (item, true));
        let mut items = new.chain(self.replaced.iter().map(|item| (item, false)));
        let done = AtomicUsize::new(0);
        let worker = || {
            let nameserver = session.nameserver.clone();
            let done = &done;
            move |(item, safe): (&Item, bool)| {
                register(&nameserver, item, safe).map_err(|error| (item.name.clone(), item.ttl, error))?;
                done.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
        };
        // A name server that cannot keep names for a while refuses the first one, and nothing has changed then.
        let first = parallel::each(items.by_ref().take(1), 1, worker);
        let result = first.and_then(|()| parallel::each(items, AT_A_TIME, worker));
        result.map_err(|(name, ttl, error)| {
            let failure = match ttl {
                Some(_) => session.cannot("keep names for a while only (\"ttl\")", error),
                None => failed(error),
            };
            failure.with(format_args!(
                "{name}: {} of {} names are imported; the same command goes on there",
                done.load(Ordering::Relaxed),
                self.new.len() + self.replaced.len()
            ))
        })
    }

    /// Some stores keep no tags, and drop them in silence.
    fn tell_what_is_lost(&self, session: &Session) -> Result<(), Failure> {
        let present = present(session)?;
        let has_lost = |item: &&Item| {
            let kept = present.get(&item.name);
            !item.tags.is_empty() && kept.is_some_and(|kept| kept.metadata.is_empty())
        };
        match self.new.iter().chain(&self.replaced).filter(has_lost).count() {
            0 => {}
            count => output::note(format_args!(
                "warning: the name server keeps no tags: those of {count} names are lost"
            )),
        }
        Ok(())
    }
}

fn register(nameserver: &NameServer, item: &Item, safe: bool) -> Result<(), Error> {
    match item.ttl {
        Some(ttl) => nameserver.register_for(&item.name, &item.uri, safe, &item.tags, ttl),
        None => nameserver.register_with(&item.name, &item.uri, safe, &item.tags),
    }
}
