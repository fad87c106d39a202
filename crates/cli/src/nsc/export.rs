//! All names of a name server in a document.

use std::path::{Path, PathBuf};

use clap::Args;
use ferropyro::naming::{Filter, NAMESERVER_ID};

use super::{Session, document, failed};
use crate::exit::{Exit, Failure, Outcome};
use crate::{files, output};

/// Writes all names into a JSON document, for `nsc import`
///
/// The name server's own name is not in it. How long a name is kept unless somebody renews it is not told to clients, so that it is not in it either.
#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// The file, which is replaced; - is standard output
    #[arg(value_name = "FILE", default_value = "-", value_hint = clap::ValueHint::FilePath)]
    file: PathBuf,
}

impl ExportArgs {
    pub(super) fn run(self, session: &Session) -> Outcome {
        let mut names = session.nameserver.list(&Filter::All).map_err(failed)?;
        names.remove(NAMESERVER_ID);
        let text = document::write(&names)?;
        if self.file == Path::new("-") {
            output::line(text);
            return Ok(Exit::Ok);
        }
        files::replace(&self.file, &format!("{text}\n")).map_err(|error| {
            Failure::new(
                Exit::Failed,
                format_args!("cannot write {}: {error}", self.file.display()),
            )
        })?;
        output::note(format_args!("{} names are in {}", names.len(), self.file.display()));
        Ok(Exit::Ok)
    }
}
