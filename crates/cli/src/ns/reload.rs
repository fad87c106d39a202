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
    ///
    /// # Errors
    /// When the settings make no sense. Nothing has changed then.
    fn take_over(&self) -> Result<String, Failure> {
        let settings = Settings::new(&self.args, &self.own, Personality::Ferropyro)?;
        let object = self.nameserver.object();
        let mut troubles = Vec::new();
        if let Err(error) = object.set_read_only(settings.read_only) {
            troubles.push(format!("read_only: {error}"));
        }
        if let Err(error) = self.nameserver.daemon().reload_certificates() {
            troubles.push(format!("certificates: {error}"));
        }
        if let Err(error) = logging::reload_from_config(&settings.config) {
            troubles.push(format!("the log file: {error}"));
        }
        let access = match object.statistics().is_read_only {
            true => "read-only",
            false => "for reading and writing",
        };
        let mut text = format!("reloaded: the name server is {access}");
        let fixed = self.started.fixed_differences(&settings);
        if !fixed.is_empty() {
            text += &format!("; what has changed of {} needs a restart", fixed.join(", "));
        }
        if !troubles.is_empty() {
            text += &format!("; not taken over: {}", troubles.join(", "));
        }
        Ok(text)
    }
}
