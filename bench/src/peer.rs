//! What is measured: somebody who makes calls, and the server that answers them.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Problem;

/// A client, connected to its server.
pub(crate) trait Peer {
    /// Makes calls for about so long.
    fn call_for(&mut self, time: Duration) -> Result<Sample, Problem>;

    /// The processor time that its server has taken so far, if the server is measured and the system tells.
    fn server_time(&self) -> Option<Duration> {
        None
    }
}

/// So many calls took so long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    pub(crate) calls: u32,
    pub(crate) time: Duration,
}

impl Sample {
    /// As our Python programs print it: so many calls, a blank, so many seconds.
    pub(crate) fn from_line(line: &str) -> Result<Sample, Problem> {
        let (calls, seconds) = line.split_once(' ').ok_or("no sample from a Python client")?;
        Ok(Sample {
            calls: calls.parse()?,
            time: Duration::try_from_secs_f64(seconds.parse()?)?,
        })
    }

    pub(crate) fn seconds_per_call(self) -> f64 {
        self.time.as_secs_f64() / f64::from(self.calls.max(1))
    }
}

/// Calls made between two looks at the clock.
const BATCH: u32 = 16;

/// Repeats a call for about so long.
pub(crate) fn repeat(time: Duration, call: impl FnMut() -> Result<(), Problem>) -> Result<Sample, Problem> {
    repeat_in_batches(BATCH, time, call)
}

/// Repeats a call for about so long, and looks at the clock after every so many.
pub(crate) fn repeat_in_batches(
    batch: u32,
    time: Duration,
    mut call: impl FnMut() -> Result<(), Problem>,
) -> Result<Sample, Problem> {
    let start = Instant::now();
    let mut calls = 0;
    loop {
        for _ in 0..batch {
            call()?;
        }
        calls += batch;
        let passed = start.elapsed();
        if passed >= time {
            return Ok(Sample { calls, time: passed });
        }
    }
}

/// Another process that we talk to in lines. It is ended on drop; it also ends by itself when its standard input does.
pub(crate) struct Helper {
    process: Child,
    /// Kept open as long as the process shall live.
    pub(crate) input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Helper {
    pub(crate) fn start(mut command: Command) -> Result<Helper, Problem> {
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot start {command:?}: {error}"))?;
        match (process.stdin.take(), process.stdout.take()) {
            (Some(input), Some(output)) => Ok(Helper {
                process,
                input,
                output: BufReader::new(output),
            }),
            _ => Err("a process without pipes".into()),
        }
    }

    /// This program again, with other arguments.
    pub(crate) fn start_self(args: &[&str]) -> Result<Helper, Problem> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(args);
        Helper::start(command)
    }

    /// The number of its process.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Sends it a line.
    pub(crate) fn input_line(&mut self, line: &str) -> Result<(), Problem> {
        Ok(writeln!(self.input, "{line}")?)
    }

    /// Waits for the next line of its output.
    pub(crate) fn line(&mut self) -> Result<String, Problem> {
        let mut line = String::new();
        match self.output.read_line(&mut line)? {
            0 => Err("it ended without an answer".into()),
            _ => Ok(line.trim_end().to_owned()),
        }
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A client that is a process of its own: each line with a number of seconds it answers with the number of calls made in them and how long that took.
pub(crate) struct Client(Helper);

impl Client {
    /// When it says that it is.
    pub(crate) fn ready(mut client: Helper) -> Result<Client, Problem> {
        match client.line()?.as_str() {
            "ready" => Ok(Client(client)),
            other => Err(format!("a client says {other:?}").into()),
        }
    }
}

impl Peer for Client {
    fn call_for(&mut self, time: Duration) -> Result<Sample, Problem> {
        writeln!(self.0.input, "{}", time.as_secs_f64())?;
        let line = self.0.line()?;
        let (calls, seconds) = line.split_once(' ').ok_or("no sample from a client")?;
        Ok(Sample {
            calls: calls.parse()?,
            time: Duration::try_from_secs_f64(seconds.parse()?)?,
        })
    }
}

/// Ends this process when its standard input ends: then the one that started it is gone.
pub(crate) fn end_with_input() {
    std::thread::spawn(|| {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(0);
    });
}
