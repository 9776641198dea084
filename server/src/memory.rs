//! Gives memory that a start used back to the system.
//!
//! The allocator keeps freed pages for ten seconds, in case somebody needs them. A start frees at once what reading the
//! log took, and nobody will need as much again.

use tikv_jemalloc_ctl::{Access, AsName, arenas};

/// Gives back every page that holds nothing.
pub(crate) fn give_back() {
    let arenas = arenas::narenas::read().unwrap_or_default();
    for arena in 0..arenas {
        // An arena that was never used has no such setting.
        if let Err(error) = give_back_of(arena) {
            tracing::trace!(arena, %error, "an arena keeps its pages");
        }
    }
}

/// An arena lets go of its pages when it is told to keep them for no time.
fn give_back_of(arena: u32) -> tikv_jemalloc_ctl::Result<()> {
    let key = format!("arena.{arena}.dirty_decay_ms\0");
    let keeps_ms = key.as_str().name();
    let usual: isize = keeps_ms.update(0)?;
    keeps_ms.write(usual)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arenas_keep_pages_as_long_as_before() {
        let kept = || -> isize { "arena.0.dirty_decay_ms\0".name().read().unwrap() };
        let before = kept();
        assert!(before > 0);
        give_back();
        assert_eq!(kept(), before);
    }
}
