//! A snapshot of a store that nobody serves: of the whole log, not of sealed segments alone.

use std::sync::Arc;

use super::read::Snapshot;
use super::switch::{CreateError, Made, Terms, create};
use crate::journal::{JournalError, JournalOptions, Sealed, Storage, StoreMeta, prepare};

/// Takes the directory's lock and makes the snapshot, from the newest sound one if there is one; `passed_over` is
/// told of those that are not. `None`: the log is covered as it is.
pub fn create_offline(
    storage: Arc<dyn Storage>,
    key_window_us: i64,
    passed_over: &mut dyn FnMut(&str, &JournalError),
) -> Result<Option<Made>, CreateError> {
    let opened = prepare(Arc::clone(&storage), JournalOptions::default());
    let mut recovered = opened.map_err(CreateError::Log)?;
    let mut previous = None;
    for name in recovered.catalog().snapshots.clone().iter().rev() {
        let sound = Snapshot::open(&*storage, name)
            .and_then(|found| recovered.begin_behind(Some(found.base())).map(|()| found));
        match sound {
            Ok(found) => {
                previous = Some(found);
                break;
            }
            Err(error) => passed_over(name, &error),
        }
    }
    if previous.is_none() {
        recovered.begin_behind(None).map_err(CreateError::Log)?;
    }
    let sealed = Sealed::all(&recovered).map_err(CreateError::Log)?;
    if sealed.is_empty() {
        return Ok(None);
    }
    let meta = StoreMeta::open(&*storage).map_err(CreateError::Log)?;
    let terms = Terms {
        key_window_us,
        pace: &|| true,
        live: &|_| None,
    };
    create(&storage, &meta, &sealed, previous.as_ref(), &terms).map(Some)
}
