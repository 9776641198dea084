//! The catalogue of problem codes: what `/problems/<code>` explains and what metrics count.

mod general;
mod rules;

use hyper::StatusCode;

/// A stable code. Once released it neither changes nor goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Code {
    MalformedJson,
    MalformedRequest,
    InvalidParameter,
    InvalidCursor,
    InvalidIdempotencyKey,
    RouteNotFound,
    MethodNotAllowed,
    RequestTimeout,
    IdempotencyRunning,
    BodyTooLarge,
    UnsupportedMediaType,
    InvalidField,
    IdempotencyMismatch,
    IdempotencyKeyPerItem,
    TooManyRequests,
    OutcomeUnknown,
    InternalError,
    RecordUnreadable,
    SnapshotFailed,
    CompactionFailed,
    MethodUnknown,
    Overloaded,
    StorageFull,
    StorageFailed,
    KeyTableFull,
    Draining,
    Replaying,
    HistoryBehind,
    MomentAhead,
    HistoryGone,
    // From here on refusals by the rules.
    WalletNotFound,
    TransactionNotFound,
    WalletExists,
    OverCancel,
    CancelWindowOver,
    InsufficientBalance,
    SameWallet,
    NotCancellable,
    ExpiresAtPast,
    BalanceLimit,
    LotLimit,
    ActTooLarge,
    TooManyLegs,
    WalletFrozen,
    WalletClosed,
    StatusUnchanged,
    WalletNotEmpty,
    GrantSpent,
    NotHeld,
    HoldOver,
    OverCapture,
    HoldLimit,
    VersionMismatch,
    MinBalance,
    CompanyNotFound,
    CompanyExists,
    NotMember,
    MemberExists,
    MemberLimit,
    DayNotOpen,
    NotPending,
    PendingOver,
    PendingLimit,
    ActiveAtPast,
    SettlementNotFound,
    SettlementState,
    PeriodNotOver,
    PeriodNotNext,
    SettlementLimit,
    LimitExceeded,
}

/// What is always true of a code.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts {
    /// The word in `code` and at the end of `type`.
    pub(crate) code: &'static str,
    /// Its one status.
    pub(crate) status: StatusCode,
    /// The same for every occurrence.
    pub(crate) title: &'static str,
    /// What it means and what to do, for its page.
    pub(crate) meaning: &'static str,
    /// Seconds after which trying again makes sense.
    pub(crate) retry_after: Option<&'static str>,
}

// === impl Code ===

impl Code {
    /// All codes, in the order of their numbers.
    pub(crate) const ALL: &[Self] = &[
        Self::MalformedJson,
        Self::MalformedRequest,
        Self::InvalidParameter,
        Self::InvalidCursor,
        Self::InvalidIdempotencyKey,
        Self::RouteNotFound,
        Self::MethodNotAllowed,
        Self::RequestTimeout,
        Self::IdempotencyRunning,
        Self::BodyTooLarge,
        Self::UnsupportedMediaType,
        Self::InvalidField,
        Self::IdempotencyMismatch,
        Self::IdempotencyKeyPerItem,
        Self::TooManyRequests,
        Self::OutcomeUnknown,
        Self::InternalError,
        Self::RecordUnreadable,
        Self::SnapshotFailed,
        Self::CompactionFailed,
        Self::MethodUnknown,
        Self::Overloaded,
        Self::StorageFull,
        Self::StorageFailed,
        Self::KeyTableFull,
        Self::Draining,
        Self::Replaying,
        Self::HistoryBehind,
        Self::MomentAhead,
        Self::HistoryGone,
        Self::WalletNotFound,
        Self::TransactionNotFound,
        Self::WalletExists,
        Self::OverCancel,
        Self::CancelWindowOver,
        Self::InsufficientBalance,
        Self::SameWallet,
        Self::NotCancellable,
        Self::ExpiresAtPast,
        Self::BalanceLimit,
        Self::LotLimit,
        Self::ActTooLarge,
        Self::TooManyLegs,
        Self::WalletFrozen,
        Self::WalletClosed,
        Self::StatusUnchanged,
        Self::WalletNotEmpty,
        Self::GrantSpent,
        Self::NotHeld,
        Self::HoldOver,
        Self::OverCapture,
        Self::HoldLimit,
        Self::VersionMismatch,
        Self::MinBalance,
        Self::CompanyNotFound,
        Self::CompanyExists,
        Self::NotMember,
        Self::MemberExists,
        Self::MemberLimit,
        Self::DayNotOpen,
        Self::NotPending,
        Self::PendingOver,
        Self::PendingLimit,
        Self::ActiveAtPast,
        Self::SettlementNotFound,
        Self::SettlementState,
        Self::PeriodNotOver,
        Self::PeriodNotNext,
        Self::SettlementLimit,
        Self::LimitExceeded,
    ];

    /// The code of a page's address.
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|code| code.facts().code == word)
    }

    /// The words of all codes.
    pub(crate) fn words() -> Vec<&'static str> {
        Self::ALL.iter().map(|code| code.facts().code).collect()
    }

    /// What is always true of it.
    pub(crate) fn facts(self) -> &'static Facts {
        let number = self as usize;
        let of_rules = number.checked_sub(general::FACTS.len());
        of_rules.map_or_else(|| &general::FACTS[number], |number| &rules::FACTS[number])
    }
}

const fn fact(
    status: StatusCode,
    code: &'static str,
    title: &'static str,
    meaning: &'static str,
) -> Facts {
    Facts {
        code,
        status,
        title,
        meaning,
        retry_after: None,
    }
}

const fn again(seconds: &'static str, facts: Facts) -> Facts {
    Facts {
        retry_after: Some(seconds),
        ..facts
    }
}
