//! `ferropyro man`: manual pages.

use std::fs;
use std::io;
use std::path::PathBuf;

use clap::{Args, Command};
use clap_mangen::Man;

use crate::exit::{Exit, Failure, Outcome};
use crate::output;

/// Writes the manual pages of all commands into a folder, or prints the main one
///
/// Examples:
///   ferropyro man | man -l -
///   ferropyro man ~/.local/share/man/man1
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct ManArgs {
    /// The folder, which is made if there is none
    #[arg(value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    folder: Option<PathBuf>,
}

pub(crate) fn run(args: &ManArgs, command: Command) -> Outcome {
    let cannot = |error: io::Error| Failure::new(Exit::Failed, format_args!("cannot write the manual pages: {error}"));
    match &args.folder {
        Some(folder) => {
            fs::create_dir_all(folder).map_err(cannot)?;
            clap_mangen::generate_to(command, folder).map_err(cannot)?;
            output::note(format_args!("The manual pages are in {}", folder.display()));
        }
        None => {
            let mut page = Vec::new();
            Man::new(command).render(&mut page).map_err(cannot)?;
            output::text(String::from_utf8_lossy(&page));
        }
    }
    Ok(Exit::Ok)
}
