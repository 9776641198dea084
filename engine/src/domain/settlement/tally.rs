//! What the entries of one wallet within a period come to.
//!
//! ```text
//! opening + charged + earned + transferred_in + cancelled − used − expired − transferred_out − taken_back ± adjusted
//!         = closing
//! ```
//! Counted from events alone, in the order of the log, live and in the operator's tool by the same function. Each entry
//! must go on where the one before it ended, version and balance, so a count that misses one does not come to an end.
//!
//! An entry that undoes one of an earlier period belongs into this one, as an adjustment, and names the original: what
//! was settled is never touched again.
//!
//! The hash is SHA-256 over a line for each entry, so that anybody can take it again:
//!
//! ```text
//! LSN,leg,type,time in µs,paid,free,original        1042,0,cancel,1793458800000000,30,0,977.0
//! ```
//! with signed changes, and with the LSN and the leg of what is undone, or nothing.

use std::fmt::Write;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::bill::number;
use crate::domain::Event;
use crate::domain::entry::EntryType;
use crate::domain::event::Role;
use crate::domain::movement::Points;
use crate::domain::types::{EntryRef, NUMBER_MAX, Timestamp, TransactionId, WalletId};

/// Most adjustments of earlier periods that a statement names: with all of them it still is one record of 8 KiB. The
/// hash covers those beyond.
pub const NAMED_MAX: usize = 100;

/// How many lines there are.
pub const LINES: usize = Line::ALL.len();

/// Where an entry is counted in a statement.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Line {
    /// Points that were bought.
    Charged,
    /// Points that were given away.
    Earned,
    /// Points from other wallets.
    TransferredIn,
    /// Points of uses of this period that came back.
    Cancelled,
    /// Points that were spent, set aside before or not.
    Used,
    /// Points that lapsed.
    Expired,
    /// Points that went to other wallets.
    TransferredOut,
    /// Points of grants of this period that were taken back.
    TakenBack,
    /// Corrections by hand, and whatever undoes an entry of an earlier period.
    Adjusted,
}

/// An entry that undoes one of an earlier period.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Correction {
    /// The entry.
    pub entry: EntryRef,
    /// What it undoes.
    pub original: EntryRef,
    /// The change of the balance.
    pub change: Points,
}

/// What the entries of a period come to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Tally {
    /// The wallet's version before the first entry.
    pub since_version: u64,
    /// How many entries, those that moved nothing too.
    pub entries: u64,
    /// LSN of the first act counted; 0 without entries.
    pub first_lsn: u64,
    /// LSN of the last act counted; 0 without entries.
    pub last_lsn: u64,
    /// SHA-256 over all entries.
    pub hash: [u8; 32],
    /// Ledger points before the first entry.
    pub opening: Points,
    /// The signed change by line.
    pub lines: [Points; LINES],
    /// The part of the adjustments that are points of uses of earlier periods that came back.
    pub returned: Points,
    /// How many entries undo one of an earlier period.
    pub corrections: u64,
    /// The first of them.
    pub named: Vec<Correction>,
}

/// An entry is missing before this act: it does not go on where the last one ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error("the entry at lsn {lsn} has version {stated} of its wallet, and {expected} is due")]
pub struct Untallied {
    /// Where.
    pub lsn: u64,
    /// Version that was due.
    pub expected: u64,
    /// Version that the entry states.
    pub stated: u64,
}

/// A count on its way.
#[derive(Clone, Debug)]
pub struct Tallying {
    wallet: WalletId,
    since_version: u64,
    version: u64,
    opening: Points,
    held: Points,
    entries: u64,
    first_lsn: u64,
    last_lsn: u64,
    lines: [[i128; 2]; LINES],
    returned: [i128; 2],
    corrections: u64,
    named: Vec<Correction>,
    hash: Sha256,
    text: String,
}

// === impl Line ===

impl Line {
    /// All lines, by their numbers.
    pub const ALL: [Self; 9] = [
        Self::Charged,
        Self::Earned,
        Self::TransferredIn,
        Self::Cancelled,
        Self::Used,
        Self::Expired,
        Self::TransferredOut,
        Self::TakenBack,
        Self::Adjusted,
    ];

    /// Where entries of a type are counted, `earlier` if they undo one of an earlier period; `None` for those that move no
    /// points.
    pub fn of(kind: EntryType, earlier: bool) -> Option<Self> {
        match kind {
            EntryType::Create
            | EntryType::Freeze
            | EntryType::Unfreeze
            | EntryType::Close
            | EntryType::Hold
            | EntryType::Release
            | EntryType::Pending
            | EntryType::Void => None,
            EntryType::Cancel | EntryType::TakeBack if earlier => Some(Self::Adjusted),
            EntryType::Charge => Some(Self::Charged),
            EntryType::Earn => Some(Self::Earned),
            EntryType::TransferIn => Some(Self::TransferredIn),
            EntryType::Cancel => Some(Self::Cancelled),
            EntryType::Use | EntryType::Capture => Some(Self::Used),
            EntryType::Lapse => Some(Self::Expired),
            EntryType::TransferOut => Some(Self::TransferredOut),
            EntryType::TakeBack => Some(Self::TakenBack),
            EntryType::AdjustUp | EntryType::AdjustDown => Some(Self::Adjusted),
        }
    }

    /// The word used in JSON, logs and tools.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Charged => "charged",
            Self::Earned => "earned",
            Self::TransferredIn => "transferred_in",
            Self::Cancelled => "cancelled",
            Self::Used => "used",
            Self::Expired => "expired",
            Self::TransferredOut => "transferred_out",
            Self::TakenBack => "taken_back",
            Self::Adjusted => "adjusted",
        }
    }

    /// Whether its figure is what left the balance.
    pub fn is_debit(self) -> bool {
        matches!(
            self,
            Self::Used | Self::Expired | Self::TransferredOut | Self::TakenBack
        )
    }
}

// === impl Tallying ===

impl Tallying {
    /// Begins where a wallet had this version and these points.
    pub fn new(wallet: WalletId, version: u64, opening: Points) -> Self {
        Self {
            wallet,
            since_version: version,
            version,
            opening,
            held: opening,
            entries: 0,
            first_lsn: 0,
            last_lsn: 0,
            lines: [[0; 2]; LINES],
            returned: [0; 2],
            corrections: 0,
            named: Vec::new(),
            hash: Sha256::new(),
            text: String::new(),
        }
    }

    /// Counts what an act does to the wallet.
    pub fn count(&mut self, lsn: u64, at: Timestamp, event: &Event) -> Result<(), Untallied> {
        for part in event.parts() {
            for (place, (id, role)) in part.event.roles().into_iter().enumerate() {
                if id == self.wallet.entity() {
                    let leg = part.leg.saturating_add(place as u8);
                    let entry = EntryRef::new(TransactionId(lsn), leg);
                    self.count_entry(entry, at, part.event, role)?;
                }
            }
        }
        Ok(())
    }

    /// Whether an act goes on where this count ended, without counting it: nothing lies between.
    pub fn check_next(&self, lsn: u64, event: &Event) -> Result<(), Untallied> {
        self.clone().count(lsn, Timestamp(0), event)
    }

    /// Whose entries are counted.
    pub fn wallet(&self) -> WalletId {
        self.wallet
    }

    /// The wallet's version after the last entry.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// What was counted; `None`: a number passes 2^53 − 1.
    pub fn finish(self) -> Option<Tally> {
        let mut lines = [Points::ZERO; LINES];
        for (line, sums) in lines.iter_mut().zip(self.lines) {
            *line = points(sums)?;
        }
        Some(Tally {
            since_version: self.since_version,
            entries: self.entries,
            first_lsn: self.first_lsn,
            last_lsn: self.last_lsn,
            hash: self.hash.finalize().into(),
            opening: self.opening,
            lines,
            returned: points(self.returned)?,
            corrections: self.corrections,
            named: self.named,
        })
    }

    fn count_entry(
        &mut self,
        entry: EntryRef,
        at: Timestamp,
        event: &Event,
        role: Role,
    ) -> Result<(), Untallied> {
        let stands = (event.standing_before(role), event.standing(role));
        let ((Some(before), Some(after)), Some(kind)) = (stands, event.entry_type(role)) else {
            // Its creation, which is where the first count begins.
            return Ok(());
        };
        let lsn = entry.transaction().0;
        let held = Points {
            paid: before.paid,
            free: before.free,
        };
        if (before.version, held) != (self.version, self.held) {
            return Err(Untallied {
                lsn,
                expected: self.version.saturating_add(1),
                stated: after.version,
            });
        }
        self.held = Points {
            paid: after.paid,
            free: after.free,
        };
        self.version = after.version;
        if self.entries == 0 {
            self.first_lsn = lsn;
        }
        self.entries += 1;
        self.last_lsn = lsn;
        let change = self.held - held;
        let original = event.undoes();
        self.add(kind, entry, original, change);
        self.hash_entry(entry, kind, at, change, original);
        Ok(())
    }

    fn add(
        &mut self,
        kind: EntryType,
        entry: EntryRef,
        original: Option<EntryRef>,
        change: Points,
    ) {
        // What is undone is an entry of the same wallet: it lies before the first one of this period, or in it.
        let earlier = original.filter(|original| original.transaction().0 < self.first_lsn);
        if let Some(line) = Line::of(kind, earlier.is_some()) {
            sum_up(&mut self.lines[line as usize], change);
        }
        let Some(original) = earlier else {
            return;
        };
        if kind == EntryType::Cancel {
            sum_up(&mut self.returned, change);
        }
        self.corrections += 1;
        if self.named.len() < NAMED_MAX {
            self.named.push(Correction {
                entry,
                original,
                change,
            });
        }
    }

    fn hash_entry(
        &mut self,
        entry: EntryRef,
        kind: EntryType,
        at: Timestamp,
        change: Points,
        original: Option<EntryRef>,
    ) {
        self.text.clear();
        let (lsn, leg) = (entry.transaction(), entry.leg().unwrap_or_default());
        let (kind, Points { paid, free }) = (kind.as_str(), change);
        let at = at.0;
        let line = write!(self.text, "{lsn},{leg},{kind},{at},{paid},{free},");
        let undone = original.map_or(Ok(()), |original| {
            let leg = original.leg().unwrap_or_default();
            write!(self.text, "{}.{leg}", original.transaction())
        });
        assert!(
            line.and(undone).is_ok(),
            "a string takes whatever is written into it"
        );
        self.text.push('\n');
        self.hash.update(self.text.as_bytes());
    }
}

// === impl Tally ===

impl Tally {
    /// Ledger points after the last entry.
    pub fn closing(&self) -> Points {
        self.lines
            .iter()
            .fold(self.opening, |held, change| held + *change)
    }

    /// The wallet's version after the last entry.
    pub fn until_version(&self) -> u64 {
        self.since_version.saturating_add(self.entries)
    }

    /// What flowed in one line: positive in its own direction.
    pub fn figure(&self, line: Line) -> Points {
        let change = self.lines[line as usize];
        if line.is_debit() { -change } else { change }
    }

    /// Paid points spent, less those that came back, whenever they were spent.
    pub fn sold(&self) -> i64 {
        let came_back = self.figure(Line::Cancelled).paid + self.returned.paid;
        self.figure(Line::Used).paid - came_back
    }

    /// Whether it can have been counted.
    pub(super) fn is_sound(&self) -> bool {
        let is_number = |points: i64| points.unsigned_abs() <= NUMBER_MAX;
        let in_range = |points: &Points| is_number(points.paid) && is_number(points.free);
        let numbers = [
            self.entries,
            self.first_lsn,
            self.last_lsn,
            self.until_version(),
        ];
        let named = self.corrections.min(NAMED_MAX as u64);
        // Ranges first: sums of numbers in range do not overflow.
        in_range(&self.opening)
            && self.lines.iter().all(in_range)
            && Line::ALL.into_iter().all(|line| self.has_direction(line))
            && in_range(&self.returned)
            && in_range(&self.closing())
            && numbers.into_iter().all(|number| number <= NUMBER_MAX)
            && self.since_version > 0
            && (self.entries == 0) == (self.first_lsn == 0)
            && self.first_lsn <= self.last_lsn
            && self.corrections <= self.entries
            && self.named.len() as u64 == named
            && self.named.iter().all(|one| self.is_correction(one))
    }

    /// What flows in one direction only does.
    fn has_direction(&self, line: Line) -> bool {
        let figure = self.figure(line);
        line == Line::Adjusted || (figure.paid >= 0 && figure.free >= 0)
    }

    fn is_correction(&self, one: &Correction) -> bool {
        let (entry, original) = (one.entry.transaction().0, one.original.transaction().0);
        let is_number = |points: i64| points.unsigned_abs() <= NUMBER_MAX;
        (self.first_lsn..=self.last_lsn).contains(&entry)
            && (1..self.first_lsn).contains(&original)
            && one.entry.leg().is_some()
            && one.original.leg().is_some()
            && is_number(one.change.paid)
            && is_number(one.change.free)
    }
}

// === impl Event ===

impl Event {
    /// The entry that it undoes, in whole or in part.
    pub fn undoes(&self) -> Option<EntryRef> {
        match self {
            Self::UseCancelled(event) => Some(event.entry),
            Self::TakenBack(event) => Some(event.entry),
            Self::WalletCreated(_)
            | Self::Charged(_)
            | Self::Earned(_)
            | Self::Used(_)
            | Self::Transferred(_)
            | Self::Lapsed(_)
            | Self::SettingsChanged(_)
            | Self::Batched(_)
            | Self::DayClosed(_)
            | Self::StatusChanged(_)
            | Self::AdjustedUp(_)
            | Self::AdjustedDown(_)
            | Self::HoldPlaced(_)
            | Self::HoldCaptured(_)
            | Self::HoldReleased(_)
            | Self::GrantPending(_)
            | Self::GrantActivated(_)
            | Self::GrantVoided(_)
            | Self::SettlementClosed(_)
            | Self::SettlementMoved(_)
            | Self::SettlementRun(_)
            | Self::CompanyCreated(_)
            | Self::MemberJoined(_)
            | Self::MemberLeft(_) => None,
        }
    }
}

fn sum_up(sums: &mut [i128; 2], change: Points) {
    sums[0] += i128::from(change.paid);
    sums[1] += i128::from(change.free);
}

fn points([paid, free]: [i128; 2]) -> Option<Points> {
    Some(Points {
        paid: number(paid)?,
        free: number(free)?,
    })
}
