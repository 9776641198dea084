//! What callers of the engine hand in and get back.

mod settling;

use std::sync::Arc;

use smallvec::SmallVec;
use thiserror::Error;

use crate::domain::{
    self, Allocation, BucketKey, Command, CompanyId, Day, DayFlow, Denial, Description, EntryType,
    Event, Fund, Owner, Rejection, Status, Timestamp, TransactionId, Wallet, WalletId,
};
use crate::record::IdempotencyKey;

pub use self::settling::{
    NamedPeriod, RunFilter, RunOutcome, RunPage, RunProgress, RunRow, Settle, Settled,
    SettlementPage, SettlementView,
};

/// One command with the key under which a retry is recognised.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    /// What is asked.
    pub command: Command,
    /// The caller's key, hashed.
    pub key: Option<IdempotencyKey>,
}

/// An act that is on disk.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Act {
    /// Its id: the LSN of its first record; none after a dry run.
    pub transaction: TransactionId,
    /// Header time of its record: the only business time.
    pub at: Timestamp,
    /// What was decided.
    pub event: Arc<Event>,
}

/// The answer to a command that was carried out, given only once it is durable; or to a dry run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Receipt {
    /// The act.
    pub act: Act,
    /// Whether this is the remembered answer to an earlier request with the same key.
    pub replayed: bool,
}

// === impl Act ===

impl Act {
    /// Whether this was only a dry run.
    pub fn is_rehearsal(&self) -> bool {
        self.transaction == TransactionId::NONE
    }
}

/// Why there is no receipt.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum Refusal {
    /// The rules say no.
    #[error("{}", rejection.code())]
    Rejected {
        /// Why.
        rejection: Rejection,
        /// Whether this is the remembered answer to an earlier request with the same key.
        replayed: bool,
    },
    /// The rules say no to one item of a batch, and so to all.
    #[error("item {item}: {}", rejection.code())]
    ItemRejected {
        /// Its place, from 0.
        item: u8,
        /// Why.
        rejection: Rejection,
        /// Whether this is the remembered answer to an earlier request with the same key.
        replayed: bool,
    },
    /// The key was used for another request.
    #[error("the idempotency key was used for another request")]
    KeyMismatch,
    /// The first request with this key is still running after the time a duplicate waits for it.
    #[error("a request with this idempotency key is still running")]
    KeyRunning,
    /// The key table is full; only keyed commands are refused.
    #[error("the key table is full")]
    KeyTableFull,
    /// Too many acts in flight, or too many actors live.
    #[error("too many requests in flight")]
    Overloaded,
    /// Too many requests queued for one entity.
    #[error("too many requests queued for one wallet")]
    EntityBusy,
    /// No space is left for the journal.
    #[error("no space is left for the journal")]
    StorageFull,
    /// The engine is shutting down.
    #[error("the engine is shutting down")]
    Draining,
    /// The disk failed after the decision: only replay can tell whether it was kept.
    #[error("the disk failed: whether this was kept is decided at the next start")]
    OutcomeUnknown,
    /// A defect in the rules; nothing was changed.
    #[error("the decision failed by a defect; nothing was changed")]
    Panicked,
    /// A record could not be read back.
    #[error("a record could not be read back")]
    Unreadable,
    /// The history index is being built.
    #[error("the history index is being built")]
    HistoryBehind,
    /// So many entries cannot be passed over one by one.
    #[error("the offset lies behind what one page looks at")]
    OffsetTooDeep,
    /// The moment asked about has not come.
    #[error("that moment has not come")]
    MomentAhead,
    /// It happened before the beginning of the log: a retention setting has deleted it.
    #[error("the log no longer goes back that far")]
    Gone,
}

// === impl Refusal ===

impl Refusal {
    /// The refusal by the rules, of a whole or of an item.
    pub(crate) fn of(denial: Denial, replayed: bool) -> Self {
        let rejection = denial.rejection;
        match denial.item {
            None => Self::Rejected {
                rejection,
                replayed,
            },
            Some(item) => Self::ItemRejected {
                item,
                rejection,
                replayed,
            },
        }
    }
}

/// What became of a command.
pub type Outcome = Result<Receipt, Refusal>;

/// A wallet as it can be spent from at the time of the read: lapsed lots are left out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WalletView {
    /// Its id.
    pub id: WalletId,
    /// Who owns it.
    pub owner: Owner,
    /// Paid points.
    pub paid: i64,
    /// Free points.
    pub free: i64,
    /// Points that can be spent.
    pub available: u64,
    /// Points that are set aside.
    pub held: u64,
    /// Points that were given and do not count yet.
    pub pending: u64,
    /// Points that are owed.
    pub owed: u64,
    /// Whether it takes part in anything.
    pub status: Status,
    /// Points of either fund that lapse within 30 days.
    pub expiring_30d: u64,
    /// +1 with every event that touched it.
    pub version: u64,
    /// LSN of the last act that touched it.
    pub lsn: u64,
    /// When it was created.
    pub created_at: Timestamp,
}

/// A company with its wallet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CompanyView {
    /// Its id.
    pub id: CompanyId,
    /// What it is called.
    pub name: Description,
    /// Users who may spend from its wallet, ascending.
    pub members: Vec<u64>,
    /// Its wallet.
    pub wallet: WalletView,
    /// +1 with every event that touched the company itself.
    pub version: u64,
    /// LSN of the last such act.
    pub lsn: u64,
    /// When it was created.
    pub created_at: Timestamp,
}

/// What never changes of a company.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listed {
    /// What it is called.
    pub name: Arc<str>,
    /// When it was created.
    pub created_at: Timestamp,
}

/// Some of the companies, by id.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CompanyPage {
    /// What never changes of each.
    pub rows: Vec<(CompanyId, Listed)>,
    /// Behind which one the next page starts; `None` at the end.
    pub next: Option<CompanyId>,
}

/// A moment of the past.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Moment {
    /// With every act up to and at this instant.
    At(Timestamp),
    /// With every act up to and with this LSN, at that act's time.
    AtLsn(u64),
}

/// A wallet as it stood at a past moment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PastWallet {
    /// What could be spent then.
    pub view: WalletView,
    /// The same by fund and expiry.
    pub lots: Vec<Allocation>,
}

/// What flowed in and out of one wallet on one day.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DailyRow {
    /// Whose balance.
    pub wallet: WalletId,
    /// When.
    pub day: Day,
    /// What.
    pub flow: DayFlow,
}

/// One wallet on many days.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WalletReport {
    /// Every day of the range since the wallet was created, up to today, ascending.
    pub rows: Vec<DailyRow>,
    /// Name of the zone in which days are counted.
    pub zone: String,
    /// The day that still runs; those before it never change.
    pub today: Day,
    /// Everything up to here is counted.
    pub lsn: u64,
}

/// One day of many wallets.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DayReport {
    /// Wallets that had entries on the day, ascending.
    pub rows: Vec<DailyRow>,
    /// The first wallet of the next page.
    pub next: Option<WalletId>,
    /// The day.
    pub day: Day,
    /// Sums over all wallets, those without entries too.
    pub sum: DayFlow,
    /// How many wallets had entries.
    pub wallets: u64,
    /// Name of the zone in which days are counted.
    pub zone: String,
    /// The day that still runs; those before it never change.
    pub today: Day,
    /// Everything up to here is counted.
    pub lsn: u64,
}

/// One lot of a wallet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LotRow {
    /// Where it stands: fund, expiry and number.
    pub place: LotPlace,
    /// Points left in it.
    pub remaining: u64,
}

/// Place of a lot among those of its wallet, which is also its turn to be spent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LotPlace {
    /// Fund and expiry.
    pub bucket: BucketKey,
    /// From the wallet's counter, in grant order.
    pub number: u64,
}

/// Some of a wallet's lots, in spending order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LotPage {
    /// The lots.
    pub rows: SmallVec<[LotRow; 1]>,
    /// Behind which place the next page starts; `None` at the end.
    pub next: Option<LotPlace>,
}

/// Which entries of a wallet's history are wanted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HistoryQuery {
    /// Whose.
    pub wallet: WalletId,
    /// Only these types; empty = all.
    pub kinds: SmallVec<[EntryType; 2]>,
    /// Only entries that moved points of this fund.
    pub fund: Option<Fund>,
    /// Only transfers with this wallet.
    pub counterparty: Option<WalletId>,
    /// Only amounts from here on.
    pub amount_min: Option<u64>,
    /// Only amounts up to here.
    pub amount_max: Option<u64>,
    /// Not before this instant.
    pub from: Option<Timestamp>,
    /// Strictly before this instant.
    pub to: Option<Timestamp>,
    /// Oldest first instead of newest first.
    pub ascending: bool,
    /// Most entries on the page.
    pub limit: usize,
    /// Matching entries to pass over.
    pub offset: usize,
    /// Go on behind this entry.
    pub after: Option<HistoryPosition>,
}

// === impl WalletView ===

impl WalletView {
    pub(crate) fn new(
        id: WalletId,
        wallet: &Wallet,
        now: Timestamp,
        lsn: u64,
        created_at: Timestamp,
    ) -> Self {
        let version = wallet.version;
        let settled = domain::settled(id, wallet, now);
        let wallet = settled.as_ref().unwrap_or(wallet);
        let (free, paid) = wallet.funds(now);
        Self {
            id,
            owner: wallet.owner,
            paid,
            free,
            available: wallet.spendable(now),
            held: wallet.special().held(),
            pending: wallet.special().pending_points(),
            owed: wallet.special().debt.sum(),
            status: wallet.special().status,
            expiring_30d: wallet.lots.expiring(now, now.plus_days(30)),
            version,
            lsn,
            created_at,
        }
    }

    /// Points in all; below zero when more is owed than there is.
    pub fn balance(&self) -> i64 {
        self.paid + self.free
    }
}

// === impl HistoryQuery ===

impl HistoryQuery {
    /// Everything about a wallet, newest first.
    pub fn of(wallet: WalletId) -> Self {
        Self {
            wallet,
            kinds: SmallVec::new(),
            fund: None,
            counterparty: None,
            amount_min: None,
            amount_max: None,
            from: None,
            to: None,
            ascending: false,
            limit: 50,
            offset: 0,
            after: None,
        }
    }
}

/// Place of an entry in the history of everything.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct HistoryPosition {
    /// LSN of the act.
    pub lsn: u64,
    /// Leg within the act.
    pub leg: u8,
}

/// One entry of a history, with the act it belongs to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HistoryRow {
    /// The act.
    pub act: Act,
    /// Which of its legs.
    pub leg: u8,
}

/// Something that is open in a wallet, with how it began.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Open<T> {
    /// As it is now.
    pub what: T,
    /// The entry of its beginning; `None` if the log no longer goes back that far.
    pub row: Option<HistoryRow>,
}

/// Some of what is open in a wallet, the oldest first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OpenPage<T> {
    /// The holds or grants.
    pub rows: Vec<Open<T>>,
    /// Behind which number the next page starts; `None` at the end.
    pub next: Option<u64>,
}

/// A page of history.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HistoryPage {
    /// Its entries. May be fewer than asked for although more follow.
    pub rows: Vec<HistoryRow>,
    /// Where the next page starts; `None` at the end.
    pub next: Option<HistoryPosition>,
    /// All entries of the wallet that match, as far as counted.
    pub total: Total,
    /// The log begins with this transaction: what was before it was deleted. `None`: it is all there.
    pub begins: Option<TransactionId>,
}

/// A count that stops being exact where counting on would cost too much.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Total {
    /// Exactly so many.
    Exactly(u64),
    /// So many or more.
    AtLeast(u64),
}
