//! The entries of an act: one per leg, as history and receipts show them.

use smallvec::SmallVec;

use super::runs::{BucketKey, Run};
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
    pub const ALL: [Self; 8] = [
        Self::Create,
        Self::Charge,
        Self::Earn,
        Self::Use,
        Self::TransferOut,
        Self::TransferIn,
        Self::Cancel,
        Self::Lapse,
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
        }
    }

    /// Whether points leave the wallet.
    pub fn is_debit(self) -> bool {
        matches!(self, Self::Use | Self::TransferOut | Self::Lapse)
    }
}

// === impl Event ===

impl Event {
    /// The entries of this act, by leg.
    pub fn entries(&self) -> SmallVec<[Entry; 2]> {
        let one = |kind, amount, standing, allocations| -> SmallVec<[Entry; 2]> {
            smallvec::smallvec![Entry {
                leg: 0,
                kind,
                amount,
                standing,
                counterparty: None,
                allocations
            }]
        };
        match self {
            Self::WalletCreated(event) => {
                one(EntryType::Create, 0, event.standing, SmallVec::new())
            }
            Self::Charged(event) => granted(EntryType::Charge, Fund::Paid, event),
            Self::Earned(event) => granted(EntryType::Earn, Fund::Free, event),
            Self::Used(event) => one(
                EntryType::Use,
                event.amount(),
                event.standing,
                allocations(&event.runs),
            ),
            Self::UseCancelled(event) => one(
                EntryType::Cancel,
                event.amount(),
                event.standing,
                allocations(&event.runs),
            ),
            Self::Lapsed(event) => {
                let allocation = Allocation {
                    bucket: event.bucket,
                    amount: event.amount.get(),
                };
                let allocations = smallvec::smallvec![allocation];
                one(
                    EntryType::Lapse,
                    event.amount.get(),
                    event.standing,
                    allocations,
                )
            }
            Self::Transferred(event) => transferred(event),
            Self::SettingsChanged(_) => SmallVec::new(),
            Self::Batched(event) => event.parts().flat_map(numbered).collect(),
        }
    }
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
    let amount = event.amount.get();
    let bucket = BucketKey {
        fund,
        expires_at: event.expires_at,
    };
    smallvec::smallvec![Entry {
        leg: 0,
        kind,
        amount,
        standing: event.standing,
        counterparty: None,
        allocations: smallvec::smallvec![Allocation { bucket, amount }],
    }]
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
        allocations: allocations(event.runs()),
    });
    for (at, received) in event.to.iter().enumerate() {
        entries.push(Entry {
            leg: at as u8 + 1,
            kind: EntryType::TransferIn,
            amount: received.amount(),
            standing: received.standing,
            counterparty: Some(event.from.wallet),
            allocations: allocations(&received.runs),
        });
    }
    entries
}

/// Runs summed by bucket; neighbours only, since runs come in spending order.
fn allocations<'a>(runs: impl IntoIterator<Item = &'a Run>) -> SmallVec<[Allocation; 1]> {
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
