//! Adding names: with tags at once, or for as long only as this command, or another one, runs.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::process::{self, Child, ExitStatus};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use clap::Args;
use ferropyro::naming::Lease;
use ferropyro::{Dict, Uri};

use super::command::{Command, Misuse};
use super::own::{Task, parse};
use super::{Session, failed};
use crate::client::seconds;
use crate::exit::{Exit, Failure, Outcome};
use crate::{output, signals};

/// How often to look whether the other command has ended, and whether the name is kept.
const PERIOD: Duration = Duration::from_millis(50);
/// How long the other command has, after Ctrl-C in a terminal, to end by itself: it got that as well.
const PATIENCE: Duration = Duration::from_secs(3);

/// How long a name server may be silent before it is taken for gone: as long as a name is kept, within these.
const SHORTEST_SILENCE: Duration = Duration::from_secs(2);
const LONGEST_SILENCE: Duration = Duration::from_secs(30);

/// Adds a name, if it is free
///
/// With --ttl the name is there for as long only as this command runs: it is kept alive until Ctrl-C or SIGTERM, or while the command behind `--` runs, whose
/// exit status becomes that of this one. When this command is killed, the name goes after that time. This is no lock.
///
/// Examples:
///   ferropyro nsc register thermometer PYRO:thermometer@localhost:4711 sensor roof
///   ferropyro nsc register --ttl 10 thermometer PYRO:thermometer@localhost:4711 -- python thermometer.py
#[derive(Debug, Args)]
#[command(
    verbatim_doc_comment,
    override_usage = "ferropyro nsc register [OPTIONS] NAME URI [TAG...]\n       ferropyro nsc register [OPTIONS] --ttl SECONDS NAME URI [TAG...] [-- COMMAND...]"
)]
pub(super) struct RegisterArgs {
    /// The name, its URI, and tags
    #[arg(value_name = "WORD", value_hint = clap::ValueHint::Other)]
    words: Vec<String>,

    /// A tag; can be given more than once
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,

    /// Keep the name while this command runs, and this long afterwards at most
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    ttl: Option<Duration>,

    /// With --ttl: a command to run meanwhile
    #[arg(last = true, value_name = "COMMAND", value_hint = clap::ValueHint::CommandWithArguments)]
    command: Vec<OsString>,
}

/// A name to be kept.
struct Kept {
    name: String,
    uri: String,
    tags: BTreeSet<String>,
    ttl: Duration,
    command: Vec<OsString>,
}

impl RegisterArgs {
    pub(super) fn task(mut self) -> Result<Task, Misuse> {
        if self.ttl.is_none() && self.words.len() < 2 {
            // A name that begins with a hyphen.
            let words = self.command.drain(..).map(|word| word.to_string_lossy().into_owned());
            self.words.extend(words);
        }
        let rest = self.words.split_off(self.words.len().min(2));
        let Command::Register { name, uri } = parse("register", &self.words)? else {
            return Err(Misuse::no_command());
        };
        let tags: BTreeSet<String> = rest.into_iter().chain(self.tags).collect();
        let command = self.command;
        match self.ttl {
            Some(ttl) => {
                let kept = Kept {
                    name,
                    uri,
                    tags,
                    ttl,
                    command,
                };
                Ok(Task::with_name_server(move |session| kept.keep(session)))
            }
            None if !command.is_empty() => Err(Misuse::new(
                "a command behind -- requires --ttl SECONDS: the name is kept while that command runs",
            )),
            None if tags.is_empty() => Ok(Task::OfPyro(Command::Register { name, uri })),
            None => Ok(Task::with_name_server(move |session| {
                register(session, &name, &uri, tags)
            })),
        }
    }
}

fn register(session: &Session, name: &str, uri: &str, tags: BTreeSet<String>) -> Outcome {
    // The server judges the URI, whose text goes there as it is.
    let tags: Vec<String> = tags.into_iter().collect();
    let kwargs = Dict::from([("safe", true.into()), ("metadata", ferropyro::Value::from(tags))]);
    let proxy = session.nameserver.proxy();
    let () = proxy.call_with("register", (name, uri), &kwargs).map_err(failed)?;
    output::line(format_args!("Registered {name}"));
    Ok(Exit::Ok)
}

impl Kept {
    fn keep(self, session: &Session) -> Outcome {
        let uri: Uri = self
            .uri
            .parse()
            .map_err(|error| Failure::usage(format_args!("{}: {error}", self.uri)))?;
        // Before there is a name, so that no signal leaves it behind.
        let (sender, stop) = mpsc::channel();
        signals::on_stop(move || _ = sender.send(()))?;
        // A name server that is silent for as long as this has forgotten the name, and must not hold up the end.
        let proxy = session.nameserver.proxy();
        let silence = self.ttl.clamp(SHORTEST_SILENCE, LONGEST_SILENCE);
        proxy.set_timeout(proxy.timeout().or(Some(silence)));
        let lease = session
            .nameserver
            .register_leased(&self.name, &uri, &self.tags, self.ttl)
            .map_err(|error| session.cannot("keep names for a while only (--ttl)", error))?;
        // The lease has a connection of its own.
        proxy.release();
        let registered = format!("Registered {}", self.name);
        if self.command.is_empty() {
            output::line(registered);
            let mut trouble = Trouble::default();
            while stop.recv_timeout(PERIOD).is_err() {
                trouble.tell(&lease);
            }
            drop(lease);
            return Ok(Exit::Ok);
        }
        // What the other command prints are the data now.
        output::note(registered);
        let child = start(&self.command)?;
        let status = wait(child, &stop, &lease)?;
        drop(lease);
        process::exit(code(status));
    }
}

fn start(command: &[OsString]) -> Result<Child, Failure> {
    let program = command.first().cloned().unwrap_or_default();
    let child = process::Command::new(&program).args(command.iter().skip(1)).spawn();
    child.map_err(|error| {
        let text = format!("cannot start {}: {error}", program.to_string_lossy());
        Failure::new(Exit::Failed, text)
    })
}

/// Waits until the other command ends, and has it end when this one should.
fn wait(mut child: Child, stop: &Receiver<()>, lease: &Lease) -> Result<ExitStatus, Failure> {
    let mut trouble = Trouble::default();
    let mut deadline: Option<Instant> = None;
    loop {
        let ended = child.try_wait();
        let ended = ended.map_err(|error| Failure::new(Exit::Failed, format_args!("cannot wait for it: {error}")))?;
        if let Some(status) = ended {
            return Ok(status);
        }
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            end(&mut child);
            deadline = None;
        }
        if stop.recv_timeout(PERIOD).is_ok() {
            let patience = if io::stdin().is_terminal() {
                PATIENCE
            } else {
                Duration::ZERO
            };
            deadline = Some(Instant::now() + patience);
        }
        trouble.tell(lease);
    }
}

#[cfg(unix)]
fn end(child: &mut Child) {
    use rustix::process::{Pid, Signal, kill_process};

    // It has not been waited for, so that its number is its own.
    if let Some(pid) = Pid::from_raw(child.id().cast_signed()) {
        let _ = kill_process(pid, Signal::TERM);
    }
}

#[cfg(not(unix))]
fn end(child: &mut Child) {
    let _ = child.kill();
}

/// What a shell would give for it.
fn code(status: ExitStatus) -> i32 {
    #[cfg(unix)]
    let signal = std::os::unix::process::ExitStatusExt::signal(&status);
    #[cfg(not(unix))]
    let signal: Option<i32> = None;
    status
        .code()
        .or(signal.map(|signal| 128 + signal))
        .unwrap_or(Exit::Failed as i32)
}

/// Tells once that a name is not kept, and once that it is again.
#[derive(Default)]
struct Trouble {
    is_told: bool,
}

impl Trouble {
    fn tell(&mut self, lease: &Lease) {
        let trouble = lease.trouble();
        if trouble.is_some() != self.is_told {
            self.is_told = trouble.is_some();
            match trouble {
                Some(error) => output::note(format_args!("warning: {} is not kept alive: {error}", lease.name())),
                None => output::note(format_args!("{} is kept alive again", lease.name())),
            }
        }
    }
}
