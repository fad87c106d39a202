//! What the figures were measured on, as far as the machine tells.

use std::fs;
use std::process::Command;

/// Sentences for the head of a page.
pub(crate) fn describe() -> Vec<String> {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let mut lines = Vec::new();
    let processor = field("/proc/cpuinfo", "model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    let memory =
        field("/proc/meminfo", "MemTotal").and_then(|text| text.strip_suffix("kB")?.trim().parse::<u64>().ok());
    let memory = memory.map_or_else(String::new, |kib| {
        format!(", {:.0} GiB of memory", kib as f64 / f64::from(1 << 20))
    });
    lines.push(format!("{cores} cores of {processor}{memory}"));
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease");
    lines.push(match kernel {
        Ok(release) => format!("Linux {}", release.trim()),
        Err(_) => std::env::consts::OS.to_owned(),
    });
    lines.extend(says("rustc", &["--version"]));
    lines
}

/// The first line that a program prints, if it is there and succeeds.
pub(crate) fn says(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let line = text.lines().next()?.trim();
    (output.status.success() && !line.is_empty()).then(|| line.to_owned())
}

/// The value of the first line of this name in a file of lines `name: value`.
fn field(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}
