//! What flowed in and out of a balance within a time, column by column.
//!
//! ```text
//! opening + charge + earn − use + cancel − expire + transfer_in − transfer_out − take_back + adjust = closing
//! ```
//! Kept as signed changes, so the closing balance is the opening one and the sum of all columns, whatever they are.

use serde::{Deserialize, Serialize};

use super::entry::EntryType;
use super::movement::Points;

/// Where a movement is counted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Column {
    /// Points that were bought.
    Charge,
    /// Points that were given away.
    Earn,
    /// Points that were spent.
    Use,
    /// Points of uses that came back.
    Cancel,
    /// Points that lapsed.
    Expire,
    /// Points from other wallets.
    TransferIn,
    /// Points that went to other wallets.
    TransferOut,
    /// Points of grants that were taken back.
    TakeBack,
    /// Corrections by hand, up less down.
    Adjust,
}

/// How many columns there are.
pub const COLUMNS: usize = Column::ALL.len();

/// What flowed within a time: of one wallet, or of all.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct DayFlow {
    /// The ledger balance before.
    pub opening: Points,
    /// Entries counted.
    pub entries: u64,
    /// The signed change by column.
    pub changes: [Points; COLUMNS],
}

// === impl Column ===

impl Column {
    /// All columns, by their numbers.
    pub const ALL: [Self; 9] = [
        Self::Charge,
        Self::Earn,
        Self::Use,
        Self::Cancel,
        Self::Expire,
        Self::TransferIn,
        Self::TransferOut,
        Self::TakeBack,
        Self::Adjust,
    ];

    /// Where entries of a type are counted; `None` for those that move no points.
    pub fn of(kind: EntryType) -> Option<Self> {
        match kind {
            EntryType::Create
            | EntryType::Freeze
            | EntryType::Unfreeze
            | EntryType::Close
            | EntryType::Hold
            | EntryType::Release
            | EntryType::Pending
            | EntryType::Void => None,
            EntryType::Charge => Some(Self::Charge),
            EntryType::Earn => Some(Self::Earn),
            EntryType::Use | EntryType::Capture => Some(Self::Use),
            EntryType::TakeBack => Some(Self::TakeBack),
            EntryType::AdjustUp | EntryType::AdjustDown => Some(Self::Adjust),
            EntryType::Cancel => Some(Self::Cancel),
            EntryType::Lapse => Some(Self::Expire),
            EntryType::TransferIn => Some(Self::TransferIn),
            EntryType::TransferOut => Some(Self::TransferOut),
        }
    }

    /// The word used in JSON, logs and tools.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Charge => "charge",
            Self::Earn => "earn",
            Self::Use => "use",
            Self::Cancel => "cancel",
            Self::Expire => "expire",
            Self::TransferIn => "transfer_in",
            Self::TransferOut => "transfer_out",
            Self::TakeBack => "take_back",
            Self::Adjust => "adjust",
        }
    }

    /// Whether its figure is what left the balance.
    pub fn is_debit(self) -> bool {
        matches!(
            self,
            Self::Use | Self::Expire | Self::TransferOut | Self::TakeBack
        )
    }
}

// === impl DayFlow ===

impl DayFlow {
    /// Nothing has flowed yet.
    pub fn opening_with(opening: Points) -> Self {
        Self {
            opening,
            ..Self::default()
        }
    }

    /// Counts one entry.
    pub fn count(&mut self, column: Column, change: Points) {
        self.entries += 1;
        self.changes[column as usize] += change;
    }

    /// What flowed in one column: positive in its own direction.
    pub fn figure(&self, column: Column) -> Points {
        let change = self.changes[column as usize];
        if column.is_debit() { -change } else { change }
    }

    /// By how much the balance changed.
    pub fn net(&self) -> Points {
        self.changes
            .iter()
            .fold(Points::ZERO, |net, change| net + *change)
    }

    /// The ledger balance after.
    pub fn closing(&self) -> Points {
        self.opening + self.net()
    }
}
