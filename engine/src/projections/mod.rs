//! Views folded from durable events: plain structs, pure apply, queries.

mod blocks;
mod daily;
mod history;
mod reread;

pub(crate) use self::daily::Daily;
pub use self::daily::{DailyMetrics, DayAudit, DayDifference, DaysKnown};
pub(crate) use self::history::{Ask, Behind, Filter, History, INDEX_FOLDER, Place};
pub use self::history::{HistoryMetrics, IndexError, IndexReport, rebuild_index, verify_index};
