//! `ferropyro flame console`: a Python that is somewhere else, line by line.

use std::io::{self, BufRead as _, IsTerminal as _};

use ferropyro_flame::Flame;

use crate::exit::{Exit, Failure};
use crate::output;

/// Until the input ends. There are prompts if a person types the lines.
pub(super) fn run(flame: &Flame) -> Result<(), Failure> {
    let console = flame.console()?;
    output::note(console.banner()?);
    let has_prompts = io::stdin().is_terminal();
    let prompt = |wants_more| {
        if has_prompts {
            output::text(if wants_more { "... " } else { ">>> " });
        }
    };
    prompt(false);
    for line in io::stdin().lock().lines() {
        let line = line.map_err(|error| Failure::new(Exit::Failed, format_args!("the input: {error}")))?;
        let pushed = console.push(&line)?;
        output::text(pushed.output);
        prompt(pushed.wants_more);
    }
    console.terminate()?;
    output::note("(Remote session ended)");
    Ok(())
}
