//! `ferropyro check-config`: the configuration that servers and tools would have in this environment.

use std::env;
use std::path::Path;

use clap::{Args, ValueEnum};
use ferropyro::config::Generation;
use ferropyro::{Config, Dialect};

use crate::exit::{Exit, Outcome};
use crate::output;
use crate::personality::Personality;

/// Shows the configuration that the environment gives
#[derive(Debug, Args)]
pub(crate) struct CheckConfigArgs {
    /// Show what this generation's own tool would show: its settings and its defaults
    #[arg(long = "as", value_name = "GENERATION")]
    generation: Option<GenerationArg>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum GenerationArg {
    Pyro4,
    Pyro5,
}

pub(crate) fn run(args: CheckConfigArgs, personality: Personality, folder: &Path) -> Outcome {
    let personality = match args.generation {
        Some(GenerationArg::Pyro4) => Personality::Pyro4,
        Some(GenerationArg::Pyro5) => Personality::Pyro5,
        None => personality,
    };
    let config = personality.config()?;
    output::line(match personality {
        Personality::Ferropyro => own(&config, folder),
        Personality::Pyro4 => pyro4(&config, folder),
        Personality::Pyro5 => pyro5(&config, folder),
    });
    Ok(Exit::Ok)
}

fn own(config: &Config, folder: &Path) -> String {
    format!(
        "ferropyro version: {}\nLoaded from: {}\nProtocol version: {} (Pyro5)\nProtocol version: {} (Pyro4)\n\
         Currently active configuration settings:\n{}",
        env!("CARGO_PKG_VERSION"),
        folder.display(),
        Dialect::V502.version(),
        Dialect::V48.version(),
        config.dump(),
    )
}

fn pyro4(config: &Config, folder: &Path) -> String {
    format!(
        "{}\nCurrently active configuration settings:\n{}",
        heading("4.82", Dialect::V48, folder),
        config.dump_as(Generation::Pyro4)
    )
}

fn pyro5(config: &Config, folder: &Path) -> String {
    format!(
        "{}\nCurrently active global configuration settings:\n{}",
        heading("5.17", Dialect::V502, folder),
        config.dump_as(Generation::Pyro5)
    )
}

/// The lines of Pyro's own tools, with what is true here.
fn heading(pyro: &str, dialect: Dialect, folder: &Path) -> String {
    format!(
        "Pyro version: {pyro} (ferropyro {})\nLoaded from: {}\nPython version: none, this is a native program ({}, {})\nProtocol version: {}",
        env!("CARGO_PKG_VERSION"),
        folder.display(),
        env::consts::OS,
        env::consts::FAMILY,
        dialect.version(),
    )
}
