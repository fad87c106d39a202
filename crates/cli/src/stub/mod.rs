//! `ferropyro stub`: a typed client for an object, in Rust or Python.

mod interface;
mod python;
mod rust;
mod text;
mod types;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use ferropyro::Proxy;
use interface::Interface;

use crate::client::ClientArgs;
use crate::exit::{Exit, Failure, Outcome};
use crate::{files, output};

/// Writes a typed client for an object: a trait in Rust, a protocol class in Python
///
/// A server of this library tells parameters, types and documentation; of others only names are known, and the rest has to be put in.
///
/// Examples:
///   ferropyro stub PYRONAME:thermometer --lang rust -o src/thermometer.rs
///   ferropyro stub PYRO:thermometer@localhost:4711 --lang python
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct StubArgs {
    /// The URI of the object. It stands in the stub as it is given here
    #[arg(value_name = "URI")]
    target: String,

    /// The language
    #[arg(long, value_enum)]
    lang: Language,

    /// For programs of Pyro4 (Python only)
    #[arg(long)]
    pyro4: bool,

    /// Write to this file, which is replaced, and not to standard output
    #[arg(short, long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    output: Option<PathBuf>,

    #[command(flatten)]
    client: ClientArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Language {
    Rust,
    Python,
}

pub(crate) fn run(args: StubArgs) -> Outcome {
    if args.pyro4 && args.lang != Language::Python {
        return Err(Failure::usage("--pyro4 is for --lang python"));
    }
    let client = args.client.client()?;
    let uri = client.uri(&args.target)?;
    let proxy = client.proxy(client.resolve(&uri)?)?;
    let interface = ask(&proxy, args.target)?;
    let stub = match (args.lang, args.pyro4) {
        (Language::Rust, _) => rust::write(&interface),
        (Language::Python, false) => python::write(&interface, "Pyro5.api"),
        (Language::Python, true) => python::write(&interface, "Pyro4"),
    };
    let Some(file) = args.output else {
        output::text(stub);
        return Ok(Exit::Ok);
    };
    files::replace(&file, &stub)
        .map_err(|error| Failure::new(Exit::Failed, format_args!("cannot write {}: {error}", file.display())))?;
    Ok(Exit::Ok)
}

fn ask(proxy: &Proxy, uri: String) -> Result<Interface, Failure> {
    Ok(match proxy.describe()? {
        Some(description) => Interface::told(uri, description),
        None => Interface::named(uri, &proxy.uri().object(), proxy.metadata()?),
    })
}
