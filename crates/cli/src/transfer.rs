//! `ferropyro get` and `put` with files.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use ferropyro::{Dict, Proxy, Value};
use ferropyro_transfer::{By, Error, FileClient, Options, Summary};
use indicatif::{ProgressBar, ProgressStyle};

use crate::client::{Client, ClientArgs};
use crate::exit::{Exit, Failure, Outcome};
use crate::json::{self, Format};
use crate::output;

/// Sends a file to a file server
///
/// Nobody sees the file there before all of it has arrived with the right checksum.
///
/// Examples:
///   ferropyro put PYRONAME:files report.pdf
///   ferropyro put PYRONAME:files report.pdf 2026/november.pdf --resume
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct PutArgs {
    /// The URI of the file server
    #[arg(value_name = "URI")]
    server: String,

    /// The file here
    local: PathBuf,

    /// Its path at the server [default: the name of the file]; with a slash at its end, the folder
    remote: Option<String>,

    #[command(flatten)]
    how: How,

    #[command(flatten)]
    client: ClientArgs,

    #[command(flatten)]
    format: Format,
}

/// What can be chosen for transfers in both directions.
#[derive(Debug, Args)]
pub(crate) struct How {
    /// Which way the bytes go: in annotations, in calls (slower), or over a raw socket (fastest, if the server offers it; not encrypted)
    /// [default: annotations]
    #[arg(long, value_name = "annotations|calls|socket")]
    pub(crate) by: Option<By>,

    /// Go on where an earlier try was cut off
    #[arg(long)]
    pub(crate) resume: bool,

    /// No progress bar, and no words about what was transferred
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

pub(crate) fn put(args: PutArgs) -> Outcome {
    let name = file_name(&args.local)?;
    let remote = match args.remote {
        None => name.to_owned(),
        Some(folder) if folder.ends_with('/') => folder + name,
        Some(path) => path,
    };
    let files = connect(&args.server, &args.client.client()?)?;
    let report = Report::new(&remote, &args.how);
    let summary = files.put(&args.local, &remote, report.options(&args.how));
    report.finish(summary, &args.format)
}

/// Gets a file. Without a place for it, it keeps its name; a folder is a place too.
pub(crate) fn get(
    server: &str,
    remote: &str,
    local: Option<&Path>,
    how: &How,
    client: &Client,
    format: &Format,
) -> Outcome {
    let local = match local {
        Some(local) if local.is_dir() => local.join(file_name(Path::new(remote))?),
        Some(local) => local.to_owned(),
        None => PathBuf::from(file_name(Path::new(remote))?),
    };
    let files = connect(server, client)?;
    let report = Report::new(remote, how);
    let summary = files.get(remote, &local, report.options(how));
    report.finish(summary, format)
}

fn file_name(path: &Path) -> Result<&str, Failure> {
    let name = path.file_name().and_then(|name| name.to_str());
    name.ok_or_else(|| Failure::usage(format_args!("{}: this is no name of a file", path.display())))
}

fn connect(server: &str, client: &Client) -> Result<FileClient, Failure> {
    let uri = client.uri(server)?;
    let proxy: Proxy = client.proxy(client.resolve(&uri)?)?;
    proxy.bind()?;
    Ok(FileClient::new(proxy))
}

/// What the user sees of a transfer.
struct Report<'a> {
    path: &'a str,
    bar: ProgressBar,
    quiet: bool,
    start: Instant,
}

impl<'a> Report<'a> {
    /// With a bar on standard error, if that is a terminal.
    fn new(path: &'a str, how: &How) -> Report<'a> {
        let bar = match how.quiet {
            true => ProgressBar::hidden(),
            false => ProgressBar::new(0),
        };
        let style = ProgressStyle::with_template("{wide_bar} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Report {
            path,
            bar,
            quiet: how.quiet,
            start: Instant::now(),
        }
    }

    fn options(&self, how: &How) -> Options<'_> {
        Options::new()
            .by(how.by.unwrap_or_default())
            .resume(how.resume)
            .on_progress(|progress| {
                self.bar.set_length(progress.size);
                self.bar.set_position(progress.done);
            })
    }

    fn finish(self, summary: Result<Summary, Error>, format: &Format) -> Outcome {
        let time = self.start.elapsed();
        self.bar.finish_and_clear();
        let summary = summary.map_err(failure)?;
        if format.is_json() {
            output::line(json::to_json(to_value(self.path, &summary, time))?);
        } else if !self.quiet {
            output::note(to_text(self.path, &summary, time));
        }
        Ok(Exit::Ok)
    }
}

fn to_text(path: &str, summary: &Summary, time: Duration) -> String {
    let Summary {
        size,
        resumed_at,
        checksum,
    } = summary;
    let there = match resumed_at {
        0 => String::new(),
        bytes => format!(" ({bytes} were there already)"),
    };
    let rate = (size - resumed_at) as f64 / 1e6 / time.as_secs_f64();
    format!(
        "{path}: {size} bytes{there} in {:.1} s, {rate:.0} MB/s, SHA-256 {checksum}",
        time.as_secs_f64()
    )
}

fn to_value(path: &str, summary: &Summary, time: Duration) -> Value {
    Value::Dict(Dict::from([
        ("path", Value::from(path)),
        ("bytes", Value::from(summary.size)),
        ("resumed_at", Value::from(summary.resumed_at)),
        ("sha256", Value::from(summary.checksum.as_str())),
        ("seconds", Value::from(time.as_secs_f64())),
    ]))
}

/// The status tells of the server's file, of the way there, or that the transfer failed.
fn failure(error: Error) -> Failure {
    let is_stall = |error: &io::Error| matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock);
    match error {
        Error::Call(error) => match error.as_remote().map(|remote| remote.class_name()) {
            Some("FileNotFoundError") => Failure::new(Exit::NotFound, error.message()),
            // The server's own words, not a defect of it that a traceback would explain.
            Some("FileExistsError" | "PermissionError" | "BlockingIOError") => {
                Failure::new(Exit::Failed, error.message())
            }
            _ => Failure::from(error),
        },
        Error::Socket { ref source, .. } if is_stall(source) => Failure::new(Exit::TimedOut, error),
        Error::Socket { .. } => Failure::new(Exit::Unreachable, error),
        other => Failure::new(Exit::Failed, other),
    }
}
