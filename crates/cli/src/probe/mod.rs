//! `ferropyro probe`: what is listening at an address, and which protocol version it speaks (manual chapter "Tips & Tricks", wire protocol version).

mod conversation;
mod finding;

use std::time::Duration;

use clap::Args;
use ferropyro::{Dict, Location, Value};

use crate::client;
use crate::exit::{Exit, Failure, Outcome};
use crate::json::{self, Format};
use crate::output;
pub(crate) use conversation::probe;
pub(crate) use finding::{Finding, release};

/// Finds out what is listening at an address: Pyro 3, 4 or 5, ferropyro, or something else
///
/// Examples:
///   ferropyro probe localhost:9090
///   ferropyro probe ./u:/run/shop.sock -o json
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct ProbeArgs {
    /// HOST:PORT or ./u:PATH
    address: String,

    /// How long to wait for each answer
    #[arg(long, value_name = "SECONDS", default_value = "3", value_parser = client::seconds)]
    timeout: Duration,

    #[command(flatten)]
    format: Format,
}

pub(crate) fn run(args: ProbeArgs) -> Outcome {
    let location = Location::parse(&args.address, None).map_err(|error| {
        Failure::usage(format_args!(
            "{}: {error}; it should look like localhost:9090 or ./u:/run/x.sock",
            args.address
        ))
    })?;
    let finding = probe(&location, args.timeout);
    if args.format.is_json() {
        output::line(json::to_json(to_value(&location, &finding))?);
    } else {
        output::line(to_text(&location, &finding));
    }
    Ok(exit(&finding))
}

fn exit(finding: &Finding) -> Exit {
    match finding {
        Finding::Pyro { .. } => Exit::Ok,
        Finding::Closed(_) => Exit::Unreachable,
        Finding::Silent => Exit::TimedOut,
        Finding::Other { .. } | Finding::HangsUp => Exit::NotFound,
    }
}

fn to_text(location: &Location, finding: &Finding) -> String {
    let mut lines = vec![format!("{location}: {}", finding.peer())];
    for version in finding.versions() {
        lines.push(format!("Protocol version: {version} ({})", release(*version)));
    }
    if let Some(remark) = finding.remark() {
        lines.push(format!("It said: {remark}"));
    }
    lines.join("\n")
}

fn to_value(location: &Location, finding: &Finding) -> Value {
    let versions = finding.versions().iter().map(|version| Value::from(*version)).collect();
    Value::Dict(Dict::from([
        ("address", Value::from(location.to_string())),
        ("is_pyro", Value::from(matches!(finding, Finding::Pyro { .. }))),
        ("peer", Value::from(finding.peer())),
        ("protocol_versions", Value::List(versions)),
        ("remark", finding.remark().map_or(Value::None, Value::from)),
    ]))
}
