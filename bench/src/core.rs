//! Which processor cores the measured processes run on.

#[cfg(target_os = "linux")]
use std::sync::OnceLock;

use crate::Problem;

/// One core for everything, or one for the clients and one for the servers.
pub(crate) struct Cores {
    clients: usize,
    servers: usize,
    /// Whether the system may choose all the same.
    free: bool,
}

/// Who runs on a core.
#[derive(Clone, Copy)]
pub(crate) enum Seat {
    Clients,
    Servers,
}

impl Cores {
    /// One core for all processes: the last, as the first one has most of the system's own work.
    pub(crate) fn one() -> Result<Cores, Problem> {
        let last = *allowed()?.last().ok_or("no core is allowed")?;
        Ok(Cores {
            clients: last,
            servers: last,
            free: false,
        })
    }

    /// A core for the clients and one for the servers, if there are two.
    pub(crate) fn two() -> Result<Cores, Problem> {
        let Cores { clients, .. } = Cores::one()?;
        let allowed = allowed()?;
        let servers = allowed.iter().rev().nth(1).copied().unwrap_or(clients);
        // The servers are what is measured: the system's own work shall hit the clients.
        Ok(Cores {
            clients: servers,
            servers: clients,
            free: false,
        })
    }

    /// All of them for everybody, as the system chooses: what a machine does with several programs, less repeatable than with a core for each side.
    pub(crate) fn free() -> Cores {
        Cores {
            clients: 0,
            servers: 0,
            free: true,
        }
    }

    /// Moves this thread to a core, and with it every thread and process that it starts from now on.
    pub(crate) fn sit(&self, seat: Seat) -> Result<(), Problem> {
        match seat {
            // An earlier benchmark may have moved it.
            _ if self.free => pin_to(&allowed()?),
            Seat::Clients => pin_to(&[self.clients]),
            Seat::Servers => pin_to(&[self.servers]),
        }
    }
}

impl std::fmt::Display for Cores {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.clients == self.servers {
            _ if self.free => write!(f, "pinned to no core"),
            true => write!(f, "all processes pinned to core {}", self.clients),
            false => write!(
                f,
                "the servers pinned to core {}, the clients to core {}",
                self.servers, self.clients
            ),
        }
    }
}

/// Pins everything to one core. Gives what to tell about it.
pub(crate) fn pin() -> String {
    let pinned = Cores::one().and_then(|core| core.sit(Seat::Clients).map(|()| core));
    pinned.map_or_else(|problem| format!("not pinned: {problem}"), |core| core.to_string())
}

/// The cores that this program was started on.
#[cfg(target_os = "linux")]
fn allowed() -> Result<Vec<usize>, Problem> {
    use rustix::thread::{CpuSet, sched_getaffinity};

    static ALLOWED: OnceLock<Vec<usize>> = OnceLock::new();

    if let Some(allowed) = ALLOWED.get() {
        return Ok(allowed.clone());
    }
    let now = sched_getaffinity(None)?;
    let now = (0..CpuSet::MAX_CPU).filter(|core| now.is_set(*core)).collect();
    Ok(ALLOWED.get_or_init(|| now).clone())
}

#[cfg(target_os = "linux")]
fn pin_to(cores: &[usize]) -> Result<(), Problem> {
    use rustix::thread::{CpuSet, sched_setaffinity};

    let mut set = CpuSet::new();
    for core in cores {
        set.set(*core);
    }
    Ok(sched_setaffinity(None, &set)?)
}

/// Only Linux has this.
#[cfg(not(target_os = "linux"))]
fn allowed() -> Result<Vec<usize>, Problem> {
    Err("this system is not Linux".into())
}

#[cfg(not(target_os = "linux"))]
fn pin_to(_cores: &[usize]) -> Result<(), Problem> {
    Err("this system is not Linux".into())
}
