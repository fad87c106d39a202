//! The options that Pyro's name servers do not have.

use std::path::PathBuf;

use clap::Args;

// What the command does is told at the options that every name server has.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct OwnArgs {
    /// A file with settings (TOML). Options count more than it, and so do PYRO_* variables. SIGHUP reads it again
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,

    /// Say whether the settings make sense, without starting a name server
    #[arg(long)]
    pub(super) check: bool,

    /// Let clients look, but change nothing
    #[arg(long)]
    pub(super) read_only: bool,

    /// Serve /metrics (for Prometheus) and /healthz over HTTP on this address; a port alone is one of localhost
    #[arg(long, value_name = "HOST:PORT")]
    pub(super) metrics_addr: Option<String>,
}
