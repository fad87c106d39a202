//! What the system tells of a process, and does to one.

use std::fs;
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, setrlimit};

use crate::Problem;

/// A process that runs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Process(pub(crate) u32);

impl Process {
    /// The memory that it has in the machine's, in bytes.
    pub(crate) fn resident(self) -> Result<u64, Problem> {
        self.size("VmRSS:")
    }

    /// The most that it ever had.
    pub(crate) fn peak(self) -> Result<u64, Problem> {
        self.size("VmHWM:")
    }

    /// What is the peak from now on counts from now.
    pub(crate) fn forget_peak(self) -> Result<(), Problem> {
        Ok(fs::write(format!("/proc/{}/clear_refs", self.0), "5")?)
    }

    pub(crate) fn threads(self) -> Result<usize, Problem> {
        Ok(self.status("Threads:")?.parse()?)
    }

    /// How many descriptors it has open.
    pub(crate) fn descriptors(self) -> Result<usize, Problem> {
        Ok(fs::read_dir(format!("/proc/{}/fd", self.0))?.count())
    }

    /// The processor time of all its threads so far.
    pub(crate) fn processor_time(self) -> Result<Duration, Problem> {
        // The fields behind the name, which stands in parentheses and may hold anything.
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0))?;
        let (_, fields) = stat.rsplit_once(')').ok_or("no fields")?;
        let mut fields = fields.split_whitespace().skip(11);
        let mut ticks = || -> Result<u64, Problem> { Ok(fields.next().ok_or("too few fields")?.parse()?) };
        // Hundredths of a second, on every Linux.
        Ok(Duration::from_millis(10 * (ticks()? + ticks()?)))
    }

    /// Whether all its threads have been stopped by a signal, which takes a moment.
    pub(crate) fn is_stopped(self) -> Result<bool, Problem> {
        for task in fs::read_dir(format!("/proc/{}/task", self.0))? {
            let status = fs::read_to_string(task?.path().join("status"))?;
            if !status.contains("\nState:\tT") {
                return Ok(false);
            }
        }
        Ok(true)
    }

    pub(crate) fn signal(self, signal: Signal) -> Result<(), Problem> {
        let pid = Pid::from_raw(self.0.try_into()?).ok_or("no process")?;
        Ok(kill_process(pid, signal)?)
    }

    fn size(self, name: &str) -> Result<u64, Problem> {
        let text = self.status(name)?;
        let kib: u64 = text.trim_end_matches("kB").trim().parse()?;
        Ok(kib << 10)
    }

    fn status(self, name: &str) -> Result<String, Problem> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0))?;
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        Ok(line.ok_or("the system does not tell")?.trim().to_owned())
    }
}

/// Lets this process, and those that it starts, have as many files open as the system allows. Gives how many that are.
pub(crate) fn raise_file_limit() -> usize {
    let maximum = getrlimit(Resource::Nofile).maximum;
    let _ = limit_files(maximum);
    getrlimit(Resource::Nofile)
        .current
        .map_or(usize::MAX, |limit| limit as usize)
}

/// Lets this process have so many files open.
pub(crate) fn limit_files(count: Option<u64>) -> Result<(), Problem> {
    let limits = getrlimit(Resource::Nofile);
    Ok(setrlimit(
        Resource::Nofile,
        Rlimit {
            current: count,
            maximum: limits.maximum,
        },
    )?)
}
