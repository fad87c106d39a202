//! `ferropyro probe`.

use clap::Args;

use crate::exit::{Exit, Failure, Outcome};

/// Finds out what is listening at an address
#[derive(Debug, Args)]
pub(crate) struct ProbeArgs {}

pub(crate) fn run(_args: ProbeArgs) -> Outcome {
    Err(Failure::new(Exit::Failed, "not available yet"))
}
