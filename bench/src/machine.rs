//! What a figure was measured on: a figure without it is not quoted.

use std::fmt;
use std::fs;
use std::path::Path;

use serde::Serialize;

/// The machine and the directory that a run used.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Machine {
    pub(crate) cpu: String,
    pub(crate) cores: usize,
    pub(crate) memory_gib: f64,
    pub(crate) kernel: String,
    pub(crate) filesystem: String,
}

// === impl Machine ===

impl Machine {
    /// Reads what Linux tells; what it does not tell is "unknown".
    pub(crate) fn look(directory: &Path) -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let unknown = || "unknown".to_owned();
        Self {
            cpu: field(&read("/proc/cpuinfo"), "model name").unwrap_or_else(unknown),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_gib: field(&read("/proc/meminfo"), "MemTotal")
                .and_then(|text| text.split(' ').next()?.parse::<f64>().ok())
                .map_or(0.0, |kib| (kib / 1_048_576.0 * 10.0).round() / 10.0),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            filesystem: filesystem(&read("/proc/mounts"), directory).unwrap_or_else(unknown),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            cpu,
            cores,
            memory_gib,
            kernel,
            filesystem,
        } = self;
        write!(
            f,
            "{cores} × {cpu}, {memory_gib} GiB, Linux {kernel}, {filesystem}"
        )
    }
}

/// The text behind the first `name :` line.
fn field(text: &str, name: &str) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// Device and type of the file system with the longest mount point that holds the directory.
fn filesystem(mounts: &str, directory: &Path) -> Option<String> {
    let directory = directory.canonicalize().ok()?;
    let mut best: Option<(usize, String)> = None;
    for line in mounts.lines() {
        let mut words = line.split(' ');
        let (device, point, kind) = (words.next()?, words.next()?, words.next()?);
        let longer = best
            .as_ref()
            .is_none_or(|(length, _)| point.len() >= *length);
        if directory.starts_with(point) && longer {
            best = Some((point.len(), format!("{kind} on {device}")));
        }
    }
    best.map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_mount_point_wins() {
        let mounts = "/dev/a / ext4 rw 0 0\ntmpfs /tm tmpfs rw 0 0\nproc /proc proc rw 0 0\n";
        let found = filesystem(mounts, Path::new("/proc/sys"));
        assert_eq!(found.as_deref(), Some("proc on proc"));
        let found = filesystem(mounts, Path::new("/"));
        assert_eq!(found.as_deref(), Some("ext4 on /dev/a"));
    }

    #[test]
    fn this_machine_has_a_name() {
        let machine = Machine::look(Path::new("."));
        assert!(machine.cores >= 1);
        assert!(machine.to_string().contains("Linux"));
    }
}
