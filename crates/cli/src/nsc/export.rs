//! All names of a name server in a document.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use ferropyro::naming::{Filter, NAMESERVER_ID};

use super::{Session, document, failed};
use crate::exit::{Exit, Failure, Outcome};
use crate::output;

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
        replace(&self.file, &text).map_err(|error| {
            Failure::new(
                Exit::Failed,
                format_args!("cannot write {}: {error}", self.file.display()),
            )
        })?;
        output::note(format_args!("{} names are in {}", names.len(), self.file.display()));
        Ok(Exit::Ok)
    }
}

/// Writes a file beside it first, so that an older document is replaced by a whole one or not at all.
fn replace(file: &Path, text: &str) -> io::Result<()> {
    // A device or a pipe is written to as it is.
    if file.exists() && !file.is_file() {
        return fs::write(file, format!("{text}\n"));
    }
    let mut part = file.as_os_str().to_owned();
    part.push(".part");
    let result = fs::File::create(&part).and_then(|mut new| {
        writeln!(new, "{text}")?;
        new.sync_all()?;
        fs::rename(&part, file)
    });
    if result.is_err() {
        // It may be there or not.
        let _ = fs::remove_file(&part);
    }
    result
}
