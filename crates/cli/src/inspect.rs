//! `ferropyro inspect`.

use clap::Args;

use crate::exit::{Exit, Failure, Outcome};

/// Shows the objects of a server and what they offer
#[derive(Debug, Args)]
pub(crate) struct InspectArgs {}

pub(crate) fn run(_args: InspectArgs) -> Outcome {
    Err(Failure::new(Exit::Failed, "not available yet"))
}
