//! The binary `ferropyro`.

use std::env;
use std::process::ExitCode;

fn main() -> ExitCode {
    ferropyro_cli::main(env::args_os()).into()
}
