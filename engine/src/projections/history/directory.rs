//! The index on disk, opened: what can be trusted is taken over, the rest goes away.
//!
//! The index is a cache. Whatever is damaged, foreign, of another version, or ahead of the log is removed with a
//! warning, and what it covered is read again from the log.

use std::cmp::Reverse;
use std::io;
use std::sync::Arc;

use super::Shared;
use super::layout::is_run_name;
use super::part::Part;
use super::run::Run;
use crate::journal::{ActReader, Lsn};
use crate::projections::blocks::TMP;

// === impl Shared ===

impl Shared {
    /// Takes over what lies in the directory.
    pub(super) fn load(&self, reader: &ActReader) -> io::Result<()> {
        let mut runs = Vec::new();
        let found = self.list();
        for name in found.iter().flatten() {
            match self.trusted(name, reader) {
                Ok(run) => runs.push(run),
                Err(why) => {
                    if !name.ends_with(TMP) {
                        tracing::warn!(file = name, why, "history index: a run is left out");
                    }
                    self.storage.remove(name)?;
                }
            }
        }
        // The wider one comes first: a merge was cut off before it removed what it merged.
        runs.sort_by_key(|run| (run.span().above, Reverse(run.span().to)));
        let mut to = 0;
        for run in runs {
            if run.span().above < to {
                self.storage.remove(&run.name)?;
                continue;
            }
            to = run.span().to;
            self.tail.lock().replace(Part::File(Arc::new(run)));
        }
        let mut tail = self.tail.lock();
        tail.set_loaded();
        if let Some(gap) = tail.gap() {
            let (above, to) = (gap.above, gap.to);
            tracing::info!(above, to, "history index is behind the log");
        }
        drop(tail);
        self.settled.notify_waiters();
        found.map(drop)
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let files = self.storage.list()?;
        let names = files.into_iter().map(|entry| entry.name);
        Ok(names.filter(|name| is_run_name(name)).collect())
    }

    /// A run of this very log, or why it is none.
    fn trusted(&self, name: &str, reader: &ActReader) -> Result<Run, String> {
        if name.ends_with(TMP) {
            return Err("it was not finished".to_owned());
        }
        let run = Run::open(&*self.storage, name).map_err(|damaged| damaged.to_string())?;
        let header = &run.header;
        if self.store_id().ok() != Some(header.store_id) {
            return Err("it belongs to another store".to_owned());
        }
        if header.span.to > self.opened_at {
            return Err("it is ahead of the log".to_owned());
        }
        if header.span.to < reader.first().0 {
            return Err("the log begins behind it".to_owned());
        }
        if header.entries > 0 {
            let last = reader.with_act(Lsn(header.last.lsn()), |act| act.time_us);
            if last.ok().flatten() != Some(header.last_at_us) {
                return Err("its last entry is not in the log".to_owned());
            }
        }
        Ok(run)
    }
}
