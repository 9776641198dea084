//! From a fold to a snapshot that counts.
//!
//! ```text
//! .tmp ─► sync ─► read back past the cache, verify ─► digest compared ─► rename ─► sync directory ─► store.meta ─► prune
//! ```
//! At every instant the older snapshots are whole: a crash leaves a file under a temporary name, or a verified one
//! under its own. Only what `store.meta` names may be relied on by whoever removes segments.

use std::io;
use std::sync::Arc;

use thiserror::Error;

use super::fold::{Fold, FoldError, Pace};
use super::read::Snapshot;
use super::runs::BUFFERED_MAX;
use super::tally::Tally;
use crate::domain::Digest;
use crate::journal::{
    Class, JournalError, Lsn, SIDECAR_TMP_SUFFIX, SNAPSHOT_TMP_SUFFIX, Sealed, Storage, StoreMeta,
    snapshot_lsn, snapshot_name,
};

/// Snapshots that are kept: when the newest is damaged, the one before it and some more replay do.
pub const KEPT: usize = 2;

/// How long keys are kept in a snapshot, and who is asked on the way.
pub struct Terms<'a> {
    /// Keys older than this, counted back from the last record, are past their window, µs.
    pub key_window_us: i64,
    pub pace: Pace<'a>,
    /// The digest of what is being served, as it was at this LSN; `None` when nobody remembers.
    pub live: &'a dyn Fn(Lsn) -> Option<Digest>,
}

/// A snapshot that counts.
#[derive(Clone, Debug)]
pub struct Made {
    pub name: String,
    pub lsn: Lsn,
    pub bytes: u64,
    pub tally: Tally,
    /// Whether its digest was compared with that of what is being served.
    pub compared: bool,
}

/// Why there is no new snapshot. The older ones are as they were.
#[derive(Debug, Error)]
pub enum CreateError {
    #[error(transparent)]
    Fold(#[from] FoldError),
    /// The snapshot to begin with cannot be read.
    #[error("the snapshot before it cannot be read: {0}")]
    Previous(JournalError),
    /// The sealed part of the log cannot be told.
    #[error(transparent)]
    Log(JournalError),
    #[error("what was written reads back otherwise: {0}")]
    ReadBack(JournalError),
    /// What is being served is not what the log leads to.
    #[error("digest {made:032x} of the log up to lsn {lsn} is not {live:032x} of what is served")]
    Live { lsn: u64, made: u128, live: u128 },
    #[error("cannot {action} {name}: {source}")]
    Io {
        action: &'static str,
        name: String,
        source: io::Error,
    },
}

/// Makes the snapshot of a previous one and the segments behind it, and lets it count.
pub fn create(
    storage: &Arc<dyn Storage>,
    meta: &StoreMeta,
    sealed: &Sealed,
    previous: Option<&Snapshot>,
    terms: &Terms<'_>,
) -> Result<Made, CreateError> {
    let lsn = sealed.end().lsn;
    let name = snapshot_name(lsn);
    let stem = name.trim_end_matches(".snap");
    let tmp = format!("{stem}{SNAPSHOT_TMP_SUFFIX}");
    remove_ending(&**storage, SNAPSHOT_TMP_SUFFIX);
    let prepared = prepare(storage, sealed, previous, terms, &tmp);
    if prepared.is_err() {
        remove_ending(&**storage, SNAPSHOT_TMP_SUFFIX);
    }
    let mut made = prepared?;
    storage
        .rename(&tmp, &name)
        .and_then(|()| storage.sync_dir())
        .map_err(failed("rename", &tmp))?;
    let before = previous.map_or(0, |previous| previous.lsn().0);
    meta.update(|meta| meta.snapshots = [lsn.0, before])
        .map_err(failed("name in store.meta", &name))?;
    prune(&**storage, [lsn, Lsn(before)]);
    made.name = name;
    Ok(made)
}

// === impl CreateError ===

impl CreateError {
    /// Whether two foldings of the log came to different states.
    pub fn is_mismatch(&self) -> bool {
        matches!(
            self,
            Self::Live { .. } | Self::Fold(FoldError::Digest { .. })
        )
    }

    /// Exit code of its class.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Fold(FoldError::Journal(error)) | Self::Previous(error) | Self::Log(error) => {
                error.exit_code()
            }
            Self::Fold(FoldError::Act(error)) => error.exit_code(),
            Self::Fold(FoldError::Digest { .. }) | Self::Live { .. } => Class::Meaning.exit_code(),
            Self::ReadBack(_) => Class::Meta.exit_code(),
            Self::Fold(FoldError::CalledOff) | Self::Io { .. } => Class::Io.exit_code(),
        }
    }
}

/// Removes what an interrupted start or snapshot left: nothing under these names ever counts.
pub(crate) fn sweep(storage: &dyn Storage) {
    for suffix in [SNAPSHOT_TMP_SUFFIX, SIDECAR_TMP_SUFFIX] {
        remove_ending(storage, suffix);
    }
}

/// Removes all files with such an ending. One that cannot be removed is tried again at the next chance.
fn remove_ending(storage: &dyn Storage, suffix: &str) {
    let entries = storage.list().unwrap_or_default();
    for entry in entries.iter().filter(|entry| entry.name.ends_with(suffix)) {
        if let Err(error) = storage.remove(&entry.name) {
            tracing::warn!(file = entry.name, %error, "cannot remove an unfinished file");
        }
    }
}

/// Everything up to the rename.
fn prepare(
    storage: &Arc<dyn Storage>,
    sealed: &Sealed,
    previous: Option<&Snapshot>,
    terms: &Terms<'_>,
    tmp: &str,
) -> Result<Made, CreateError> {
    let fold = Fold {
        storage: &**storage,
        sealed,
        previous,
        key_window_us: terms.key_window_us,
        buffered_max: BUFFERED_MAX,
        pace: terms.pace,
    };
    let stem = tmp.trim_end_matches(SNAPSHOT_TMP_SUFFIX);
    let (header, tally) = fold.write(tmp, stem)?;
    let written = Snapshot::open_past_cache(&**storage, tmp).map_err(CreateError::ReadBack)?;
    let read = written.verify_at(terms.pace);
    let read = read.map_err(CreateError::ReadBack)?;
    match read {
        None => return Err(FoldError::CalledOff.into()),
        Some(read) if *written.header() != header || read != tally => {
            let what = "another snapshot stands where this one was written";
            return Err(CreateError::ReadBack(super::bad(tmp, what)));
        }
        Some(_) => {}
    }
    let live = (terms.live)(header.lsn);
    if let Some(live) = live.filter(|live| *live != tally.digest) {
        return Err(CreateError::Live {
            lsn: header.lsn.0,
            made: tally.digest.0,
            live: live.0,
        });
    }
    Ok(Made {
        name: tmp.to_owned(),
        lsn: header.lsn,
        bytes: written.bytes(),
        tally,
        compared: live.is_some(),
    })
}

/// Removes all snapshots but these. One that cannot be removed stays until the next time.
fn prune(storage: &dyn Storage, kept: [Lsn; KEPT]) {
    let entries = match storage.list() {
        Ok(entries) => entries,
        Err(error) => {
            tracing::warn!(%error, "cannot look for old snapshots");
            return;
        }
    };
    for entry in entries {
        let old = snapshot_lsn(&entry.name).filter(|lsn| !kept.contains(lsn));
        if old.is_none() {
            continue;
        }
        match storage.remove(&entry.name) {
            Ok(()) => tracing::info!(file = entry.name, "old snapshot removed"),
            Err(error) => tracing::warn!(file = entry.name, %error, "old snapshot not removed"),
        }
    }
}

fn failed(action: &'static str, name: &str) -> impl FnOnce(io::Error) -> CreateError {
    let name = name.to_owned();
    move |source| CreateError::Io {
        action,
        name,
        source,
    }
}
