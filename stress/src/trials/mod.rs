//! The trials, and how they are chosen.

mod bombs;
mod cancel;
mod dead_peers;
mod depth;
mod fan_out;
mod flood;
mod idle;
mod kills;
mod malformed;
mod many_names;
mod panics;
mod shutdown;
mod silent;
mod slow_bytes;
mod slow_heads;
mod slow_readers;
mod too_many;

use std::time::Instant;

use crate::Problem;
use crate::process::raise_file_limit;
use crate::trial::Trial;

type Run = fn(&mut Trial) -> Result<(), Problem>;

/// Name, what it does, and the code.
const TRIALS: &[(&str, &str, Run)] = &[
    (
        "depth",
        "values nested as deep as is allowed, one level deeper, and a million levels",
        depth::run,
    ),
    (
        "malformed",
        "a million messages with mistakes, beside a usual client",
        malformed::run,
    ),
    (
        "slow-bytes",
        "messages byte by byte, and in two pieces cut at every place",
        slow_bytes::run,
    ),
    (
        "bombs",
        "a message that inflates to a gigabyte; 1,000 connections that announce one",
        bombs::run,
    ),
    (
        "idle",
        "10,000 connections that do nothing, plain and with TLS",
        idle::run,
    ),
    (
        "silent",
        "1,000 connections that never finish their handshake, beside a usual client",
        silent::run,
    ),
    (
        "slow-heads",
        "1,000 requests to the HTTP gateway that never end, and 1,000 that never begin, beside a usual client",
        slow_heads::run,
    ),
    (
        "flood",
        "connections made and closed for a minute; more of them than descriptors",
        flood::run,
    ),
    ("too-many", "one connection more than are allowed", too_many::run),
    (
        "slow-readers",
        "100 clients that ask for much and read nothing of it, or slowly",
        slow_readers::run,
    ),
    ("fan-out", "a call of 48 KB on each of many connections", fan_out::run),
    (
        "dead-peers",
        "peers that stop, reset, half close, or cannot be reached any more",
        dead_peers::run,
    ),
    ("cancel", "calls given up at every place where they wait", cancel::run),
    (
        "shutdown",
        "SIGTERM in the middle of the work, once and twice",
        shutdown::run,
    ),
    (
        "kills",
        "name servers that are killed in the middle of registrations, and started again",
        kills::run,
    ),
    (
        "many-names",
        "a million names: the start, look-ups, lists, and memory",
        many_names::run,
    ),
    ("panics", "10,000 calls that panic", panics::run),
];

pub(crate) fn usage() -> String {
    let mut text = String::from("usage: stress [NAME...] [--full]\n       stress --except NAME... [--full]\n\n");
    for (name, what, _) in TRIALS {
        text += &format!("  {name:<13} {what}\n");
    }
    text + "\nWithout a name all run, scaled to a small machine; --full takes the figures that we promise.\n"
}

pub(crate) fn main(args: &[&str]) -> Result<(), Problem> {
    let (full, except) = (args.contains(&"--full"), args.contains(&"--except"));
    let is_name = |arg: &&str| !["--full", "--except"].contains(arg);
    let names: Vec<&str> = args.iter().copied().filter(is_name).collect();
    if let Some(unknown) = names
        .iter()
        .find(|name| TRIALS.iter().all(|(known, ..)| known != *name))
    {
        return Err(format!("{}\nerror: unknown trial '{unknown}'", usage()).into());
    }
    println!("up to {} files may be open", raise_file_limit());
    let mut failures = Vec::new();
    for (name, what, run) in TRIALS {
        if !names.is_empty() && names.contains(name) == except {
            continue;
        }
        println!("\n{name}: {what}");
        let begun = Instant::now();
        let mut trial = Trial::new(full);
        if let Err(problem) = run(&mut trial) {
            trial.expect(false, problem);
        }
        println!("         {:.1} s", begun.elapsed().as_secs_f64());
        failures.extend(trial.failures().into_iter().map(|text| format!("{name}: {text}")));
    }
    match failures.is_empty() {
        true => Ok(()),
        false => Err(format!("\nFAILED\n{}", failures.join("\n")).into()),
    }
}
