//! The commands of the control tool, and what they print.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use ferropyro::naming::{Filter, Registration};
use ferropyro::{Dict, NameServer, Result, Set, Value};

use crate::exit::Exit;
use crate::output;
use crate::personality::Personality;

/// A command with its arguments.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command {
    Ping,
    List(Filter),
    Lookup(String),
    Register { name: String, uri: String },
    Remove(String),
    RemoveMatching(String),
    SetMeta { name: String, tags: BTreeSet<String> },
}

/// What is wrong with a command line, in Pyro's words where it has some.
#[derive(Debug)]
pub(super) struct Misuse {
    pub(super) exit: Exit,
    pub(super) text: String,
}

impl Misuse {
    pub(super) fn no_command() -> Misuse {
        Misuse::new("which command? Try --help")
    }

    /// With the status for wrong usage.
    pub(super) fn new(text: impl Into<String>) -> Misuse {
        Misuse {
            exit: Exit::Usage,
            text: text.into(),
        }
    }
}

impl Command {
    /// Takes the commands of Pyro4's tool, of Pyro5's, or those of both.
    pub(super) fn parse(
        command: &str,
        arguments: &[String],
        personality: Personality,
    ) -> std::result::Result<Command, Misuse> {
        // Pyro's status for a wrong number of arguments differs from that for a wrong command.
        let exit = match personality {
            Personality::Ferropyro => Exit::Usage,
            Personality::Pyro4 | Personality::Pyro5 => Exit::Failed,
        };
        let needs = |what: &str| Misuse {
            exit,
            text: format!("requires {what}"),
        };
        let (is_pyro4, is_pyro5) = (personality != Personality::Pyro5, personality != Personality::Pyro4);
        let one = |what: &str| match arguments {
            [argument] => Ok(argument.clone()),
            _ => Err(needs(&format!("one argument: {what}"))),
        };
        let tags = || match arguments {
            [] => Err(needs("at least one metadata tag argument")),
            tags => Ok(tags),
        };
        Ok(match command {
            "ping" => Command::Ping,
            "list" => Command::List(
                arguments
                    .first()
                    .map_or(Filter::All, |prefix| Filter::Prefix(prefix.clone())),
            ),
            "listmatching" => Command::List(Filter::Regex(one("pattern")?)),
            "listmeta_all" if is_pyro4 => Command::List(Filter::all_of(tags()?)),
            "listmeta_any" if is_pyro4 => Command::List(Filter::any_of(tags()?)),
            "yplookup_all" if is_pyro5 => Command::List(Filter::all_of(tags()?)),
            "yplookup_any" if is_pyro5 => Command::List(Filter::any_of(tags()?)),
            "lookup" => Command::Lookup(one("name")?),
            "register" => match arguments {
                [name, uri] => Command::Register {
                    name: name.clone(),
                    uri: uri.clone(),
                },
                _ => return Err(needs("two arguments: name uri")),
            },
            "remove" => Command::Remove(one("name")?),
            "removematching" => Command::RemoveMatching(one("pattern")?),
            "setmeta" => match arguments {
                [name, tags @ ..] => Command::SetMeta {
                    name: name.clone(),
                    tags: tags.iter().cloned().collect(),
                },
                [] if personality == Personality::Pyro4 => {
                    return Err(needs("at least 2 arguments: uri and zero or more meta tags"));
                }
                [] => return Err(needs("arguments: uri and zero or more meta tags")),
            },
            "" => return Err(Misuse::no_command()),
            other => return Err(Misuse::new(format!("unknown command '{other}'; try --help"))),
        })
    }

    pub(super) fn run(&self, nameserver: &NameServer, personality: Personality) -> Result<()> {
        match self {
            Command::Ping => {
                nameserver.ping()?;
                output::line("Name server ping ok.");
            }
            Command::List(filter) => print_list(&nameserver.list(filter)?, &title(filter), personality),
            Command::Lookup(name) => {
                let (uri, tags) = nameserver.lookup_with_metadata(name)?;
                output::line(uri);
                if !tags.is_empty() {
                    output::line(format_args!("metadata: {}", shown(&tags, personality)));
                }
            }
            Command::Register { name, uri } => {
                // The server judges the URI, whose text goes there as it is.
                let kwargs = Dict::from([("safe", true)]);
                let () = nameserver.proxy().call_with("register", (name, uri), &kwargs)?;
                output::line(format_args!("Registered {name}"));
            }
            Command::Remove(name) => {
                if nameserver.remove(name)? {
                    output::line(format_args!("Removed {name}"));
                } else {
                    output::line("Nothing removed");
                }
            }
            Command::RemoveMatching(pattern) => {
                if user_is_sure() {
                    let count = nameserver.remove_matching(&Filter::Regex(pattern.clone()))?;
                    output::line(format_args!("{count} items removed."));
                }
            }
            Command::SetMeta { name, tags } => {
                nameserver.set_metadata(name, tags)?;
                output::line(if tags.is_empty() {
                    "Metadata cleared"
                } else {
                    "Metadata updated"
                });
            }
        }
        Ok(())
    }
}

/// What stands in the lines around a list.
pub(super) fn title(filter: &Filter) -> String {
    match filter {
        Filter::All => String::new(),
        Filter::Prefix(prefix) => format!("- prefix '{prefix}'"),
        Filter::Regex(pattern) => format!("- regex '{pattern}'"),
        Filter::AllOf(_) | Filter::AnyOf(_) => " - searched by metadata".to_owned(),
    }
}

fn print_list(found: &BTreeMap<String, Registration>, title: &str, personality: Personality) {
    let mut text = format!("--------START LIST {title}\n");
    for (name, Registration { uri, metadata }) in found {
        text += &entry(name, uri, metadata, personality);
    }
    output::line(format_args!("{text}--------END LIST {title}"));
}

/// The lines of a list for one name.
pub(super) fn entry(name: &str, uri: &str, tags: &BTreeSet<String>, personality: Personality) -> String {
    match tags.is_empty() {
        true => format!("{name} --> {uri}\n"),
        false => format!("{name} --> {uri}\n    metadata: {}\n", shown(tags, personality)),
    }
}

/// Tags as Python prints them: a list in Pyro4, a set in Pyro5.
fn shown(tags: &BTreeSet<String>, personality: Personality) -> Value {
    let tags = tags.iter().map(|tag| Value::from(tag.as_str()));
    match personality {
        Personality::Pyro4 => Value::List(tags.collect()),
        Personality::Ferropyro | Personality::Pyro5 => Value::Set(tags.collect::<Set<Value>>()),
    }
}

pub(super) fn user_is_sure() -> bool {
    output::text("Potentially removing lots of items from the Name server. Are you sure (y/n)?");
    let mut answer = String::new();
    // Who cannot be asked is not sure.
    io::stdin().read_line(&mut answer).is_ok() && matches!(answer.trim(), "y" | "Y")
}
