//! Taking names out, or telling which ones that would be.

use clap::Args;
use ferropyro::ErrorKind;
use ferropyro::naming::{Filter, NAMESERVER_ID};

use super::command::{self, Command, Misuse};
use super::own::{Task, parse};
use super::{Session, failed};
use crate::exit::{Exit, Outcome};
use crate::output;

/// Takes a name out
#[derive(Debug, Args)]
#[command(override_usage = "ferropyro nsc remove [OPTIONS] NAME")]
pub(super) struct RemoveArgs {
    /// The name
    #[arg(value_name = "NAME", value_hint = clap::ValueHint::Other)]
    words: Vec<String>,

    /// Only tell what would be removed
    #[arg(long)]
    dry_run: bool,
}

/// Takes all names out that match a regular expression, or start with a text
///
/// It asks first, and takes y on standard input for yes.
#[derive(Debug, Args)]
#[command(
    override_usage = "ferropyro nsc removematching [OPTIONS] PATTERN\n       ferropyro nsc removematching [OPTIONS] --prefix TEXT"
)]
pub(super) struct RemoveMatchingArgs {
    /// The regular expression, which counts from the start of the name
    #[arg(value_name = "PATTERN", value_hint = clap::ValueHint::Other)]
    words: Vec<String>,

    /// The names that start with this text, in place of a pattern
    #[arg(long, value_name = "TEXT")]
    prefix: Option<String>,

    /// Only list what would be removed
    #[arg(long)]
    dry_run: bool,

    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

impl RemoveArgs {
    pub(super) fn task(self) -> Result<Task, Misuse> {
        Ok(match parse("remove", &self.words)? {
            Command::Remove(name) if self.dry_run => {
                Task::with_name_server(move |session| would_remove(session, &name))
            }
            command => Task::OfPyro(command),
        })
    }
}

fn would_remove(session: &Session, name: &str) -> Outcome {
    let is_there = match session.nameserver.lookup(name) {
        Ok(_) => name != NAMESERVER_ID,
        Err(error) if error.as_remote().is_some() && error.kind() == ErrorKind::Naming => false,
        Err(error) => return Err(failed(error)),
    };
    match is_there {
        true => output::line(format_args!("Would remove {name}")),
        false => output::line("Nothing would be removed"),
    }
    Ok(Exit::Ok)
}

impl RemoveMatchingArgs {
    pub(super) fn task(self) -> Result<Task, Misuse> {
        let filter = match (self.prefix, self.words.as_slice()) {
            // For name servers that is no filter at all.
            (Some(prefix), []) if prefix.is_empty() => {
                return Err(Misuse::new(
                    "an empty --prefix is refused; for all names give the pattern '.*'",
                ));
            }
            (Some(prefix), []) => Filter::Prefix(prefix),
            (Some(_), _) => return Err(Misuse::new("requires a pattern or --prefix, not both")),
            (None, words) => match parse("removematching", words)? {
                Command::RemoveMatching(pattern) if self.dry_run || self.yes => Filter::Regex(pattern),
                command => return Ok(Task::OfPyro(command)),
            },
        };
        Ok(Task::with_name_server(move |session| match self.dry_run {
            true => would_remove_all(session, &filter),
            false => remove_all(session, &filter, self.yes),
        }))
    }
}

fn would_remove_all(session: &Session, filter: &Filter) -> Outcome {
    let mut found = session.nameserver.list(filter).map_err(failed)?;
    found.remove(NAMESERVER_ID);
    for name in found.keys() {
        output::line(name);
    }
    output::note(format_args!("{} items would be removed.", found.len()));
    Ok(Exit::Ok)
}

fn remove_all(session: &Session, filter: &Filter, is_sure: bool) -> Outcome {
    if is_sure || command::user_is_sure() {
        let count = session.nameserver.remove_matching(filter).map_err(failed)?;
        output::line(format_args!("{count} items removed."));
    }
    Ok(Exit::Ok)
}
