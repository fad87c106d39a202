//! Lists of names in other forms than that of Pyro's tools, in another order, or of those alone that are dead.

use std::collections::BTreeSet;
use std::time::Duration;

use clap::{Args, ValueEnum};
use ferropyro::naming::{Filter, Registration};
use ferropyro::{Dict, Location, Uri, Value};

use super::command::{self, Command};
use super::own::Task;
use super::{Session, dead, failed};
use crate::client::seconds;
use crate::exit::{Exit, Failure, Outcome};
use crate::personality::Personality;
use crate::{json, output};

/// How names are shown, and which of them.
#[derive(Debug, Args)]
pub(super) struct Look {
    /// How to print [default: as Pyro's tools do]
    #[arg(short, long, value_enum)]
    output: Option<Form>,

    /// Only names whose server cannot be reached from here, with the reason
    #[arg(long)]
    dead: bool,

    /// With --dead: how long to wait for a server
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "3", requires = "dead")]
    timeout: Duration,
}

/// The same for lists.
#[derive(Debug, Args)]
pub(super) struct Listing {
    #[command(flatten)]
    look: Look,

    /// In which order [default: name]
    #[arg(long, value_enum, value_name = "BY")]
    sort: Option<Order>,

    /// Only how many there are
    #[arg(long)]
    count: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// Columns, for people
    Table,
    /// One array, or for lookup one object
    Json,
    /// One object a line
    Jsonl,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Order {
    /// By name
    Name,
    /// By the text of the URI
    Uri,
    /// By the server's host and port
    Server,
}

/// A name in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) uri: String,
    pub(super) metadata: BTreeSet<String>,
    /// Why its server cannot be reached, when that is asked.
    pub(super) reason: Option<String>,
}

impl Look {
    /// Looks a name up.
    pub(super) fn task(self, command: Command) -> Task {
        match command {
            Command::Lookup(name) if self.output.is_some() || self.dead => {
                Task::with_name_server(move |session| self.look_up(session, &name))
            }
            command => Task::OfPyro(command),
        }
    }

    fn look_up(&self, session: &Session, name: &str) -> Outcome {
        let (uri, metadata) = session.nameserver.lookup_with_metadata(name).map_err(failed)?;
        let uri = uri.to_string();
        let row = Row::new(name.to_owned(), Registration { uri, metadata });
        let rows = self.choose(vec![row], session);
        match (self.output, rows.first()) {
            (Some(Form::Json), Some(row)) => output::line(json::to_json(row.to_value())?),
            // A name that is not dead: nothing to show.
            (Some(Form::Json), None) => output::line("null"),
            _ => self.print(&rows, "")?,
        }
        Ok(Exit::Ok)
    }

    fn choose(&self, rows: Vec<Row>, session: &Session) -> Vec<Row> {
        match self.dead {
            true => dead::only_unreachable(rows, &session.settings, self.timeout),
            false => rows,
        }
    }

    fn print(&self, rows: &[Row], title: &str) -> Result<(), Failure> {
        match self.output {
            None => output::line(as_pyro(rows, title)),
            Some(Form::Table) => output::line(table(rows, self.dead)),
            Some(Form::Json) => {
                let rows = rows.iter().map(Row::to_value).collect();
                output::line(json::to_json(Value::List(rows))?);
            }
            Some(Form::Jsonl) => {
                for row in rows {
                    output::line(json::to_json(row.to_value())?);
                }
            }
        }
        Ok(())
    }
}

impl Listing {
    /// Lists names.
    pub(super) fn task(self, command: Command) -> Task {
        let is_plain = self.look.output.is_none() && !self.look.dead && self.sort.is_none() && !self.count;
        match command {
            Command::List(filter) if !is_plain => Task::with_name_server(move |session| self.list(session, &filter)),
            command => Task::OfPyro(command),
        }
    }

    fn list(&self, session: &Session, filter: &Filter) -> Outcome {
        let found = session.nameserver.list(filter).map_err(failed)?;
        let rows = found.into_iter().map(|(name, entry)| Row::new(name, entry)).collect();
        let mut rows = self.look.choose(rows, session);
        match self.sort {
            // They come so.
            None | Some(Order::Name) => {}
            Some(Order::Uri) => rows.sort_by(|one, other| one.uri.cmp(&other.uri)),
            Some(Order::Server) => rows.sort_by_cached_key(Row::server),
        }
        match (self.count, self.look.output) {
            (false, _) => self.look.print(&rows, &command::title(filter))?,
            (true, None | Some(Form::Table)) => output::line(rows.len()),
            (true, Some(_)) => output::line(format_args!("{{\"count\": {}}}", rows.len())),
        }
        Ok(Exit::Ok)
    }
}

impl Row {
    pub(super) fn new(name: String, Registration { uri, metadata }: Registration) -> Row {
        Row {
            name,
            uri,
            metadata,
            reason: None,
        }
    }

    fn to_value(&self) -> Value {
        let tags = self.metadata.iter().map(|tag| Value::from(tag.as_str()));
        let mut dict = Dict::from([
            ("name", Value::from(self.name.as_str())),
            ("uri", Value::from(self.uri.as_str())),
            ("metadata", Value::List(tags.collect())),
        ]);
        if let Some(reason) = &self.reason {
            dict.insert("reason", reason.as_str());
        }
        Value::Dict(dict)
    }

    /// What it is sorted by; what has no server comes last.
    fn server(&self) -> (bool, String, u16) {
        let uri: Option<Uri> = self.uri.parse().ok();
        match uri.as_ref().and_then(Uri::location) {
            Some(Location::Tcp { host, port }) => (false, host.clone(), *port),
            Some(Location::Unix(path)) => (false, format!("./u:{path}"), 0),
            None => (true, String::new(), 0),
        }
    }
}

/// The form of Pyro's tools.
fn as_pyro(rows: &[Row], title: &str) -> String {
    let mut text = format!("--------START LIST {title}\n");
    for row in rows {
        text += &command::entry(&row.name, &row.uri, &row.metadata, Personality::Ferropyro);
        if let Some(reason) = &row.reason {
            text += &format!("    unreachable: {reason}\n");
        }
    }
    text + "--------END LIST " + title
}

/// Columns under their titles. A control character has no width: it is shown as a text, and may disturb the columns.
fn table(rows: &[Row], with_reason: bool) -> String {
    let titles = ["NAME", "URI", "TAGS", "UNREACHABLE"].map(str::to_owned);
    let cells = rows.iter().map(|row| {
        let tags = row.metadata.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        let reason = row.reason.clone().unwrap_or_default();
        [row.name.clone(), row.uri.clone(), tags, reason]
    });
    let lines: Vec<[String; 4]> = std::iter::once(titles).chain(cells).collect();
    let columns = if with_reason { 4 } else { 3 };
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |cells: &[String; 4]| {
        let padded = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    lines.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, uri: &str, tags: &[&str]) -> Row {
        let metadata = tags.iter().map(|tag| (*tag).to_owned()).collect();
        Row::new(
            name.to_owned(),
            Registration {
                uri: uri.to_owned(),
                metadata,
            },
        )
    }

    #[test]
    fn a_table_has_columns_as_wide_as_what_is_in_them() {
        let rows = [row("a", "PYRO:a@h:1", &["x", "y"]), row("näme", "PYRO:b@host:2", &[])];
        assert_eq!(
            table(&rows, false),
            "NAME  URI            TAGS\na     PYRO:a@h:1     x, y\nnäme  PYRO:b@host:2"
        );
        assert_eq!(table(&[], false), "NAME  URI  TAGS");
    }

    #[test]
    fn servers_are_in_the_order_of_their_ports() {
        let mut rows = [
            row("a", "PYRONAME:b", &[]),
            row("b", "PYRO:b@h:10", &[]),
            row("c", "PYRO:b@h:9", &[]),
            row("d", "PYRO:b@g:11", &[]),
        ];
        rows.sort_by_cached_key(Row::server);
        assert_eq!(rows.map(|row| row.name), ["d", "c", "b", "a"]);
    }
}
