//! Names from one storage to another, without a name server.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use ferropyro::naming::NAMESERVER_ID;
use ferropyro::{Error, ErrorKind};
use ferropyro_nameserver::store::{self, Capabilities, Entry, Store};
use indicatif::{ProgressBar, ProgressStyle};

use super::{document, failed, parallel};
use crate::exit::{Exit, Failure, Outcome};
use crate::output;

/// How many names are on their way at a time: stores keep those together that arrive together.
const AT_A_TIME: usize = 16;

/// Copies all names from one storage to another
///
/// The storages are those of `ferropyro ns --storage`; no name server is needed, and none should be running on them. What was copied is compared in the end.
/// The name server's own name is not copied.
///
/// Examples:
///   ferropyro nsc migrate dbm:names sql:names.db
///   ferropyro nsc migrate sql:old.db sql:new.db --dry-run
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct MigrateArgs {
    /// The storage with the names
    from: String,

    /// The storage to which they go; a file is made if there is none
    to: String,

    /// Only tell what would be done
    #[arg(long)]
    dry_run: bool,

    /// Also if there are names in the second storage: those of the same name are replaced, the others stay
    #[arg(short, long)]
    yes: bool,
}

type Names = BTreeMap<Arc<str>, Arc<Entry>>;

impl MigrateArgs {
    pub(super) fn run(self) -> Outcome {
        self.check()?;
        let from = open(&self.from)?;
        let names = names(&*from)?;
        from.close().map_err(failed)?;
        if self.dry_run && !exists(&self.to) {
            tell_losses(&names, capabilities_of_new(&self.to), &self.to);
            return self.tell_what_would_be_done(names.len());
        }
        let to = open(&self.to)?;
        let present = self::names(&*to)?;
        tell_losses(&names, to.capabilities(), &self.to);
        if !present.is_empty() && !self.yes {
            let text = format!(
                "{} is not empty: it has {} names; --yes replaces those of the same name",
                self.to,
                present.len()
            );
            return Err(Failure::new(Exit::Failed, text));
        }
        if self.dry_run {
            to.close().map_err(failed)?;
            return self.tell_what_would_be_done(names.len());
        }
        let kept = kept(&names, to.capabilities());
        copy(&kept, &*to)?;
        to.close().map_err(failed)?;
        self.compare(to.capabilities())?;
        output::line(format_args!(
            "Migrated {} names from {} to {}.",
            names.len(),
            self.from,
            self.to
        ));
        match present.keys().filter(|name| !names.contains_key(*name)).count() {
            0 => {}
            others => output::note(format_args!("{others} other names stay in {}.", self.to)),
        }
        Ok(Exit::Ok)
    }

    fn tell_what_would_be_done(&self, count: usize) -> Outcome {
        output::line(format_args!(
            "Would migrate {count} names from {} to {}.",
            self.from, self.to
        ));
        Ok(Exit::Ok)
    }

    fn check(&self) -> Result<(), Failure> {
        for spec in [&self.from, &self.to] {
            if spec == "memory" {
                return Err(Failure::usage(
                    "the names of `memory` are in a running name server: use nsc export and nsc import",
                ));
            }
        }
        if !exists(&self.from) {
            return Err(Failure::new(Exit::NotFound, format_args!("there is no {}", self.from)));
        }
        if self.from == self.to || place(&self.from).is_some_and(|from| Some(from) == place(&self.to)) {
            return Err(Failure::usage("the two storages are the same one"));
        }
        Ok(())
    }

    /// Both are opened anew, so that what counts is what was really kept.
    fn compare(&self, capabilities: Capabilities) -> Result<(), Failure> {
        let (from, to) = (open(&self.from)?, open(&self.to)?);
        let expected = kept(&names(&*from)?, capabilities);
        let found = names(&*to)?;
        from.close().and(to.close()).map_err(failed)?;
        let is_same = |name: &str, entry: &Entry| {
            let found = found.get(name);
            found.is_some_and(|found| (&found.uri, &found.tags) == (&entry.uri, &entry.tags))
        };
        let differing = expected.iter().filter(|(name, entry)| !is_same(name, entry));
        let differing: Vec<String> = differing.map(|(name, _)| name.to_string()).collect();
        match differing.len() {
            0 => Ok(()),
            count => {
                let names = document::listed(&differing, count, "names differ");
                let text = format!(
                    "{} is no copy of {}: {names}; does a name server still run on one of them?",
                    self.to, self.from
                );
                Err(Failure::new(Exit::Failed, text))
            }
        }
    }
}

fn open(spec: &str) -> Result<Arc<dyn Store>, Failure> {
    store::open(spec).map_err(|error| {
        let exit = match error.kind() {
            ErrorKind::Value => Exit::Usage,
            ErrorKind::Naming => Exit::Failed,
            _ => Exit::of(&error),
        };
        Failure::new(exit, error)
    })
}

fn names(store: &dyn Store) -> Result<Names, Failure> {
    let mut names: Names = store.entries().map_err(failed)?.into_iter().collect();
    names.remove(NAMESERVER_ID);
    Ok(names)
}

/// What a store of these capabilities keeps of the names.
fn kept(names: &Names, capabilities: Capabilities) -> Names {
    let kept = |entry: &Arc<Entry>| {
        let mut entry = Entry::clone(entry);
        if !capabilities.metadata {
            entry.tags.clear();
        }
        entry.ttl = entry.ttl.filter(|_| capabilities.leases);
        Arc::new(entry)
    };
    names
        .iter()
        .map(|(name, entry)| (Arc::clone(name), kept(entry)))
        .collect()
}

fn tell_losses(names: &Names, capabilities: Capabilities, to: &str) {
    let count = |has_it: fn(&Entry) -> bool| names.values().filter(|entry| has_it(entry)).count();
    let tagged = count(|entry| !entry.tags.is_empty());
    if tagged > 0 && !capabilities.metadata {
        output::note(format_args!(
            "warning: {to} keeps no tags: those of {tagged} names are lost"
        ));
    }
    let leased = count(|entry| entry.ttl.is_some());
    if leased > 0 && !capabilities.leases {
        let text =
            format!("warning: {to} keeps names for ever only: {leased} names would have gone with their programs");
        output::note(text);
    }
}

fn copy(names: &Names, to: &dyn Store) -> Result<(), Failure> {
    let bar = ProgressBar::new(names.len() as u64);
    let style = ProgressStyle::with_template("{wide_bar} {pos} of {len} names, {eta} left");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let worker = || {
        |(name, entry): (&Arc<str>, &Arc<Entry>)| {
            to.put(name, Entry::clone(entry), false)?;
            bar.inc(1);
            Ok::<(), Error>(())
        }
    };
    let result = parallel::each(names.iter(), AT_A_TIME, worker);
    bar.finish_and_clear();
    result.map_err(|error| {
        failed(error).with(format_args!(
            "{} of {} names are copied; the same command with --yes copies all of them",
            bar.position(),
            names.len()
        ))
    })
}

/// The file of a storage that has one.
fn file(spec: &str) -> Option<&Path> {
    match spec.split_once(':')? {
        ("sql" | "dbm", file) => Some(Path::new(file)),
        _ => None,
    }
}

/// The same for all ways to write the path of a file that is there.
fn place(spec: &str) -> Option<PathBuf> {
    fs::canonicalize(file(spec)?).ok()
}

/// Whether there is something; opening it would make a file otherwise.
fn exists(spec: &str) -> bool {
    let Some(file) = file(spec) else { return true };
    let with = |suffix: &str| {
        let mut path = file.as_os_str().to_owned();
        path.push(suffix);
        Path::new(&path).exists()
    };
    // The others are names that Python's dbm gives its files.
    let suffixes: &[&str] = if spec.starts_with("dbm:") {
        &["", ".dat", ".dir", ".db", ".pag"]
    } else {
        &[""]
    };
    suffixes.iter().copied().any(with)
}

/// What a storage will be able to keep whose file is not made yet.
fn capabilities_of_new(spec: &str) -> Capabilities {
    let is_dbm = spec.starts_with("dbm:");
    let mut capabilities = Capabilities::default();
    capabilities.metadata = !is_dbm;
    capabilities.leases = !is_dbm;
    capabilities
}
