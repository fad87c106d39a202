//! What a name server is started with: options count more than `PYRO_*` variables, these more than the file, and the file more than the defaults.

use ferropyro::Config;
use ferropyro::config::{ITEMS, ServerType};

use super::file::File;
use super::{NsArgs, OwnArgs};
use crate::exit::Failure;
use crate::personality::Personality;

/// All of it.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) config: Config,
    /// The options, and what the file says where they are silent.
    pub(super) args: NsArgs,
    pub(super) key: Option<String>,
    pub(super) metrics_addr: Option<String>,
    pub(super) read_only: bool,
}

impl Settings {
    pub(super) fn new(args: &NsArgs, own: &OwnArgs, personality: Personality) -> Result<Settings, Failure> {
        let file = own.config.as_deref().map(File::read).transpose()?.unwrap_or_default();
        let config = personality.config_over(|config| {
            // By our own name it serves any number of clients, each of which would take a thread of Pyro's name servers.
            if personality == Personality::Ferropyro {
                config.servertype = ServerType::Multiplex;
            }
            file.apply(config)
        })?;
        let key = match super::key(args, personality)? {
            Some(key) => Some(key),
            None => file.key()?,
        };
        let mut args = args.clone();
        let has_address = args.host.is_some() || args.port.is_some();
        let unixsocket = file.unixsocket().filter(|_| !has_address);
        args.unixsocket = args.unixsocket.or_else(|| unixsocket.map(str::to_owned));
        args.storage = args.storage.or_else(|| file.storage().map(str::to_owned));
        args.nobc |= file.nobc();
        let metrics_addr = own.metrics_addr.as_deref().or(file.metrics_addr());
        Ok(Settings {
            config,
            args,
            key,
            metrics_addr: metrics_addr.map(str::to_owned),
            read_only: own.read_only || file.read_only(),
        })
    }

    /// The names of what is different in others and cannot change while the name server runs.
    pub(super) fn fixed_differences(&self, other: &Settings) -> Vec<&'static str> {
        let items = ITEMS.iter().filter(|item| !is_taken_over(item.name));
        let mut names: Vec<&'static str> = items
            .filter(|item| item.get(&self.config) != item.get(&other.config))
            .map(|item| item.name)
            .collect();
        let secrets = |settings: &Settings| {
            let config = &settings.config;
            [config.ssl_serverkeypasswd.clone(), config.ssl_clientkeypasswd.clone()]
        };
        for (name, is_different) in [
            ("a password", secrets(self) != secrets(other)),
            ("unixsocket", self.args.unixsocket != other.args.unixsocket),
            ("storage", self.args.storage != other.args.storage),
            ("nobc", self.args.nobc != other.args.nobc),
            ("the key", self.key != other.key),
            ("metrics_addr", self.metrics_addr != other.metrics_addr),
        ] {
            if is_different {
                names.push(name);
            }
        }
        names
    }
}

/// Whether a reload takes over a setting.
fn is_taken_over(name: &str) -> bool {
    matches!(name, "LOGLEVEL" | "LOGFILE")
}
