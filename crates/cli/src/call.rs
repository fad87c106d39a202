//! `ferropyro call`.

use clap::Args;

use crate::exit::{Exit, Failure, Outcome};

/// Calls a method
#[derive(Debug, Args)]
pub(crate) struct CallArgs {}

pub(crate) fn run(_args: CallArgs) -> Outcome {
    Err(Failure::new(Exit::Failed, "not available yet"))
}

/// Reads an attribute
#[derive(Debug, Args)]
pub(crate) struct GetArgs {}

pub(crate) fn get(_args: GetArgs) -> Outcome {
    Err(Failure::new(Exit::Failed, "not available yet"))
}

/// Sets an attribute
#[derive(Debug, Args)]
pub(crate) struct SetArgs {}

pub(crate) fn set(_args: SetArgs) -> Outcome {
    Err(Failure::new(Exit::Failed, "not available yet"))
}
