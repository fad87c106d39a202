//! SIGHUP: the file is read again, and what can change while the name server runs changes.

use ferropyro::logging::{self, logger};
use ferropyro_nameserver::NameServerDaemon;

use super::settings::Settings;
use super::{NsArgs, OwnArgs, supervisor};
use crate::exit::Failure;
use crate::output;
use crate::personality::Personality;

/// All that it takes to do it, as often as it is asked for.
pub(super) struct Reload {
    args: NsArgs,
    own: OwnArgs,
    /// What the name server was started with.
    started: Settings,
    nameserver: NameServerDaemon,
}

impl Reload {
    pub(super) fn new(args: NsArgs, own: OwnArgs, started: Settings, nameserver: NameServerDaemon) -> Reload {
        Reload {
            args,
            own,
            started,
            nameserver,
        }
    }

    pub(super) fn run(&self) {
        supervisor::reloading();
        match self.take_over() {
            Ok(text) => {
                tracing::info!(target: logger::NAMING, "{text}");
                output::note(text);
            }
            Err(failure) => {
                let text = format!("not reloaded, everything is as it was: {}", failure.text());
                tracing::error!(target: logger::NAMING, "{text}");
                output::note(text);
            }
        }
        supervisor::ready();
    }

    /// Gives a line about what has become of it.
    fn take_over(&self) -> Result<String, Failure> {
        let settings = Settings::new(&self.args, &self.own, Personality::Ferropyro)?;
        let object = self.nameserver.object();
        let was_read_only = object.statistics().is_read_only;
        // What can fail comes first, so that it can be undone.
        if !settings.read_only {
            object.set_read_only(false)?;
        }
        if let Err(error) = logging::reload_from_config(&settings.config) {
            object.set_read_only(was_read_only)?;
            return Err(Failure::usage(format_args!("cannot open the log file: {error}")));
        }
        object.set_read_only(settings.read_only)?;
        let access = match settings.read_only {
            true => "read-only",
            false => "for reading and writing",
        };
        let mut text = format!("reloaded: the name server is {access}");
        let fixed = self.started.fixed_differences(&settings);
        if !fixed.is_empty() {
            text += &format!("; what has changed of {} needs a restart", fixed.join(", "));
        }
        Ok(text)
    }
}
