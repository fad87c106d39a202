//! The `ferropyro` command: servers, tools, and drop-in replacements of Pyro's own programs.
//!
//! The binary is [`main`] and nothing else; the Python package runs the same for its commands.

mod bench;
mod call;
mod cert;
mod check_config;
mod client;
mod completions;
mod connection;
mod demo;
mod doctor;
mod echo;
mod echo_object;
mod exit;
mod files;
mod flame;
mod httpgateway;
mod inspect;
mod json;
mod keys;
mod man;
mod ns;
mod nsc;
mod output;
mod personality;
mod probe;
mod serve_files;
mod signals;
mod stub;
mod transfer;

use std::ffi::OsString;
use std::path::Path;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, CommandFactory, Parser, Subcommand};
use ferropyro::logging;

use crate::exit::{Exit, Outcome};
use crate::personality::{Link, Personality};

/// Pyro (Python Remote Objects) in one binary: a name server, its control tool, and tools for everything that speaks Pyro4 or Pyro5.
#[derive(Debug, Parser)]
#[command(name = "ferropyro", version)]
#[command(after_help = "\
Exit status: 0 ok, 1 a call failed, 2 wrong usage, 3 not found, 4 cannot connect, 5 no answer in time, 6 wrong key or certificate, \
7 changes are missing.

Try `ferropyro demo` first. Called by the name of one of Pyro's own programs, through a link (pyro5-ns, pyro5-nsc, \
pyro5-echoserver, pyro5-httpgateway, pyro5-check-config, pyro4-ns, pyro4-nsc, pyro4-test-echoserver, pyro4-httpgateway, pyro4-check-config), \
it does what that program does.")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Ns(ns::NsCommand),
    Nsc(nsc::NscArgs),
    /// `nsc` by the name of one of Pyro's tools.
    #[command(skip)]
    NscLink(nsc::LinkArgs),
    Echo(echo::EchoArgs),
    #[command(name = "httpgateway")]
    HttpGateway(httpgateway::HttpGatewayCommand),
    Call(call::CallArgs),
    Get(call::GetArgs),
    Set(call::SetArgs),
    Put(transfer::PutArgs),
    ServeFiles(serve_files::ServeFilesArgs),
    Inspect(inspect::InspectArgs),
    Stub(stub::StubArgs),
    Probe(probe::ProbeArgs),
    Doctor(doctor::DoctorArgs),
    Bench(bench::BenchArgs),
    Cert(cert::CertArgs),
    CheckConfig(check_config::CheckConfigArgs),
    Connection(connection::ConnectionArgs),
    Flame(flame::FlameArgs),
    Demo(demo::DemoArgs),
    Completions(completions::CompletionsArgs),
    Man(man::ManArgs),
}

/// What commands tell of the program that they are part of.
struct Program<'a> {
    called: &'a str,
    folder: &'a Path,
}

/// Does what a command line says, and gives the exit status. The first argument is the name that the program was called by: that of one of Pyro's own programs
/// makes it that program. `folder` is where the program is installed, for those who ask.
///
/// It is for a process that does nothing else: signals are handled here, and some commands end the process themselves.
pub fn main(args: impl IntoIterator<Item = OsString>, folder: &Path) -> u8 {
    let args: Vec<OsString> = args.into_iter().collect();
    let called = args.first().map(|name| name.to_string_lossy()).unwrap_or_default();
    let program = Program {
        called: &called,
        folder,
    };
    let outcome = parse(&args)
        .and_then(|(command, personality)| run(command, personality, &program).map_err(|failure| failure.report()));
    outcome.unwrap_or_else(|exit| exit) as u8
}

/// The command, and in whose manner it is done; of a command line that asks for no more than a text, or is wrong, the exit status.
fn parse(args: &[OsString]) -> Result<(Command, Personality), Exit> {
    match personality::link(args) {
        Some((link, personality, name)) => Ok((parse_link(link, name, args)?, personality)),
        None => match Cli::try_parse_from(args) {
            Ok(cli) => Ok((cli.command, Personality::Ferropyro)),
            Err(error) => Err(misuse(&error)),
        },
    }
}

fn run(command: Command, personality: Personality, program: &Program<'_>) -> Outcome {
    let command = match command {
        // Settings that make no sense are among what it looks for.
        Command::Doctor(args) => return doctor::run(args),
        // Its settings, those of the log too, may be in a file of its own.
        Command::Ns(args) => return ns::run(args, personality),
        other => other,
    };
    logging::init_from_config(&personality.config()?);
    files::raise_limit();
    match command {
        Command::Ns(args) => ns::run(args, personality),
        Command::Nsc(args) => nsc::run(args),
        Command::NscLink(args) => nsc::run_link(args, personality),
        Command::Echo(args) => echo::run(args, personality),
        Command::HttpGateway(command) => httpgateway::run(command, personality),
        Command::Call(args) => call::run(args),
        Command::Get(args) => call::get(args),
        Command::Set(args) => call::set(args),
        Command::Put(args) => transfer::put(args),
        Command::ServeFiles(args) => serve_files::run(args),
        Command::Inspect(args) => inspect::run(args),
        Command::Stub(args) => stub::run(args),
        Command::Probe(args) => probe::run(args),
        Command::Doctor(args) => doctor::run(args),
        Command::Bench(args) => bench::run(args),
        Command::Cert(args) => cert::run(args),
        Command::CheckConfig(args) => check_config::run(args, personality, program.folder),
        Command::Connection(args) => connection::run(args),
        Command::Flame(args) => flame::run(args),
        Command::Demo(args) => demo::run(args, program.called),
        Command::Completions(args) => completions::run(&args, Cli::command()),
        Command::Man(args) => man::run(&args, Cli::command()),
    }
}

/// Tells of a wrong command line; of a wrong command in the words that Pyro's tools have for it, with what was meant, maybe.
fn misuse(error: &clap::Error) -> Exit {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        // The likeliest one is the last.
        Some(ContextValue::Strings(texts)) => texts.last().cloned(),
        _ => None,
    };
    let (ErrorKind::InvalidSubcommand, Some(wrong)) = (error.kind(), text(ContextKind::InvalidSubcommand)) else {
        return told(error);
    };
    let meant = text(ContextKind::SuggestedSubcommand).map_or(String::new(), |meant| format!(" (is it '{meant}'?)"));
    output::note(format_args!("unknown command '{wrong}'{meant}; try --help"));
    Exit::Usage
}

/// Prints what clap has to say: help and the version on standard output, mistakes on standard error.
fn told(error: &clap::Error) -> Exit {
    // Whoever does not read it does not miss it.
    let _ = error.print();
    match error.use_stderr() {
        true => Exit::Usage,
        false => Exit::Ok,
    }
}

/// The arguments of a program that is called by the name of one of Pyro's: there is no subcommand in them.
fn parse_link(link: Link, name: &'static str, args: &[OsString]) -> Result<Command, Exit> {
    Ok(match link {
        Link::Ns => Command::Ns(ns::NsCommand::of_pyro(parse_as(name, args)?)),
        Link::Nsc => Command::NscLink(parse_as(name, args)?),
        Link::Echo => Command::Echo(parse_as(name, args)?),
        Link::HttpGateway4 => Command::HttpGateway(parse_as::<httpgateway::Pyro4Args>(name, args)?.into()),
        Link::HttpGateway5 => Command::HttpGateway(parse_as::<httpgateway::Pyro5Args>(name, args)?.into()),
        Link::CheckConfig => Command::CheckConfig(parse_as(name, args)?),
    })
}

fn parse_as<A: Args>(name: &'static str, args: &[OsString]) -> Result<A, Exit> {
    let command = A::augment_args(clap::Command::new(name));
    let parsed = command
        .try_get_matches_from(args)
        .and_then(|matches| A::from_arg_matches(&matches));
    parsed.map_err(|error| told(&error))
}
