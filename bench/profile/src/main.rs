//! `cargo xtask bench profile echo`: how many instructions a call takes, part by part, in the client and in both servers.
//!
//! Valgrind's callgrind counts them, so that neither other programs nor the machine's speed matter. What the system does in a system call is not counted.

#![allow(clippy::print_stdout, clippy::print_stderr)] // it talks to the person at the terminal

mod callgrind;
mod figures;
mod graph;
mod measure;
mod parts;
mod source;
mod table;

use std::path::Path;
use std::process::{Command, ExitCode};

use figures::{Figures, Row};
use measure::{Laboratory, Side};
use source::Sources;
use table::{Functions, Table};

const USAGE: &str = "\
usage: cargo xtask bench profile echo [OPTIONS]

Counts the instructions of an echo call with valgrind, by part: client, thread-server and event-loop, each with every serializer.

  --side NAME         one of the three alone
  --serializer NAME   serpent, marshal, msgpack or json alone
  --functions         name the functions that take most in each part
  --check             compare serpent and msgpack with bench/instructions.txt, and fail if the difference is more than its band
  --write             write bench/instructions.txt anew
";

const SERIALIZERS: [&str; 4] = ["serpent", "marshal", "msgpack", "json"];
/// A text format and a binary one are enough to see what has changed.
const CHECKED: [&str; 2] = ["serpent", "msgpack"];
const KEPT: &str = "bench/instructions.txt";

type Problem = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match run(&args) {
        Ok(code) => code,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

/// What the command line asks for.
struct Options {
    sides: Vec<Side>,
    serializers: Vec<&'static str>,
    functions: bool,
    then: Then,
}

#[derive(PartialEq)]
enum Then {
    Print,
    Check,
    Write,
}

impl Options {
    fn parse(args: &[String]) -> Result<Options, String> {
        let mut options = Options {
            sides: Side::ALL.to_vec(),
            serializers: SERIALIZERS.to_vec(),
            functions: false,
            then: Then::Print,
        };
        let mut args = args.iter().map(String::as_str);
        match args.next() {
            Some("echo") => {}
            _ => return Err("profile what? There is echo".to_owned()),
        }
        while let Some(arg) = args.next() {
            match arg {
                "--side" => {
                    let name = args.next();
                    options.sides.retain(|side| Some(side.name()) == name);
                }
                "--serializer" => {
                    let name = args.next();
                    options.serializers.retain(|serializer| Some(*serializer) == name);
                }
                "--functions" => options.functions = true,
                "--check" => {
                    options.then = Then::Check;
                    options.serializers.retain(|serializer| CHECKED.contains(serializer));
                }
                "--write" => options.then = Then::Write,
                other => return Err(format!("unknown option '{other}'")),
            }
        }
        if options.sides.is_empty() || options.serializers.is_empty() {
            return Err("no such side, or no such serializer".to_owned());
        }
        let is_all = options.sides.len() * options.serializers.len() == Side::ALL.len() * SERIALIZERS.len();
        if options.then == Then::Write && !is_all {
            return Err("--write is for all sides and serializers".to_owned());
        }
        Ok(options)
    }
}

fn run(args: &[String]) -> Result<ExitCode, Problem> {
    if args.iter().any(|arg| arg == "--help" || arg == "-h") {
        print!("{USAGE}");
        return Ok(ExitCode::SUCCESS);
    }
    let options = Options::parse(args).map_err(|mistake| format!("{USAGE}\nerror: {mistake}"))?;
    // As the compiler saw it, which writes it into the debug information: without symbolic links.
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
    output_of("valgrind", &["--version"])
        .map_err(|problem| format!("{problem}\nvalgrind counts the instructions (Debian: apt-get install valgrind)"))?;
    let program = measure::program()?;
    let bytes = std::fs::read(&program).map_err(|error| format!("{}: {error}", program.display()))?;
    let laboratory = Laboratory::open(&program, Sources::of(&bytes, &root)?)?;
    let figures = measure(&laboratory, &options)?;
    let file = root.join(KEPT);
    match options.then {
        Then::Print => {
            print!("{}", table::legend());
            println!(
                "\nThe files of callgrind, for tools that show them, are in {}.",
                laboratory.folder().display()
            );
            Ok(ExitCode::SUCCESS)
        }
        Then::Write => {
            std::fs::write(&file, figures.to_string())?;
            println!("{KEPT} is written.");
            Ok(ExitCode::SUCCESS)
        }
        Then::Check => check(&figures, &Figures::parse(&std::fs::read_to_string(&file)?)?),
    }
}

/// Measures, and shows it side by side.
fn measure(laboratory: &Laboratory<'_>, options: &Options) -> Result<Figures, Problem> {
    let mut rows = Vec::new();
    for side in &options.sides {
        let first = rows.len();
        let mut functions = String::new();
        for serializer in &options.serializers {
            let call = laboratory.measure(*side, serializer)?;
            rows.push(Row::new(*side, serializer, &call));
            if options.functions {
                functions.push_str(&format!("{side}, {serializer}\n{}\n", Functions(&call)));
            }
        }
        let rows = rows.iter().skip(first).collect();
        println!("{}\n{functions}", Table { side: *side, rows });
    }
    let taken_with = format!(
        "{}, {}, {}",
        output_of("rustc", &["--version"])?,
        output_of("getconf", &["GNU_LIBC_VERSION"]).unwrap_or_else(|_| "another libc".to_owned()),
        processor()
    );
    Ok(Figures { taken_with, rows })
}

fn check(figures: &Figures, kept: &Figures) -> Result<ExitCode, Problem> {
    let (band, reason) = figures.band(kept);
    if let Some(reason) = reason {
        println!("{reason}");
    }
    let complaints = figures.complaints(kept, band);
    if complaints.is_empty() {
        println!("All totals are within {:.0} % of those in {KEPT}.", 100.0 * band);
        return Ok(ExitCode::SUCCESS);
    }
    for complaint in &complaints {
        eprintln!("{complaint}");
    }
    eprintln!(
        "That is not what {KEPT} has. The functions that take most: cargo xtask bench profile echo --functions.\n\
         If it is meant, or is better: cargo xtask bench profile echo --write, and commit the file with the reason."
    );
    Ok(ExitCode::FAILURE)
}

/// The processor as far as programs choose their code by it.
fn processor() -> String {
    #[cfg(target_arch = "x86_64")]
    let features = if std::arch::is_x86_feature_detected!("avx2") {
        " with AVX2"
    } else {
        ""
    };
    #[cfg(not(target_arch = "x86_64"))]
    let features = "";
    format!("{}{features}", std::env::consts::ARCH)
}

fn output_of(program: &str, args: &[&str]) -> Result<String, Problem> {
    let output = Command::new(program).args(args).output();
    let output = output.map_err(|error| format!("cannot start {program}: {error}"))?;
    match output.status.success() {
        true => Ok(String::from_utf8(output.stdout)?.trim().to_owned()),
        false => Err(format!("{program}: {}", output.status).into()),
    }
}
