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

pub(crate) fn run(args: CheckConfigArgs, personality: Personality) -> Outcome {
    let personality = match args.generation {
        Some(GenerationArg::Pyro4) => Personality::Pyro4,
        Some(GenerationArg::Pyro5) => Personality::Pyro5,
        None => personality,
    };
    let config = personality.config()?;
    output::line(match personality {
        Personality::Ferropyro => own(&config),
        Personality::Pyro4 => pyro4(&config),
        Personality::Pyro5 => pyro5(&config),
    });
    Ok(Exit::Ok)
}

fn own(config: &Config) -> String {
    format!(
        "ferropyro version: {}\nLoaded from: {}\nProtocol version: {} (Pyro5)\nProtocol version: {} (Pyro4)\n\
         Currently active configuration settings:\n{}",
        env!("CARGO_PKG_VERSION"),
        folder(),
        Dialect::V502.version(),
        Dialect::V48.version(),
        config.dump(),
    )
}

fn pyro4(config: &Config) -> String {
    format!(
        "{}\nCurrently active configuration settings:\n{}",
        heading("4.82", Dialect::V48),
        config.dump_as(Generation::Pyro4)
    )
}

fn pyro5(config: &Config) -> String {
    format!(
        "{}\nCurrently active global configuration settings:\n{}",
        heading("5.17", Dialect::V502),
        config.dump_as(Generation::Pyro5)
    )
}

/// The lines of Pyro's own tools, with what is true here.
fn heading(pyro: &str, dialect: Dialect) -> String {
    format!(
        "Pyro version: {pyro} (ferropyro {})\nLoaded from: {}\nPython version: none, this is a native program ({}, {})\nProtocol version: {}",
        env!("CARGO_PKG_VERSION"),
        folder(),
        env::consts::OS,
        env::consts::FAMILY,
        dialect.version(),
    )
}

/// The folder of this program.
fn folder() -> String {
    let program = env::current_exe().unwrap_or_default();
    program.parent().unwrap_or(Path::new("?")).display().to_string()
}
