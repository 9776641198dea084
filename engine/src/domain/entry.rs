//! The entries of an act: one per leg, as history and receipts show them.

use smallvec::SmallVec;

use super::runs::{BucketKey, Run, amount_of};
use super::special::Status;
use super::types::{Fund, WalletId};
use super::wallet::Standing;
use super::{Event, Granted, Part};

/// What an entry is; the type gives the direction, amounts are positive.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum EntryType {
    /// The wallet came to be.
    Create,
    /// Paid points came in.
    Charge,
    /// Free points came in.
    Earn,
    /// Points were spent.
    Use,
    /// Points went to another wallet.
    TransferOut,
    /// Points came from another wallet.
    TransferIn,
    /// Points of a use came back.
    Cancel,
    /// Points lapsed.
    Lapse,
    /// The wallet was frozen.
    Freeze,
    /// The wallet was unfrozen.
    Unfreeze,
    /// The wallet was closed.
    Close,
    /// Points came in by a correction.
    AdjustUp,
    /// Points went out by a correction.
    AdjustDown,
    /// Points of a grant were taken back.
    TakeBack,
    /// Points were set aside.
    Hold,
    /// Points that were set aside were spent.
    Capture,
    /// Points that were set aside can be spent again.
    Release,
    /// Points were given that count later.
    Pending,
    /// They were dropped.
    Void,
}

/// What becomes of the balance by an entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Effect {
    /// It goes up by the amount.
    In,
    /// It goes down by the amount.
    Out,
    /// It stays.
    None,
}

/// One leg of an act.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Its place in the act, from 0.
    pub leg: u8,
    /// What it is.
    pub kind: EntryType,
    /// Points; 0 only for a creation.
    pub amount: u64,
    /// How the wallet stands after it.
    pub standing: Standing,
    /// The other wallet of a transfer; `None` where there are several.
    pub counterparty: Option<WalletId>,
    /// The user who acted for the owner.
    pub by: Option<u64>,
    /// Points by fund and expiry.
    pub allocations: SmallVec<[Allocation; 1]>,
}

/// Points of equal fund and expiry within an entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Allocation {
    /// Fund and expiry.
    pub bucket: BucketKey,
    /// Points.
    pub amount: u64,
}

// === impl EntryType ===

impl EntryType {
    /// All types, in the order of the documentation.
    pub const ALL: [Self; 19] = [
        Self::Create,
        Self::Charge,
        Self::Earn,
        Self::Use,
        Self::TransferOut,
        Self::TransferIn,
        Self::Cancel,
        Self::Lapse,
        Self::Freeze,
        Self::Unfreeze,
        Self::Close,
        Self::AdjustUp,
        Self::AdjustDown,
        Self::TakeBack,
        Self::Hold,
        Self::Capture,
        Self::Release,
        Self::Pending,
        Self::Void,
    ];

    /// The word used in JSON, logs and tools.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Charge => "charge",
            Self::Earn => "earn",
            Self::Use => "use",
            Self::TransferOut => "transfer_out",
            Self::TransferIn => "transfer_in",
            Self::Cancel => "cancel",
            Self::Lapse => "lapse",
            Self::Freeze => "freeze",
            Self::Unfreeze => "unfreeze",
            Self::Close => "close",
            Self::AdjustUp => "adjust_up",
            Self::AdjustDown => "adjust_down",
            Self::TakeBack => "take_back",
            Self::Hold => "hold",
            Self::Capture => "capture",
            Self::Release => "release",
            Self::Pending => "pending",
            Self::Void => "void",
        }
    }

    /// What it is to get this status.
    pub fn of_status(status: Status) -> Self {
        match status {
            Status::Open => Self::Unfreeze,
            Status::Frozen => Self::Freeze,
            Status::Closed => Self::Close,
        }
    }

    /// What it is to be given points of this fund.
    pub fn of_grant(fund: Fund) -> Self {
        match fund {
            Fund::Free => Self::Earn,
            Fund::Paid => Self::Charge,
        }
    }

    /// What becomes of the balance.
    pub fn effect(self) -> Effect {
        match self {
            Self::Charge | Self::Earn | Self::TransferIn | Self::Cancel | Self::AdjustUp => {
                Effect::In
            }
            Self::Use
            | Self::TransferOut
            | Self::Lapse
            | Self::AdjustDown
            | Self::TakeBack
            | Self::Capture => Effect::Out,
            Self::Create
            | Self::Freeze
            | Self::Unfreeze
            | Self::Close
            | Self::Hold
            | Self::Release
            | Self::Pending
            | Self::Void => Effect::None,
        }
    }
}

// === impl Effect ===

impl Effect {
    /// The amount with its sign.
    pub fn of(self, amount: u64) -> i64 {
        match self {
            Self::In => amount.cast_signed(),
            Self::Out => -amount.cast_signed(),
            Self::None => 0,
        }
    }
}

// === impl Event ===

impl Event {
    /// The entries of this act, by leg.
    pub fn entries(&self) -> SmallVec<[Entry; 2]> {
        match self {
            Self::WalletCreated(event) => nothing(EntryType::Create, event.standing),
            Self::Charged(event) => granted(EntryType::Charge, Fund::Paid, event),
            Self::Earned(event) => granted(EntryType::Earn, Fund::Free, event),
            Self::Used(event) => {
                let mut entries = of_runs(EntryType::Use, event.standing, &event.runs);
                entries[0].by = event.by();
                entries
            }
            Self::UseCancelled(event) => of_runs(EntryType::Cancel, event.standing, &event.runs),
            Self::Lapsed(event) => {
                let amount = event.amount.get();
                of_bucket(EntryType::Lapse, event.standing, event.bucket, amount)
            }
            Self::Transferred(event) => transferred(event),
            Self::SettingsChanged(_)
            | Self::DayClosed(_)
            | Self::MemberJoined(_)
            | Self::MemberLeft(_)
            | Self::SettlementClosed(_)
            | Self::SettlementMoved(_)
            | Self::SettlementRun(_) => SmallVec::new(),
            Self::CompanyCreated(event) => nothing(EntryType::Create, event.standing),
            Self::Batched(event) => event.parts().flat_map(numbered).collect(),
            Self::StatusChanged(event) => {
                nothing(EntryType::of_status(event.status), event.standing)
            }
            Self::AdjustedUp(event) => {
                let amount = event.amount.get();
                of_bucket(EntryType::AdjustUp, event.standing, event.bucket, amount)
            }
            Self::AdjustedDown(event) => {
                of_runs(EntryType::AdjustDown, event.standing, &event.runs)
            }
            Self::TakenBack(event) => {
                let amount = event.amount();
                of_bucket(EntryType::TakeBack, event.standing, event.bucket, amount)
            }
            Self::HoldPlaced(event) => of_runs(EntryType::Hold, event.standing, &event.runs),
            Self::HoldCaptured(event) => of_runs(EntryType::Capture, event.standing, &event.runs),
            Self::HoldReleased(event) => of_runs(EntryType::Release, event.standing, &event.runs),
            Self::GrantPending(event) => {
                let bucket = BucketKey {
                    fund: event.fund,
                    expires_at: event.lifetime.expires_at,
                };
                let amount = event.amount.get();
                of_bucket(EntryType::Pending, event.standing, bucket, amount)
            }
            Self::GrantActivated(event) => {
                let kind = EntryType::of_grant(event.bucket.fund);
                of_bucket(kind, event.standing, event.bucket, event.amount.get())
            }
            Self::GrantVoided(event) => {
                let allocations = SmallVec::new();
                let amount = event.amount.get();
                sole(EntryType::Void, amount, event.standing, allocations)
            }
        }
    }
}

/// The only entry of an act that moves no points.
fn nothing(kind: EntryType, standing: Standing) -> SmallVec<[Entry; 2]> {
    sole(kind, 0, standing, SmallVec::new())
}

fn of_runs(kind: EntryType, standing: Standing, runs: &[Run]) -> SmallVec<[Entry; 2]> {
    sole(kind, amount_of(runs), standing, allocations(runs))
}

fn of_bucket(
    kind: EntryType,
    standing: Standing,
    bucket: BucketKey,
    amount: u64,
) -> SmallVec<[Entry; 2]> {
    let allocations = smallvec::smallvec![Allocation { bucket, amount }];
    sole(kind, amount, standing, allocations)
}

/// The only entry of an act.
fn sole(
    kind: EntryType,
    amount: u64,
    standing: Standing,
    allocations: SmallVec<[Allocation; 1]>,
) -> SmallVec<[Entry; 2]> {
    smallvec::smallvec![Entry {
        leg: 0,
        kind,
        amount,
        standing,
        counterparty: None,
        by: None,
        allocations
    }]
}

/// Entries of one event of a batch, with their places in the whole.
fn numbered(part: Part<'_>) -> SmallVec<[Entry; 2]> {
    let mut entries = part.event.entries();
    for entry in &mut entries {
        entry.leg = entry.leg.saturating_add(part.leg);
    }
    entries
}

fn granted(kind: EntryType, fund: Fund, event: &Granted) -> SmallVec<[Entry; 2]> {
    let bucket = BucketKey {
        fund,
        expires_at: event.expires_at,
    };
    of_bucket(kind, event.standing, bucket, event.amount.get())
}

fn transferred(event: &super::Transferred) -> SmallVec<[Entry; 2]> {
    let sole = (event.to.len() == 1).then(|| event.to[0].standing.wallet);
    let mut entries = SmallVec::with_capacity(1 + event.to.len());
    entries.push(Entry {
        leg: 0,
        kind: EntryType::TransferOut,
        amount: event.amount(),
        standing: event.from,
        counterparty: sole,
        by: None,
        allocations: allocations(event.runs()),
    });
    for (at, received) in event.to.iter().enumerate() {
        entries.push(Entry {
            leg: at as u8 + 1,
            kind: EntryType::TransferIn,
            amount: received.amount(),
            standing: received.standing,
            counterparty: Some(event.from.wallet),
            by: None,
            allocations: allocations(&received.runs),
        });
    }
    entries
}

/// Runs summed by bucket; neighbours only, since runs come in spending order.
pub fn allocations<'a>(runs: impl IntoIterator<Item = &'a Run>) -> SmallVec<[Allocation; 1]> {
    let mut sums: SmallVec<[Allocation; 1]> = SmallVec::new();
    for run in runs {
        match sums.last_mut() {
            Some(last) if last.bucket == run.bucket => last.amount += run.amount(),
            _ => sums.push(Allocation {
                bucket: run.bucket,
                amount: run.amount(),
            }),
        }
    }
    sums
}
