//! One processor core for everything that is measured.

/// Pins this process to one core, and with it every thread and process that it starts from now on. Gives what to tell about it.
#[cfg(target_os = "linux")]
pub(crate) fn pin() -> String {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    // The last core: the first one has most of the system's own work.
    let last = sched_getaffinity(None).map(|allowed| (0..CpuSet::MAX_CPU).rev().find(|core| allowed.is_set(*core)));
    let Ok(Some(core)) = last else {
        return "not pinned: the allowed cores are unknown".to_owned();
    };
    let mut one = CpuSet::new();
    one.set(core);
    match sched_setaffinity(None, &one) {
        Ok(()) => format!("all processes pinned to core {core}"),
        Err(error) => format!("not pinned: {error}"),
    }
}

/// Only Linux has this.
#[cfg(not(target_os = "linux"))]
pub(crate) fn pin() -> String {
    "not pinned: this system is not Linux".to_owned()
}
