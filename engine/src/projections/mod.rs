//! Views folded from durable events: plain structs, pure apply, queries.

mod history;

pub(crate) use self::history::{Ask, Behind, Filter, History, INDEX_FOLDER, Place};
pub use self::history::{HistoryMetrics, IndexError, IndexReport, rebuild_index, verify_index};
