//! The binary `ferropyro`.

use std::env;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let program = env::current_exe().unwrap_or_default();
    let folder = program.parent().unwrap_or(Path::new("?"));
    ferropyro_cli::main(env::args_os(), folder).into()
}
