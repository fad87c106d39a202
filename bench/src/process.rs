//! What the system tells of a process.

use std::fs;
use std::time::Duration;

/// A process that runs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Process(pub(crate) u32);

impl Process {
    /// The processor time of all its threads so far.
    pub(crate) fn processor_time(self) -> Option<Duration> {
        // The fields behind the name, which stands in parentheses and may hold anything.
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0)).ok()?;
        let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
        let user: u64 = fields.nth(11)?.parse().ok()?;
        let system: u64 = fields.next()?.parse().ok()?;
        Some(Duration::from_secs_f64((user + system) as f64 / ticks_per_second()))
    }

    /// The memory that it has in the machine's, in bytes.
    pub(crate) fn resident(self) -> Option<u64> {
        self.memory("VmRSS:")
    }

    /// The most that it has ever had.
    pub(crate) fn peak(self) -> Option<u64> {
        self.memory("VmHWM:")
    }

    fn memory(self, name: &str) -> Option<u64> {
        let kib: u64 = self.status(name)?.strip_suffix("kB")?.trim().parse().ok()?;
        Some(kib << 10)
    }

    pub(crate) fn threads(self) -> Option<usize> {
        self.status("Threads:")?.parse().ok()
    }

    /// How many files and sockets it has open.
    pub(crate) fn descriptors(self) -> Option<usize> {
        Some(fs::read_dir(format!("/proc/{}/fd", self.0)).ok()?.count())
    }

    fn status(self, name: &str) -> Option<String> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        Some(line.trim().to_owned())
    }
}

fn ticks_per_second() -> f64 {
    rustix::param::clock_ticks_per_second() as f64
}

/// Lets this process, and those that it starts, have as many files open as the system allows. Gives how many that are.
pub(crate) fn raise_file_limit() -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    // Where that is not allowed it stays as it is.
    let _ = setrlimit(Resource::Nofile, raised);
    let current = getrlimit(Resource::Nofile).current;
    current.map_or(usize::MAX, |limit| limit as usize)
}
