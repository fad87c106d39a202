//! `ferropyro echo`.

use clap::Args;

use crate::exit::{Exit, Failure, Outcome};

/// Starts the test echo server
#[derive(Debug, Args)]
pub(crate) struct EchoArgs {}

pub(crate) fn run(_args: EchoArgs, _personality: crate::personality::Personality) -> Outcome {
    Err(Failure::new(Exit::Failed, "not available yet"))
}
