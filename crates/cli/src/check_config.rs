//! `ferropyro check-config`.

use clap::Args;

use crate::exit::{Exit, Failure, Outcome};

/// Shows the configuration that the environment gives
#[derive(Debug, Args)]
pub(crate) struct CheckConfigArgs {}

pub(crate) fn run(_args: CheckConfigArgs, _personality: crate::personality::Personality) -> Outcome {
    Err(Failure::new(Exit::Failed, "not available yet"))
}
