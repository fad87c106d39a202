//! Whose manners a command has: our own, or those of one of Pyro's programs, by whose name it was called.

use std::ffi::OsString;
use std::path::Path;

use ferropyro::Config;
use ferropyro::config::UnknownItems;

use crate::exit::Failure;

/// Whose options, lines and rules a command follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Personality {
    /// Our own.
    Ferropyro,
    /// Those of Pyro4's programs.
    Pyro4,
    /// Those of Pyro5's programs.
    Pyro5,
}

/// The commands that stand in for programs of Pyro.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Link {
    Ns,
    Nsc,
    Echo,
    /// Pyro4's gateway, which has other options than Pyro5's.
    HttpGateway4,
    HttpGateway5,
    CheckConfig,
}

const LINKS: [(&str, Link, Personality); 10] = [
    ("pyro4-ns", Link::Ns, Personality::Pyro4),
    ("pyro4-nsc", Link::Nsc, Personality::Pyro4),
    ("pyro4-test-echoserver", Link::Echo, Personality::Pyro4),
    ("pyro4-httpgateway", Link::HttpGateway4, Personality::Pyro4),
    ("pyro4-check-config", Link::CheckConfig, Personality::Pyro4),
    ("pyro5-ns", Link::Ns, Personality::Pyro5),
    ("pyro5-nsc", Link::Nsc, Personality::Pyro5),
    ("pyro5-echoserver", Link::Echo, Personality::Pyro5),
    ("pyro5-httpgateway", Link::HttpGateway5, Personality::Pyro5),
    ("pyro5-check-config", Link::CheckConfig, Personality::Pyro5),
];

/// The program of Pyro by whose name this one was called, if it was.
pub(crate) fn link(args: &[OsString]) -> Option<(Link, Personality, &'static str)> {
    let name = Path::new(args.first()?).file_stem()?.to_str()?;
    LINKS
        .iter()
        .find(|(link, ..)| *link == name)
        .map(|&(name, link, personality)| (link, personality, name))
}

impl Personality {
    /// The configuration of the environment, on top of the defaults of that generation. A misspelt `PYRO_*` variable is an error as in Pyro5, but
    /// not to Pyro4's programs.
    pub(crate) fn config(self) -> Result<Config, Failure> {
        self.config_over(|_| Ok(()))
    }

    /// The same with other defaults: those of the generation as this changes them.
    pub(crate) fn config_over(
        self,
        change: impl FnOnce(&mut Config) -> Result<(), Failure>,
    ) -> Result<Config, Failure> {
        let (mut config, unknown) = match self {
            Personality::Ferropyro => (Config::default(), UnknownItems::Refuse),
            Personality::Pyro4 => (Config::pyro4(), UnknownItems::Ignore),
            Personality::Pyro5 => (Config::pyro5(), UnknownItems::Refuse),
        };
        change(&mut config)?;
        config.apply_env(unknown).map_err(Failure::usage)?;
        Ok(config)
    }
}
