//! The disk below a directory: how it is mounted, what is free, how long a sync takes.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use engine::journal::Class;
use rustix::fs::{CWD, Mode, OFlags, openat, statvfs};

use super::CheckRow;

/// The kernel's list of what is mounted where in this process's view.
const MOUNTS: &str = "/proc/self/mountinfo";

/// File systems that forget everything when the machine stops.
const IN_MEMORY: [&str; 2] = ["tmpfs", "ramfs"];

/// File systems behind a network: locks, syncs and errors there do not mean what they mean on a disk.
const REMOTE: [&str; 7] = ["nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "ceph"];

/// Options under which a sync may return before the bytes are safe, or old bytes may come back.
const UNSAFE_OPTIONS: [&str; 4] = ["nobarrier", "barrier=0", "data=writeback", "norecovery"];

/// Two segments filled ahead, one in use and the reserve, at the default size of 64 MiB.
const FREE_BYTES_MIN: u64 = 4 * 64 * 1024 * 1024;

/// Below this share an operator should act while there is time.
const FREE_PERCENT_LOW: u64 = 10;

/// Files that a store may still want to make.
const FREE_FILES_MIN: u64 = 1000;

/// Syncs that are timed: enough for a median, and over in a second even on a slow disk.
const PROBES: usize = 50;

/// Bytes of a probe, like a small group.
const PROBE_BYTES: usize = 4096;

/// A group waits this long at most before callers feel it.
const SYNC_SLOW: Duration = Duration::from_millis(20);

/// No disk answers faster; a sync that does was not one.
const SYNC_IMPLAUSIBLE: Duration = Duration::from_micros(5);

/// How the directory's file system is mounted.
pub(super) fn mount(dir: &Path) -> CheckRow {
    let check = "mount";
    let found = fs::canonicalize(dir).and_then(|dir| Ok((dir, fs::read_to_string(MOUNTS)?)));
    let Ok((dir, mounts)) = found else {
        return CheckRow::warn(check, format!("{MOUNTS} cannot be read"));
    };
    let Some((point, kind, options)) = mounted(&mounts, &dir) else {
        return CheckRow::warn(check, "no mount point is known for it".to_owned());
    };
    let says = format!("{kind} on {point} ({options})");
    let has = |option: &str| options.split(',').any(|word| word == option);
    if has("ro") {
        return CheckRow::bad(check, Class::Io, format!("{says}: read-only"));
    }
    if IN_MEMORY.contains(&kind) {
        return CheckRow::warn(check, format!("{says}: gone when the machine stops"));
    }
    if REMOTE.contains(&kind) {
        return CheckRow::warn(check, format!("{says}: a network file system"));
    }
    match UNSAFE_OPTIONS.iter().find(|option| has(option)) {
        Some(option) => CheckRow::warn(check, format!("{says}: {option} weakens every sync")),
        None => CheckRow::good(check, says),
    }
}

/// Mount point, type and options of the longest mount point above `dir`.
///
/// `36 35 98:0 /root /mount/point rw,noatime shared:1 - ext4 /dev/root rw,errors=continue`
fn mounted<'m>(mounts: &'m str, dir: &Path) -> Option<(&'m str, &'m str, String)> {
    let lines = mounts.lines().filter_map(|line| {
        let (left, right) = line.split_once(" - ")?;
        let mut left = left.split(' ').skip(4);
        let (point, own) = (left.next()?, left.next()?);
        let mut right = right.split(' ');
        let (kind, of_disk) = (right.next()?, right.nth(1).unwrap_or_default());
        dir.starts_with(point)
            .then(|| (point, kind, format!("{own},{of_disk}")))
    });
    // A later mount hides an earlier one at the same place.
    lines.max_by_key(|(point, _, _)| point.len())
}

/// Bytes and files that are free.
pub(super) fn space(dir: &Path) -> CheckRow {
    let check = "space";
    let stat = match statvfs(dir) {
        Ok(stat) => stat,
        Err(error) => return CheckRow::bad(check, Class::Io, error.to_string()),
    };
    let (free, total) = (stat.f_bavail * stat.f_frsize, stat.f_blocks * stat.f_frsize);
    let percent = (free * 100).checked_div(total).unwrap_or(0);
    let says = format!("{free} of {total} bytes free ({percent} %)");
    // Some file systems count no files at all.
    let files_low = stat.f_files > 0 && stat.f_favail < FREE_FILES_MIN;
    if free < FREE_BYTES_MIN {
        CheckRow::warn(check, format!("{says}: less than four segments of 64 MiB"))
    } else if percent < FREE_PERCENT_LOW {
        CheckRow::warn(check, format!("{says}: little"))
    } else if files_low {
        CheckRow::warn(check, format!("{says}, but only {} files", stat.f_favail))
    } else {
        CheckRow::good(check, says)
    }
}

/// How long one write and its sync take, into a file that has no name and leaves nothing behind.
pub(super) fn sync_latency(dir: &Path) -> CheckRow {
    let check = "sync";
    let mut times = match probe(dir) {
        Ok(times) => times,
        Err(error) => return CheckRow::warn(check, format!("cannot be measured: {error}")),
    };
    times.sort_unstable();
    let (median, worst) = (times[times.len() / 2], times[times.len() - 1]);
    let says = format!(
        "write and fdatasync of {PROBE_BYTES} bytes: median {} µs, worst of {PROBES} {} µs",
        median.as_micros(),
        worst.as_micros()
    );
    if median < SYNC_IMPLAUSIBLE {
        CheckRow::warn(check, format!("{says}: too fast to be true"))
    } else if median > SYNC_SLOW {
        CheckRow::warn(check, format!("{says}: every answer waits for this"))
    } else {
        CheckRow::good(check, says)
    }
}

fn probe(dir: &Path) -> io::Result<Vec<Duration>> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    let file = File::from(openat(CWD, dir, flags, Mode::RUSR | Mode::WUSR)?);
    let page = [0x5A; PROBE_BYTES];
    // As the log does it: the blocks are written before they are used.
    file.write_all_at(&vec![0; PROBES * PROBE_BYTES], 0)?;
    file.sync_all()?;
    let times = (0..PROBES).map(|at| {
        let start = Instant::now();
        file.write_all_at(&page, (at * PROBE_BYTES) as u64)?;
        file.sync_data()?;
        Ok(start.elapsed())
    });
    times.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_mount_point_counts() {
        let mounts = "\
1 0 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
2 1 8:2 / /var rw,nobarrier - xfs /dev/sda2 rw,noquota
3 1 0:5 / /variable rw - tmpfs none rw";
        let of = |dir: &str| mounted(mounts, Path::new(dir)).map(|(_, kind, _)| kind);
        assert_eq!(of("/var/lib/scrip"), Some("xfs"));
        assert_eq!(of("/variable"), Some("tmpfs"));
        assert_eq!(of("/srv"), Some("ext4"));
        let (_, _, options) = mounted(mounts, Path::new("/var")).unwrap();
        assert_eq!(options, "rw,nobarrier,rw,noquota");
    }
}
