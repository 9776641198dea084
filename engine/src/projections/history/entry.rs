//! One entry of a wallet's history in 32 bytes, with all that a filter asks for.
//!
//! ```text
//! word 0   act's LSN (56 bits) · leg (8)
//! word 1   time of the act, µs
//! word 2   type (8 bits) · funds (2: free, paid) · amount (54)
//! word 3   the other wallet of a transfer, 0 = none
//! ```
//! A wallet's creation moves no points, so it is no entry. Standing, allocations and description stay in the log.

use smallvec::SmallVec;

use crate::domain::{EntryType, Event, Fund, Run, Standing, WalletId, amount_of};

/// Bytes of an entry on disk.
pub(super) const ENTRY_BYTES: usize = 32;

const LEG_BITS: u32 = 8;
const KIND_BITS_AT: u32 = 56;
const FUNDS_AT: u32 = 54;
const AMOUNT_MASK: u64 = (1 << FUNDS_AT) - 1;
const FUNDS_MASK: u64 = 0b11;

/// An entry, without its wallet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Packed([u64; 4]);

/// An entry with its wallet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Leg {
    pub(super) wallet: u64,
    pub(super) entry: Packed,
}

/// Place of an entry in the history of everything: LSN of the act, then leg.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Place(pub(super) u64);

/// What is asked of entries, apart from their time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Filter {
    /// A bit for each type that is wanted.
    kinds: u64,
    /// Entries that moved points of any of these funds.
    funds: u64,
    /// 0 = any.
    counterparty: u64,
    amount_min: u64,
    amount_max: u64,
}

// === impl Place ===

impl Place {
    pub(super) const FIRST: Self = Self(0);

    pub(crate) fn new(lsn: u64, leg: u8) -> Self {
        Self(lsn << LEG_BITS | u64::from(leg))
    }

    pub(crate) fn lsn(self) -> u64 {
        self.0 >> LEG_BITS
    }

    pub(crate) fn leg(self) -> u8 {
        self.0.to_le_bytes()[0]
    }
}

// === impl Packed ===

impl Packed {
    pub(super) fn place(self) -> Place {
        Place(self.0[0])
    }

    pub(super) fn at_us(self) -> i64 {
        self.0[1].cast_signed()
    }

    pub(super) fn to_bytes(self) -> [u8; ENTRY_BYTES] {
        let mut bytes = [0; ENTRY_BYTES];
        for (word, out) in self.0.iter().zip(bytes.chunks_exact_mut(8)) {
            out.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    pub(super) fn of_bytes(bytes: &[u8; ENTRY_BYTES]) -> Self {
        let (words, _) = bytes.as_chunks::<8>();
        Self(std::array::from_fn(|at| u64::from_le_bytes(words[at])))
    }
}

// === impl Leg ===

impl Leg {
    /// Hands out the entries of an act.
    pub(super) fn of(lsn: u64, at_us: i64, event: &Event, mut each: impl FnMut(Self)) {
        for part in event.parts() {
            Self::of_part(Place::new(lsn, part.leg), at_us, part.event, &mut each);
        }
    }

    /// Hands out the entries of one event whose first leg has this place.
    fn of_part(first: Place, at_us: i64, event: &Event, each: &mut impl FnMut(Self)) {
        let mut leg = |leg: u8, wallet: WalletId, kind: EntryType, parts: Parts, other: u64| {
            let word = (kind as u64) << KIND_BITS_AT
                | parts.funds << FUNDS_AT
                | parts.amount & AMOUNT_MASK;
            each(Self {
                wallet: wallet.get(),
                entry: Packed([first.0 + u64::from(leg), at_us.cast_unsigned(), word, other]),
            });
        };
        if let Some((wallet, kind, parts)) = sole(event) {
            leg(0, wallet, kind, parts, 0);
        }
        if let Event::Transferred(event) = event {
            let from = event.from.wallet;
            let mut given = Parts::default();
            let mut received: SmallVec<[Parts; 1]> = SmallVec::new();
            for to in &event.to {
                let parts = Parts::of_runs(&to.runs);
                given.funds |= parts.funds;
                given.amount += parts.amount;
                received.push(parts);
            }
            let sole = (event.to.len() == 1).then(|| event.to[0].standing.wallet.get());
            leg(0, from, EntryType::TransferOut, given, sole.unwrap_or(0));
            for (at, (to, parts)) in event.to.iter().zip(received).enumerate() {
                let wallet = to.standing.wallet;
                leg(
                    at as u8 + 1,
                    wallet,
                    EntryType::TransferIn,
                    parts,
                    from.get(),
                );
            }
        }
    }
}

/// Wallet, type and points of the only entry of an event; `None` where there are several or none: a creation is no entry,
/// and a batch holds no batch.
fn sole(event: &Event) -> Option<(WalletId, EntryType, Parts)> {
    Some(match event {
        Event::WalletCreated(_)
        | Event::CompanyCreated(_)
        | Event::MemberJoined(_)
        | Event::MemberLeft(_)
        | Event::SettlementClosed(_)
        | Event::SettlementMoved(_)
        | Event::SettlementRun(_)
        | Event::SettingsChanged(_)
        | Event::Batched(_)
        | Event::DayClosed(_)
        | Event::Transferred(_) => return None,
        Event::Charged(event) => (
            event.standing.wallet,
            EntryType::Charge,
            Parts::of(Fund::Paid, event.amount.get()),
        ),
        Event::Earned(event) => (
            event.standing.wallet,
            EntryType::Earn,
            Parts::of(Fund::Free, event.amount.get()),
        ),
        Event::Used(event) => of_runs(&event.standing, EntryType::Use, &event.runs),
        Event::UseCancelled(event) => of_runs(&event.standing, EntryType::Cancel, &event.runs),
        Event::Lapsed(event) => (
            event.standing.wallet,
            EntryType::Lapse,
            Parts::of(event.bucket.fund, event.amount.get()),
        ),
        Event::AdjustedUp(event) => (
            event.standing.wallet,
            EntryType::AdjustUp,
            Parts::of(event.bucket.fund, event.amount.get()),
        ),
        Event::AdjustedDown(event) => of_runs(&event.standing, EntryType::AdjustDown, &event.runs),
        Event::TakenBack(event) => (
            event.standing.wallet,
            EntryType::TakeBack,
            Parts::of(event.bucket.fund, event.amount()),
        ),
        Event::HoldPlaced(event) => of_runs(&event.standing, EntryType::Hold, &event.runs),
        Event::HoldCaptured(event) => of_runs(&event.standing, EntryType::Capture, &event.runs),
        Event::HoldReleased(event) => of_runs(&event.standing, EntryType::Release, &event.runs),
        Event::GrantPending(_) | Event::GrantActivated(_) | Event::GrantVoided(_) => {
            return later(event);
        }
        Event::StatusChanged(event) => {
            let kind = EntryType::of_status(event.status);
            (event.standing.wallet, kind, Parts::NOTHING)
        }
    })
}

fn of_runs(standing: &Standing, kind: EntryType, runs: &[Run]) -> (WalletId, EntryType, Parts) {
    (standing.wallet, kind, Parts::of_runs(runs))
}

/// The same of grants that count later.
fn later(event: &Event) -> Option<(WalletId, EntryType, Parts)> {
    let (standing, kind, fund, amount) = if let Event::GrantPending(event) = event {
        (event.standing, EntryType::Pending, event.fund, event.amount)
    } else if let Event::GrantActivated(event) = event {
        let fund = event.bucket.fund;
        (
            event.standing,
            EntryType::of_grant(fund),
            fund,
            event.amount,
        )
    } else if let Event::GrantVoided(event) = event {
        (event.standing, EntryType::Void, event.fund, event.amount)
    } else {
        return None;
    };
    Some((standing.wallet, kind, Parts::of(fund, amount.get())))
}

/// Funds and amount of one entry.
#[derive(Clone, Copy, Default)]
struct Parts {
    funds: u64,
    amount: u64,
}

impl Parts {
    /// No points; of both funds, so that no filter by fund hides what happened to the wallet.
    const NOTHING: Self = Self {
        funds: 0b11,
        amount: 0,
    };

    fn of(fund: Fund, amount: u64) -> Self {
        Self {
            funds: bit_of(fund),
            amount,
        }
    }

    fn of_runs(runs: &[Run]) -> Self {
        Self {
            funds: runs
                .iter()
                .fold(0, |funds, run| funds | bit_of(run.bucket.fund)),
            amount: amount_of(runs),
        }
    }
}

fn bit_of(fund: Fund) -> u64 {
    match fund {
        Fund::Free => 0b01,
        Fund::Paid => 0b10,
    }
}

// === impl Filter ===

impl Filter {
    /// Every entry.
    pub(super) const ALL: Self = Self {
        kinds: u64::MAX,
        funds: FUNDS_MASK,
        counterparty: 0,
        amount_min: 0,
        amount_max: u64::MAX,
    };

    pub(crate) fn new(
        kinds: &[EntryType],
        fund: Option<Fund>,
        counterparty: Option<WalletId>,
        (amount_min, amount_max): (Option<u64>, Option<u64>),
    ) -> Self {
        let bits = kinds.iter().fold(0, |bits, kind| bits | 1 << *kind as u64);
        Self {
            kinds: if kinds.is_empty() { u64::MAX } else { bits },
            funds: fund.map_or(FUNDS_MASK, bit_of),
            counterparty: counterparty.map_or(0, WalletId::get),
            amount_min: amount_min.unwrap_or(0),
            amount_max: amount_max.unwrap_or(u64::MAX),
        }
    }

    /// Whether nothing is left out.
    pub(super) fn is_open(&self) -> bool {
        *self == Self::ALL
    }

    pub(super) fn accepts(&self, entry: &Packed) -> bool {
        let word = entry.0[2];
        let amount = word & AMOUNT_MASK;
        self.kinds >> (word >> KIND_BITS_AT) & 1 != 0
            && (word >> FUNDS_AT) & self.funds != 0
            && (self.counterparty == 0 || self.counterparty == entry.0[3])
            && (self.amount_min..=self.amount_max).contains(&amount)
    }
}
