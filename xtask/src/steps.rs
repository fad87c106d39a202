//! Running one program after the other, and saying at the end how each one went.

use std::process::{Command, Output};
use std::thread;
use std::time::{Duration, Instant};

use crate::Failure;

/// The steps of one command. A failing step does not keep the later ones from running, so that one run tells
/// everything that is wrong; a step that needs an earlier one asks for its result.
#[derive(Default)]
pub(crate) struct Steps {
    done: Vec<Step>,
}

struct Step {
    name: &'static str,
    verdict: Verdict,
    took: Duration,
}

enum Verdict {
    Passed,
    /// With the way to run this step alone.
    Failed(String),
    /// With the reason.
    Skipped(&'static str),
}

impl Steps {
    /// Runs a program; tells whether it ended well.
    pub(crate) fn run(&mut self, name: &'static str, mut command: Command) -> bool {
        let alone = spelled(&command);
        println!("\n==> {name}: {alone}");
        self.time(name, || match command.status() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => {
                eprintln!("==> {name}: {status}");
                Err(alone)
            }
            Err(error) => {
                eprintln!("==> {name}: cannot be started: {error}");
                Err(alone)
            }
        })
    }

    /// Runs programs at the same time, which wait for something most of it; what they print comes one after the other. Tells whether all ended well.
    pub(crate) fn run_together(&mut self, name: &'static str, commands: Vec<Command>) -> bool {
        for command in &commands {
            println!("\n==> {name}: {}", spelled(command));
        }
        self.time(name, || {
            let start = |mut command: Command| thread::spawn(move || (spelled(&command), command.output()));
            let running: Vec<_> = commands.into_iter().map(start).collect();
            let mut failed = Vec::new();
            for thread in running {
                let (alone, output) = thread.join().map_err(|_| "cargo xtask test".to_owned())?;
                let is_good = match output {
                    Ok(Output { status, stdout, stderr }) => {
                        print!("{}", String::from_utf8_lossy(&stdout));
                        eprint!("{}", String::from_utf8_lossy(&stderr));
                        status.success()
                    }
                    Err(error) => {
                        eprintln!("==> {name}: cannot be started: {error}");
                        false
                    }
                };
                if !is_good {
                    failed.push(alone);
                }
            }
            if failed.is_empty() {
                Ok(())
            } else {
                Err(failed.join("\n    "))
            }
        })
    }

    /// Runs something of our own, which ends well or gives the command that does this step alone.
    pub(crate) fn time(&mut self, name: &'static str, work: impl FnOnce() -> Result<(), String>) -> bool {
        let began = Instant::now();
        let verdict = match work() {
            Ok(()) => Verdict::Passed,
            Err(alone) => Verdict::Failed(alone),
        };
        let passed = matches!(verdict, Verdict::Passed);
        self.done.push(Step {
            name,
            verdict,
            took: began.elapsed(),
        });
        passed
    }

    /// Notes that a step could not be run.
    pub(crate) fn skip(&mut self, name: &'static str, reason: &'static str) {
        self.done.push(Step {
            name,
            verdict: Verdict::Skipped(reason),
            took: Duration::ZERO,
        });
    }

    /// Prints a line per step, then what to run again.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        println!();
        for Step { name, verdict, took } in &self.done {
            let seconds = took.as_secs_f64();
            match verdict {
                Verdict::Passed => println!("ok      {name:<24} {seconds:7.1} s"),
                Verdict::Failed(_) => println!("FAILED  {name:<24} {seconds:7.1} s"),
                Verdict::Skipped(reason) => println!("skipped {name:<24}           {reason}"),
            }
        }
        let mut all_passed = true;
        for step in &self.done {
            match &step.verdict {
                Verdict::Passed => continue,
                Verdict::Failed(alone) => println!("\n{} failed. To run it alone:\n    {alone}", step.name),
                Verdict::Skipped(_) => {}
            }
            all_passed = false;
        }
        if all_passed { Ok(()) } else { Err(Failure::Told) }
    }
}

/// The command as one would type it in the project's root.
fn spelled(command: &Command) -> String {
    let set = command.get_envs().filter_map(|(name, value)| {
        let value = quoted(&value?.to_string_lossy());
        Some(format!("{}={value}", name.to_string_lossy()))
    });
    let program = command.get_program().to_string_lossy();
    let program = if is_cargo(&program) {
        "cargo".to_owned()
    } else {
        quoted(&program)
    };
    let args = command.get_args().map(|arg| quoted(&arg.to_string_lossy()));
    set.chain([program]).chain(args).collect::<Vec<_>>().join(" ")
}

/// Under `cargo xtask` the program is the full path of the toolchain's cargo, which nobody types.
fn is_cargo(program: &str) -> bool {
    std::path::Path::new(program)
        .file_stem()
        .is_some_and(|name| name == "cargo")
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./=:+,@*\\".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{word}'")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spells_a_command_as_one_would_type_it() {
        let mut command = Command::new("/somewhere/bin/cargo");
        command
            .args(["doc", "--no-deps"])
            .env("RUSTDOCFLAGS", "-D warnings")
            .env_remove("PYRO_HOST");
        assert_eq!(spelled(&command), "RUSTDOCFLAGS='-D warnings' cargo doc --no-deps");
    }

    #[test]
    fn a_failed_or_skipped_step_fails_the_whole() {
        let mut steps = Steps::default();
        assert!(steps.time("good", || Ok(())));
        assert!(steps.finish().is_ok());

        let mut steps = Steps::default();
        assert!(!steps.time("bad", || Err("cargo bad".to_owned())));
        assert!(steps.time("good", || Ok(())));
        assert!(steps.finish().is_err());

        let mut steps = Steps::default();
        steps.skip("later", "bad failed");
        assert!(steps.finish().is_err());
    }

    #[cfg(unix)]
    #[test]
    fn programs_that_run_together_pass_when_all_of_them_do() {
        let all =
            |programs: &[&str]| Steps::default().run_together("several", programs.iter().map(Command::new).collect());
        assert!(all(&["true", "true"]));
        assert!(!all(&["true", "false"]));
        assert!(!all(&["no such program", "true"]));
    }
}
