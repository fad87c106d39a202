//! The commands of `ferropyro nsc`: those of Pyro's tools, with options of our own, and more of them.

use clap::{Args, Subcommand};

use super::Session;
use super::command::{Command, Misuse};
use super::export::ExportArgs;
use super::import::ImportArgs;
use super::list::{Listing, Look};
use super::migrate::MigrateArgs;
use super::register::RegisterArgs;
use super::remove::{RemoveArgs, RemoveMatchingArgs};
use super::watch::WatchArgs;
use crate::exit::Outcome;
use crate::personality::Personality;

#[derive(Debug, Subcommand)]
pub(super) enum Own {
    /// Checks that the name server answers
    Ping,
    /// Lists all names, or those that start with PREFIX
    #[command(after_help = LISTS)]
    List(ListArgs),
    /// Lists the names that match a regular expression, from their start
    #[command(override_usage = "ferropyro nsc listmatching [OPTIONS] PATTERN", after_help = LISTS)]
    Listmatching(SomeArgs),
    /// Lists the names that have all of these tags
    #[command(name = "listmeta_all", visible_alias = "yplookup_all")]
    #[command(override_usage = "ferropyro nsc listmeta_all [OPTIONS] TAG...", after_help = LISTS)]
    ListmetaAll(SomeArgs),
    /// Lists the names that have at least one of these tags
    #[command(name = "listmeta_any", visible_alias = "yplookup_any")]
    #[command(override_usage = "ferropyro nsc listmeta_any [OPTIONS] TAG...", after_help = LISTS)]
    ListmetaAny(SomeArgs),
    /// Prints the URI of a name
    #[command(override_usage = "ferropyro nsc lookup [OPTIONS] NAME")]
    Lookup(LookupArgs),
    Register(RegisterArgs),
    Remove(RemoveArgs),
    Removematching(RemoveMatchingArgs),
    /// Replaces the tags of a name; without tags it has none afterwards
    #[command(override_usage = "ferropyro nsc setmeta [OPTIONS] NAME [TAG...]")]
    Setmeta(WordArgs),
    Watch(WatchArgs),
    Export(ExportArgs),
    Import(ImportArgs),
    Migrate(MigrateArgs),
}

/// Behind the options of all lists.
const LISTS: &str = "\
Without options of its own a list has the form of Pyro's tools. With `-o json` it is one array of objects, with `-o jsonl` an object a line, each with \
\"name\", \"uri\" and \"metadata\" (a sorted array), and \"reason\" with --dead.";

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// What the names start with
    prefix: Option<String>,

    #[command(flatten)]
    listing: Listing,
}

#[derive(Debug, Args)]
pub(super) struct SomeArgs {
    /// Which names
    #[arg(value_name = "WHICH", value_hint = clap::ValueHint::Other)]
    words: Vec<String>,

    #[command(flatten)]
    listing: Listing,
}

#[derive(Debug, Args)]
pub(super) struct LookupArgs {
    /// The name
    #[arg(value_name = "NAME", value_hint = clap::ValueHint::Other)]
    words: Vec<String>,

    #[command(flatten)]
    look: Look,
}

#[derive(Debug, Args)]
pub(super) struct WordArgs {
    /// The name, and its tags
    #[arg(value_name = "WORD", value_hint = clap::ValueHint::Other)]
    words: Vec<String>,
}

/// What is to be done.
pub(super) enum Task {
    /// What Pyro's tools do as well.
    OfPyro(Command),
    /// What they don't.
    WithNameServer(Box<dyn FnOnce(&Session) -> Outcome>),
    /// What needs no name server.
    Alone(Box<dyn FnOnce() -> Outcome>),
}

impl Task {
    pub(super) fn with_name_server(work: impl FnOnce(&Session) -> Outcome + 'static) -> Task {
        Task::WithNameServer(Box::new(work))
    }
}

impl Own {
    /// Checks the arguments.
    pub(super) fn task(self) -> Result<Task, Misuse> {
        let some = |command: &str, args: SomeArgs| Ok(args.listing.task(parse(command, &args.words)?));
        match self {
            Own::Ping => Ok(Task::OfPyro(Command::Ping)),
            Own::List(args) => Ok(args.listing.task(parse("list", args.prefix.as_slice())?)),
            Own::Listmatching(args) => some("listmatching", args),
            Own::ListmetaAll(args) => some("listmeta_all", args),
            Own::ListmetaAny(args) => some("listmeta_any", args),
            Own::Lookup(args) => Ok(args.look.task(parse("lookup", &args.words)?)),
            Own::Register(args) => args.task(),
            Own::Remove(args) => args.task(),
            Own::Removematching(args) => args.task(),
            Own::Setmeta(args) => parse("setmeta", &args.words).map(Task::OfPyro),
            Own::Watch(args) => Ok(Task::with_name_server(|session| args.run(session))),
            Own::Export(args) => Ok(Task::with_name_server(|session| args.run(session))),
            Own::Import(args) => Ok(Task::with_name_server(|session| args.run(session))),
            Own::Migrate(args) => Ok(Task::Alone(Box::new(|| args.run()))),
        }
    }
}

/// Takes words as Pyro's tools do.
pub(super) fn parse(command: &str, words: &[String]) -> Result<Command, Misuse> {
    Command::parse(command, words, Personality::Ferropyro)
}
