//! `ferropyro demo`.

use clap::Args;

use crate::exit::{Exit, Failure, Outcome};

/// Shows what it is all about
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {}

pub(crate) fn run(_args: DemoArgs) -> Outcome {
    Err(Failure::new(Exit::Failed, "not available yet"))
}
