//! `ferropyro nsc`: asks and changes a name server.

use clap::Args;

use crate::exit::{Exit, Failure, Outcome};
use crate::personality::Personality;

/// Asks and changes a name server
#[derive(Debug, Args)]
pub(crate) struct NscArgs {}

pub(crate) fn run(_args: NscArgs, _personality: Personality) -> Outcome {
    Err(Failure::new(Exit::Failed, "not available yet"))
}
