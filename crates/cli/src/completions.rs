//! `ferropyro completions`: what a shell needs to complete the command line.

use clap::{Args, Command};
use clap_complete::Shell;

use crate::exit::{Exit, Outcome};
use crate::output;

/// Prints the completions for a shell
///
/// Examples:
///   ferropyro completions bash > ~/.local/share/bash-completion/completions/ferropyro
///   ferropyro completions zsh > ~/.zfunc/_ferropyro
///   ferropyro completions fish > ~/.config/fish/completions/ferropyro.fish
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

pub(crate) fn run(args: &CompletionsArgs, mut command: Command) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "ferropyro", &mut script);
    output::text(String::from_utf8_lossy(&script));
    Ok(Exit::Ok)
}
