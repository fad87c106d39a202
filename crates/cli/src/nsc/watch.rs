//! The changes of a name server as they happen: as lines of JSON, or as runs of a command.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use clap::Args;
use ferropyro::naming::{Change, Filter, Watch};
use ferropyro::{Dict, Error, ErrorKind, Value};

use super::Session;
use crate::exit::{Exit, Failure, Outcome};
use crate::{json, output, signals};

/// After this time without an answer, the name server is taken for gone.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long to wait before a name server is looked for again; doubled each time, up to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LAST_PAUSE: Duration = Duration::from_secs(5);

/// Tells every change of the names as it happens, until Ctrl-C
///
/// A line of JSON for each change, with "revision", "event" (put or remove), "name", "uri" and "metadata"; or a run of the command behind `--` for each, one
/// after the other, which finds the same in its variables PYRO_REVISION, PYRO_EVENT, PYRO_NAME, PYRO_URI and PYRO_METADATA (a JSON array).
///
/// When the name server was away, it goes on behind the last change, without gap or duplicate. When that cannot be, because the changes since then are not
/// known any more, the exit status is 7; with --relist the present names are told as if they had just been registered, and it goes on.
///
/// Examples:
///   ferropyro nsc watch
///   ferropyro nsc watch sensors. --rev 0 --relist       the present names first
///   ferropyro nsc watch sensors. -- sh -c 'echo "$PYRO_EVENT $PYRO_NAME"'
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct WatchArgs {
    /// What the names start with
    prefix: Option<String>,

    /// Go on behind this revision [default: begin with what happens from now on]
    #[arg(long, value_name = "REVISION")]
    rev: Option<u64>,

    /// When changes are missing, tell the present names in their place, and go on
    #[arg(long)]
    relist: bool,

    /// What the names of the command's variables begin with; programs with Pyro in them take PYRO_... for settings and refuse these: use another one there
    #[arg(long, value_name = "TEXT", default_value = "PYRO_", requires = "command")]
    env_prefix: String,

    /// A command to run for each change
    #[arg(last = true, value_name = "COMMAND", value_hint = clap::ValueHint::CommandWithArguments)]
    command: Vec<OsString>,
}

/// Lets a change be told to its end before the process ends.
#[derive(Default)]
struct Stop {
    is_wanted: AtomicBool,
    busy: Mutex<()>,
}

struct Follower<'s> {
    session: &'s Session,
    args: WatchArgs,
    /// `None`: the names have to be listed anew.
    watch: Option<Watch>,
    /// The names that were told of and are there, as far as is known; kept for listing anew.
    told: BTreeSet<String>,
    is_away: bool,
}

impl WatchArgs {
    pub(super) fn run(self, session: &Session) -> Outcome {
        let stop = Arc::new(Stop::default());
        let handler = Arc::clone(&stop);
        signals::on_stop(move || handler.stop())?;
        let proxy = session.nameserver.proxy();
        proxy.set_timeout(proxy.timeout().or(Some(PATIENCE)));
        let watch = self.begin(session)?;
        output::note(format_args!("Watching behind revision {}", watch.revision()));
        // The watch has a connection of its own.
        proxy.release();
        let follower = Follower {
            session,
            args: self,
            watch: Some(watch),
            told: BTreeSet::new(),
            is_away: false,
        };
        follower.follow(&stop)
    }

    fn begin(&self, session: &Session) -> Result<Watch, Failure> {
        let cannot = |error| session.cannot("be watched", error);
        let now = session.nameserver.watch(self.prefix(), None).map_err(cannot)?;
        match self.rev {
            None => Ok(now),
            Some(revision) if revision > now.revision() => {
                let text = format!(
                    "revision {revision} has not happened yet: the latest is {}",
                    now.revision()
                );
                Err(Failure::usage(text))
            }
            revision => session.nameserver.watch(self.prefix(), revision).map_err(cannot),
        }
    }

    fn prefix(&self) -> &str {
        self.prefix.as_deref().unwrap_or_default()
    }
}

impl Stop {
    fn stop(&self) {
        self.is_wanted.store(true, Ordering::SeqCst);
        // Who is busy looks at it afterwards.
        if self.busy.try_lock().is_ok() {
            process::exit(Exit::Ok as i32);
        }
    }

    /// Does this without being cut off; gives whether it was to be the last.
    fn finish<T>(&self, work: impl FnOnce() -> T) -> (T, bool) {
        let busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        let result = work();
        drop(busy);
        (result, self.is_wanted.load(Ordering::SeqCst))
    }
}

impl Follower<'_> {
    fn follow(mut self, stop: &Stop) -> Outcome {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.next() {
                Ok(changes) => {
                    pause = FIRST_PAUSE;
                    for change in changes {
                        let (goes_on, is_over) = stop.finish(|| self.tell(&change));
                        if !goes_on? || is_over {
                            return Ok(Exit::Ok);
                        }
                    }
                }
                Err(error) if is_gap(&error) => self.lose(&error)?,
                Err(error) if matches!(Exit::of(&error), Exit::Unreachable | Exit::TimedOut) => {
                    self.is_gone(&error);
                    thread::sleep(pause);
                    pause = (pause * 2).min(LAST_PAUSE);
                }
                Err(error) => return Err(self.session.cannot("be watched", error)),
            }
        }
    }

    /// Waits for what is to be told next; nothing is an answer, too.
    fn next(&mut self) -> Result<Vec<Change>, Error> {
        if self.is_away {
            self.look_again()?;
        }
        let Some(watch) = &mut self.watch else {
            return self.list_anew();
        };
        Ok(watch.next_within(PATIENCE)?.into_iter().collect())
    }

    /// Whether the name server is there again, and is the same one: if it has begun anew, with its clock put back, its revisions say nothing.
    fn look_again(&mut self) -> Result<(), Error> {
        let latest = self.session.nameserver.watch(self.args.prefix(), None)?.revision();
        self.is_away = false;
        output::note("the name server is back");
        match self.watch.as_ref().map(Watch::revision) {
            Some(revision) if revision > latest => {
                let text = format!("the name server is at revision {latest}, and {revision} was told already");
                Err(Error::new(ErrorKind::Naming, text))
            }
            _ => Ok(()),
        }
    }

    /// The watch comes first, so that nothing is missed; what happens before the list is made comes twice, and says the same.
    fn list_anew(&mut self) -> Result<Vec<Change>, Error> {
        let nameserver = &self.session.nameserver;
        let prefix = self.args.prefix();
        let watch = nameserver.watch(prefix, None)?;
        let filter = match prefix {
            "" => Filter::All,
            prefix => Filter::Prefix(prefix.to_owned()),
        };
        let present = nameserver.list(&filter)?;
        nameserver.proxy().release();
        let revision = watch.revision();
        let change = |name: String, registration| Change {
            revision,
            name,
            registration,
        };
        let gone = self.told.iter().filter(|name| !present.contains_key(*name));
        let mut changes: Vec<Change> = gone.map(|name| change(name.clone(), None)).collect();
        changes.extend(present.into_iter().map(|(name, entry)| change(name, Some(entry))));
        self.watch = Some(watch);
        Ok(changes)
    }

    /// Changes are missing.
    fn lose(&mut self, error: &Error) -> Result<(), Failure> {
        let text = format!("changes are missing: {}", error.message());
        if !self.args.relist {
            return Err(Failure::new(Exit::Lost, format_args!("{text} (or: --relist)")));
        }
        output::note(format_args!("{text}: the present names follow"));
        self.watch = None;
        Ok(())
    }

    /// Gives whether to go on.
    fn tell(&mut self, change: &Change) -> Result<bool, Failure> {
        if self.args.relist {
            match change.registration {
                Some(_) => self.told.insert(change.name.clone()),
                None => self.told.remove(&change.name),
            };
        }
        match self.args.command.is_empty() {
            true => Ok(output::try_line(json::to_json(shown(change))?).is_ok()),
            false => self.run(change).map(|()| true),
        }
    }

    fn run(&self, change: &Change) -> Result<(), Failure> {
        let (program, arguments) = self
            .args
            .command
            .split_first()
            .ok_or_else(|| Failure::usage("which command?"))?;
        let uri = change.registration.as_ref().map(|entry| entry.uri.clone());
        let variables = [
            ("REVISION", change.revision.to_string()),
            ("EVENT", event(change).to_owned()),
            ("NAME", change.name.clone()),
            ("URI", uri.unwrap_or_default()),
            ("METADATA", json::to_json(tags(change))?),
        ];
        let prefix = &self.args.env_prefix;
        let status = process::Command::new(program)
            .args(arguments)
            .envs(variables.map(|(name, value)| (format!("{prefix}{name}"), value)))
            .status();
        match status {
            Ok(status) if status.success() => {}
            Ok(status) => output::note(format_args!(
                "warning: the command for {} ended with {status}",
                change.name
            )),
            Err(error) => {
                let text = format!("cannot start {}: {error}", program.to_string_lossy());
                return Err(Failure::new(Exit::Failed, text));
            }
        }
        Ok(())
    }

    fn is_gone(&mut self, error: &Error) {
        if !self.is_away {
            output::note(format_args!(
                "the name server is away, and is looked for again: {error}"
            ));
        }
        self.is_away = true;
    }
}

/// The error of the name server for changes that it does not know any more.
fn is_gap(error: &Error) -> bool {
    error.kind() == ErrorKind::Naming
}

fn shown(change: &Change) -> Value {
    let uri = change.registration.as_ref().map(|entry| entry.uri.as_str());
    Value::Dict(Dict::from([
        ("revision", Value::from(change.revision)),
        ("event", Value::from(event(change))),
        ("name", Value::from(change.name.as_str())),
        ("uri", Value::from(uri)),
        ("metadata", tags(change)),
    ]))
}

fn event(change: &Change) -> &'static str {
    match change.registration {
        Some(_) => "put",
        None => "remove",
    }
}

fn tags(change: &Change) -> Value {
    let tags = change.registration.iter().flat_map(|entry| &entry.metadata);
    Value::List(tags.map(|tag| Value::from(tag.as_str())).collect())
}
