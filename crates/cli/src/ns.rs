//! `ferropyro ns`: the name server.

use clap::Args;

use crate::exit::{Exit, Failure, Outcome};
use crate::personality::Personality;

/// Starts a name server
#[derive(Debug, Args)]
pub(crate) struct NsArgs {}

pub(crate) fn run(_args: NsArgs, _personality: Personality) -> Outcome {
    Err(Failure::new(Exit::Failed, "not available yet"))
}
