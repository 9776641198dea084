//! A refusal is a value: ranked, with a stable code, and part of the API.
//!
//! When several refusals apply to one command the one that its `decide` tests first wins, always: what is absent, then what
//! may not be, then what there is not enough of. A table test heals one fault at a time to prove it. The order of the
//! variants is the order of their numbers on disk, so a new one goes to the end.

use serde::{Deserialize, Serialize};

use super::calendar::Day;
use super::limits::LimitKind;
use super::settlement::SettlementState;
use super::types::{CompanyId, Timestamp, TransactionId, WalletId};

/// Why a command was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Rejection {
    /// No such wallet.
    WalletNotFound {
        /// The id asked for.
        wallet: WalletId,
    },
    /// No such transaction.
    TransactionNotFound {
        /// The id asked for.
        transaction: TransactionId,
    },
    /// The id is taken.
    WalletExists {
        /// The id asked for.
        wallet: WalletId,
    },
    /// A transfer names one wallet twice.
    SameWallet {
        /// The wallet named twice.
        wallet: WalletId,
    },
    /// Only a use can be cancelled.
    NotCancellable {
        /// The transaction asked for.
        transaction: TransactionId,
    },
    /// The use is older than the cancel window.
    CancelWindowOver {
        /// The use.
        transaction: TransactionId,
    },
    /// The cancels of a use would exceed the use.
    OverCancel {
        /// The use.
        transaction: TransactionId,
        /// What may still be given back, points.
        cancellable: u64,
        /// What was asked for, points.
        requested: u64,
    },
    /// The points would be lapsed the moment they are given.
    ExpiresAtPast {
        /// The expiry asked for.
        expires_at: Timestamp,
    },
    /// Not enough spendable points.
    InsufficientBalance {
        /// What could be spent now, points.
        available: u64,
        /// What was asked for, points.
        requested: u64,
    },
    /// The balance would pass 2^53−1.
    BalanceLimit {
        /// The wallet whose balance would pass it.
        wallet: WalletId,
    },
    /// The wallet holds as many lots or buckets as it may.
    LotLimit {
        /// The wallet that is full.
        wallet: WalletId,
    },
    /// The decision does not fit into one act of the journal.
    ActTooLarge {
        /// Its encoded size, bytes.
        bytes: u64,
    },
    /// A batch touches wallets more often than an act has numbers for.
    TooManyLegs {
        /// How often.
        legs: u64,
    },
    /// The wallet is frozen.
    WalletFrozen {
        /// Which one.
        wallet: WalletId,
    },
    /// The wallet is closed.
    WalletClosed {
        /// Which one.
        wallet: WalletId,
    },
    /// The wallet has this status already.
    StatusUnchanged {
        /// Which one.
        wallet: WalletId,
    },
    /// Only an empty wallet can be closed.
    WalletNotEmpty {
        /// Which one.
        wallet: WalletId,
    },
    /// Of a grant that is to be taken back, too much is gone.
    GrantSpent {
        /// The grant.
        transaction: TransactionId,
        /// Points of it that are still there.
        available: u64,
        /// What was asked for, points.
        requested: u64,
    },
    /// The transaction set nothing aside.
    NotHeld {
        /// The transaction asked for.
        transaction: TransactionId,
    },
    /// Nothing is left of the hold.
    HoldOver {
        /// The hold.
        transaction: TransactionId,
    },
    /// More is to be captured than the hold holds.
    OverCapture {
        /// The hold.
        transaction: TransactionId,
        /// What is left of it, points.
        held: u64,
        /// What was asked for, points.
        requested: u64,
    },
    /// The wallet has as many holds as it may.
    HoldLimit {
        /// Which one.
        wallet: WalletId,
    },
    /// The wallet is not as the caller thought it is.
    VersionMismatch {
        /// The wallet.
        wallet: WalletId,
        /// Its version.
        version: u64,
    },
    /// Less would be left than the caller wants to keep.
    MinBalance {
        /// What would be left, points.
        balance_after: i64,
        /// What was to be left at least, points.
        min_balance_after: u64,
    },
    /// No such company.
    CompanyNotFound {
        /// The id asked for.
        company: CompanyId,
    },
    /// The id is taken.
    CompanyExists {
        /// The id asked for.
        company: CompanyId,
    },
    /// Only members spend from the wallet of a company, and only they can leave it.
    NotMember {
        /// Of which company.
        company: CompanyId,
        /// Who.
        user: u64,
    },
    /// The user is a member already.
    MemberExists {
        /// Of which company.
        company: CompanyId,
        /// Who.
        user: u64,
    },
    /// The company has as many members as it may.
    MemberLimit {
        /// Which one.
        company: CompanyId,
    },
    /// The day is not over, is closed already, or is not the next one to be closed.
    DayNotOpen {
        /// The day asked for.
        day: Day,
    },
    /// The transaction is no grant that counts later.
    NotPending {
        /// The transaction asked for.
        transaction: TransactionId,
    },
    /// The grant is not pending any more.
    PendingOver {
        /// The grant.
        transaction: TransactionId,
    },
    /// The wallet has as many pending grants as it may.
    PendingLimit {
        /// Which one.
        wallet: WalletId,
    },
    /// The points would count at once.
    ActiveAtPast {
        /// The instant asked for.
        active_at: Timestamp,
    },
    /// The company has no statement of this period.
    SettlementNotFound {
        /// Which company.
        company: CompanyId,
    },
    /// The step cannot be taken from where the statement stands.
    SettlementState {
        /// Where it stands.
        state: SettlementState,
    },
    /// The period is not over yet.
    PeriodNotOver {
        /// When it ends.
        ends: Timestamp,
    },
    /// The period does not begin where the last one ended, or, the first, not before the company did.
    PeriodNotNext {
        /// Where the next one begins; the first may begin earlier.
        begins: Timestamp,
    },
    /// A number of the statement would pass 2^53−1, or the company has as many statements as it may.
    SettlementLimit {
        /// Which company.
        company: CompanyId,
    },
    /// More is asked for than a limit of the operator allows.
    LimitExceeded {
        /// Which limit.
        limit: LimitKind,
        /// What it still allows, points.
        allowed: u64,
        /// What was asked for, points.
        requested: u64,
    },
}

/// A refusal of what was asked, or of one item of a batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Denial {
    /// Which item of a batch, from 0; `None` = what was asked as a whole.
    pub item: Option<u8>,
    /// Why.
    pub rejection: Rejection,
}

// === impl Rejection ===

impl Rejection {
    /// The stable code: last part of the problem's `type`, also in bulk results and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::WalletNotFound { .. } => "wallet-not-found",
            Self::TransactionNotFound { .. } => "transaction-not-found",
            Self::WalletExists { .. } => "wallet-exists",
            Self::SameWallet { .. } => "same-wallet",
            Self::NotCancellable { .. } => "not-cancellable",
            Self::CancelWindowOver { .. } => "cancel-window-over",
            Self::OverCancel { .. } => "over-cancel",
            Self::ExpiresAtPast { .. } => "expires-at-past",
            Self::InsufficientBalance { .. } => "insufficient-balance",
            Self::BalanceLimit { .. } => "balance-limit",
            Self::LotLimit { .. } => "lot-limit",
            Self::ActTooLarge { .. } => "act-too-large",
            Self::TooManyLegs { .. } => "too-many-legs",
            Self::WalletFrozen { .. } => "wallet-frozen",
            Self::WalletClosed { .. } => "wallet-closed",
            Self::StatusUnchanged { .. } => "status-unchanged",
            Self::WalletNotEmpty { .. } => "wallet-not-empty",
            Self::GrantSpent { .. } => "grant-spent",
            Self::NotHeld { .. } => "not-held",
            Self::HoldOver { .. } => "hold-over",
            Self::OverCapture { .. } => "over-capture",
            Self::HoldLimit { .. } => "hold-limit",
            Self::VersionMismatch { .. } => "version-mismatch",
            Self::MinBalance { .. } => "min-balance",
            Self::CompanyNotFound { .. } => "company-not-found",
            Self::CompanyExists { .. } => "company-exists",
            Self::NotMember { .. } => "not-member",
            Self::MemberExists { .. } => "member-exists",
            Self::MemberLimit { .. } => "member-limit",
            Self::DayNotOpen { .. } => "day-not-open",
            Self::NotPending { .. } => "not-pending",
            Self::PendingOver { .. } => "pending-over",
            Self::PendingLimit { .. } => "pending-limit",
            Self::ActiveAtPast { .. } => "active-at-past",
            Self::SettlementNotFound { .. } => "settlement-not-found",
            Self::SettlementState { .. } => "settlement-state",
            Self::PeriodNotOver { .. } => "period-not-over",
            Self::PeriodNotNext { .. } => "period-not-next",
            Self::SettlementLimit { .. } => "settlement-limit",
            Self::LimitExceeded { .. } => "limit-exceeded",
        }
    }

    /// Whether a keyed refusal is written and remembered. What is absent today may exist tomorrow,
    /// so a retry of a not-found is judged afresh.
    pub fn is_remembered(&self) -> bool {
        !matches!(
            self,
            Self::WalletNotFound { .. }
                | Self::TransactionNotFound { .. }
                | Self::CompanyNotFound { .. }
                | Self::SettlementNotFound { .. }
        )
    }
}

// === impl Denial ===

impl From<Rejection> for Denial {
    fn from(rejection: Rejection) -> Self {
        Self {
            item: None,
            rejection,
        }
    }
}
