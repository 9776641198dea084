//! Scrip's engine: what happens to points, one actor an owner, one record an act, on disk before it
//! is acknowledged.
//!
//! Modules in reading order: the rules (`domain`), the log (`journal`), the codec between them
//! (`record`), the shell (`entities`), the way out (`publish`, `projections`), the way back
//! (`snapshot`, `replay`), and the façade (`engine`, `open`, `read`).

pub mod domain;
pub mod journal;
pub mod record;

mod api;
mod background;
mod clock;
mod compaction;
mod engine;
mod entities;
mod metrics;
mod open;
mod projections;
mod publish;
mod read;
mod replay;
pub mod snapshot;
mod sweeper;

pub use self::api::{
    Act, CompanyPage, CompanyView, DailyRow, DayReport, HistoryPage, HistoryPosition, HistoryQuery,
    HistoryRow, Listed, LotPage, LotPlace, LotRow, Moment, NamedPeriod, Open, OpenPage, Outcome,
    PastWallet, Receipt, Refusal, Request, RunFilter, RunOutcome, RunPage, RunProgress, RunRow,
    Settle, Settled, SettlementPage, SettlementView, Total, WalletReport, WalletView,
};
pub use self::clock::{Clock, SystemClock};
pub use self::compaction::CompactionFigures;
pub use self::engine::Engine;
pub use self::metrics::{EngineMetrics, Histogram};
pub use self::open::{
    EngineOptions, IN_FLIGHT_MAX, OpenError, OpenedSnapshot, Opening, Prepared, QUEUED_MAX,
    RETAIN_MIN, SNAPSHOT_EVERY_BYTES, days_known,
};
pub use self::projections::{
    DailyMetrics, DayAudit, DayDifference, DaysKnown, HistoryMetrics, IndexError, IndexReport,
    rebuild_index, verify_index,
};
pub use self::replay::ReplayError;
pub use self::sweeper::SweeperFigures;
