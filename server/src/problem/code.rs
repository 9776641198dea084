//! The catalogue of problem codes: what `/problems/<code>` explains and what metrics count.

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
    WalletNotFound,
    TransactionNotFound,
    MethodNotAllowed,
    RequestTimeout,
    WalletExists,
    OverCancel,
    CancelWindowOver,
    IdempotencyRunning,
    BodyTooLarge,
    UnsupportedMediaType,
    InvalidField,
    InsufficientBalance,
    SameWallet,
    NotCancellable,
    ExpiresAtPast,
    BalanceLimit,
    LotLimit,
    ActTooLarge,
    IdempotencyMismatch,
    IdempotencyKeyPerItem,
    TooManyRequests,
    OutcomeUnknown,
    InternalError,
    RecordUnreadable,
    SnapshotFailed,
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
    pub(crate) const ALL: [Self; 51] = [
        Self::MalformedJson,
        Self::MalformedRequest,
        Self::InvalidParameter,
        Self::InvalidCursor,
        Self::InvalidIdempotencyKey,
        Self::RouteNotFound,
        Self::WalletNotFound,
        Self::TransactionNotFound,
        Self::MethodNotAllowed,
        Self::RequestTimeout,
        Self::WalletExists,
        Self::OverCancel,
        Self::CancelWindowOver,
        Self::IdempotencyRunning,
        Self::BodyTooLarge,
        Self::UnsupportedMediaType,
        Self::InvalidField,
        Self::InsufficientBalance,
        Self::SameWallet,
        Self::NotCancellable,
        Self::ExpiresAtPast,
        Self::BalanceLimit,
        Self::LotLimit,
        Self::ActTooLarge,
        Self::IdempotencyMismatch,
        Self::IdempotencyKeyPerItem,
        Self::TooManyRequests,
        Self::OutcomeUnknown,
        Self::InternalError,
        Self::RecordUnreadable,
        Self::SnapshotFailed,
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
    ];

    /// The code of a page's address.
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.facts().code == word)
    }

    /// What is always true of it.
    pub(crate) const fn facts(self) -> &'static Facts {
        &FACTS[self as usize]
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

/// By number of the code; a test holds it against [`Code::ALL`].
static FACTS: [Facts; 51] = [
    fact(
        StatusCode::BAD_REQUEST,
        "malformed-json",
        "The body is not JSON",
        "The body could not be parsed; line and column say where. Nothing was changed.",
    ),
    fact(
        StatusCode::BAD_REQUEST,
        "malformed-request",
        "The request is not sound HTTP",
        "A header is missing, doubled or contradicts another one. Nothing was changed.",
    ),
    fact(
        StatusCode::BAD_REQUEST,
        "invalid-parameter",
        "A query parameter is not right",
        "A parameter is unknown, doubled, or has a value that it cannot have; errors names it.",
    ),
    fact(
        StatusCode::BAD_REQUEST,
        "invalid-cursor",
        "The cursor is not right",
        "The cursor is damaged or was given out for another list. Start again without a cursor, or take next_cursor of the same list with the same filters.",
    ),
    fact(
        StatusCode::BAD_REQUEST,
        "invalid-idempotency-key",
        "The Idempotency-Key header is not right",
        "The header must come once and hold 1 to 255 visible ASCII characters, in double quotes or bare.",
    ),
    fact(
        StatusCode::NOT_FOUND,
        "route-not-found",
        "There is nothing at this path",
        "The path is not part of the API. /docs lists every route.",
    ),
    fact(
        StatusCode::NOT_FOUND,
        "wallet-not-found",
        "There is no such wallet",
        "No wallet has this id. Create it with POST /v1/wallets. A retry is judged afresh.",
    ),
    fact(
        StatusCode::NOT_FOUND,
        "transaction-not-found",
        "There is no such transaction",
        "No transaction has this id. A retry is judged afresh.",
    ),
    fact(
        StatusCode::METHOD_NOT_ALLOWED,
        "method-not-allowed",
        "The path does not know this method",
        "The Allow header lists the methods that the path knows.",
    ),
    fact(
        StatusCode::REQUEST_TIMEOUT,
        "request-timeout",
        "The body did not arrive in time",
        "The server waits a limited time for a body. Nothing was changed; send the request again.",
    ),
    fact(
        StatusCode::CONFLICT,
        "wallet-exists",
        "The wallet exists already",
        "The id is taken. Choose another one, or leave it out to have one allotted.",
    ),
    fact(
        StatusCode::CONFLICT,
        "over-cancel",
        "More would be given back than was used",
        "The cancels of a use never exceed the use; cancellable says what may still be given back.",
    ),
    fact(
        StatusCode::CONFLICT,
        "cancel-window-over",
        "The transaction is too old to be cancelled",
        "A use can be given back, and a grant taken back, within the cancel window: a setting, 400 days unless changed.",
    ),
    again(
        "1",
        fact(
            StatusCode::CONFLICT,
            "idempotency-running",
            "The first request with this key is still running",
            "Ask again with the same key and the same body: the answer will be that of the first request.",
        ),
    ),
    fact(
        StatusCode::PAYLOAD_TOO_LARGE,
        "body-too-large",
        "The body is too large",
        "A body may have 64 KiB, that of POST /v1/bulk 4 MiB. Nothing was changed.",
    ),
    fact(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "unsupported-media-type",
        "The body is not application/json",
        "Send the header Content-Type: application/json, and no Content-Encoding.",
    ),
    fact(
        StatusCode::UNPROCESSABLE_ENTITY,
        "invalid-field",
        "A field is not right",
        "A field is missing, unknown, doubled, of the wrong type or out of range; errors lists each with its JSON pointer. Nothing was changed.",
    ),
    fact(
        StatusCode::UNPROCESSABLE_ENTITY,
        "insufficient-balance",
        "Not enough points",
        "The wallet cannot spend as many points as requested; available says how many it can.",
    ),
    fact(
        StatusCode::UNPROCESSABLE_ENTITY,
        "same-wallet",
        "A transfer needs different wallets",
        "A wallet cannot transfer points to itself.",
    ),
    fact(
        StatusCode::UNPROCESSABLE_ENTITY,
        "not-cancellable",
        "The transaction cannot be cancelled",
        "Only a use can be cancelled. In the transaction of an atomic bulk it is named by the leg of its entry.",
    ),
    fact(
        StatusCode::UNPROCESSABLE_ENTITY,
        "expires-at-past",
        "The points would lapse at once",
        "expires_at must lie in the future.",
    ),
    fact(
        StatusCode::UNPROCESSABLE_ENTITY,
        "balance-limit",
        "The balance would pass its limit",
        "A balance never passes 9007199254740991 points.",
    ),
    fact(
        StatusCode::UNPROCESSABLE_ENTITY,
        "lot-limit",
        "The wallet holds too many lots",
        "A wallet holds points of at most 1024 combinations of fund and expiry. Spend some first, or give expiries a coarser step.",
    ),
    fact(
        StatusCode::UNPROCESSABLE_ENTITY,
        "act-too-large",
        "The act is too large for the journal",
        "The act touches more lots than one act can record. Split it into smaller ones.",
    ),
    fact(
        StatusCode::UNPROCESSABLE_ENTITY,
        "idempotency-mismatch",
        "The key was used for another request",
        "The Idempotency-Key came before with another path or another body. Use a fresh key for a new request.",
    ),
    fact(
        StatusCode::UNPROCESSABLE_ENTITY,
        "idempotency-key-per-item",
        "Bulk takes a key per item",
        "POST /v1/bulk takes an Idempotency-Key header only when it is atomic. Otherwise give each operation its own key member.",
    ),
    again(
        "1",
        fact(
            StatusCode::TOO_MANY_REQUESTS,
            "too-many-requests",
            "Too many requests for one wallet",
            "Too many requests wait for this wallet. Nothing was changed; try again a little later.",
        ),
    ),
    fact(
        StatusCode::INTERNAL_SERVER_ERROR,
        "outcome-unknown",
        "Whether this was kept is not known",
        "The disk failed after the decision. After the next start, ask again with the same Idempotency-Key: the request is carried out once.",
    ),
    fact(
        StatusCode::INTERNAL_SERVER_ERROR,
        "internal-error",
        "The server has a defect",
        "The request met a defect of the server. Nothing was changed. The X-Request-Id of the answer finds the log line.",
    ),
    fact(
        StatusCode::INTERNAL_SERVER_ERROR,
        "record-unreadable",
        "A record could not be read back",
        "A stored record could not be read. The X-Request-Id of the answer finds the log line.",
    ),
    fact(
        StatusCode::INTERNAL_SERVER_ERROR,
        "snapshot-failed",
        "No snapshot was made",
        "The older snapshots are as they were, and so is everything else. The detail says why; the log and `/metrics` say whether it is a disk or a difference.",
    ),
    fact(
        StatusCode::NOT_IMPLEMENTED,
        "method-unknown",
        "The server does not know this method",
        "The method is not one of those that HTTP defines.",
    ),
    again(
        "1",
        fact(
            StatusCode::SERVICE_UNAVAILABLE,
            "overloaded",
            "The server has too much to do",
            "Too much is in flight. Nothing was changed; try again a little later.",
        ),
    ),
    again(
        "5",
        fact(
            StatusCode::SERVICE_UNAVAILABLE,
            "storage-full",
            "The storage is full",
            "There is no room to write. Nothing was changed; reads go on, and writes resume when there is room.",
        ),
    ),
    again(
        "5",
        fact(
            StatusCode::SERVICE_UNAVAILABLE,
            "storage-failed",
            "The storage failed",
            "The disk failed and the server is about to end. Replay decides what was kept.",
        ),
    ),
    again(
        "60",
        fact(
            StatusCode::SERVICE_UNAVAILABLE,
            "key-table-full",
            "No more idempotency keys can be remembered",
            "Keyed requests are refused until remembered keys pass out of their window. Nothing was changed.",
        ),
    ),
    again(
        "5",
        fact(
            StatusCode::SERVICE_UNAVAILABLE,
            "draining",
            "The server is stopping",
            "The server finishes what it has begun and takes nothing new. Nothing was changed.",
        ),
    ),
    again(
        "1",
        fact(
            StatusCode::SERVICE_UNAVAILABLE,
            "replaying",
            "The server is starting",
            "The log is being replayed. Nothing was changed; /readyz says when it is done.",
        ),
    ),
    again(
        "2",
        fact(
            StatusCode::SERVICE_UNAVAILABLE,
            "history-behind",
            "The history is being indexed",
            "The index of histories, or the daily report, is being read from the log after it was lost. Balances and commands are not affected.",
        ),
    ),
    fact(
        StatusCode::UNPROCESSABLE_ENTITY,
        "moment-ahead",
        "That moment has not come",
        "The past of a wallet was asked for at a time, or an LSN, that still lies ahead.",
    ),
    fact(
        StatusCode::GONE,
        "history-gone",
        "The log no longer goes back that far",
        "What is asked for happened before the beginning of the log: the operator has set for how long history is kept, \
         and what is older was deleted. Balances are not affected. Trying again does not help.",
    ),
    fact(
        StatusCode::UNPROCESSABLE_ENTITY,
        "too-many-legs",
        "The operations make too many entries",
        "A transaction has at most 255 entries. Send the operations in several requests.",
    ),
    fact(
        StatusCode::CONFLICT,
        "wallet-frozen",
        "The wallet is frozen",
        "Nothing is given to a frozen wallet, spent from it or set aside in it until it is unfrozen.",
    ),
    fact(
        StatusCode::CONFLICT,
        "wallet-closed",
        "The wallet is closed",
        "A closed wallet takes part in nothing any more; its history can still be read.",
    ),
    fact(
        StatusCode::CONFLICT,
        "status-unchanged",
        "The wallet has this status already",
        "Nothing was changed.",
    ),
    fact(
        StatusCode::CONFLICT,
        "wallet-not-empty",
        "The wallet is not empty",
        "Only a wallet that holds, has set aside and owes nothing can be closed.",
    ),
    fact(
        StatusCode::CONFLICT,
        "grant-spent",
        "Too much of the grant is gone",
        "Points of a grant that were spent, moved or set aside cannot be taken back this way; if_spent says what else can be done. Points that lapsed are gone in any case.",
    ),
    fact(
        StatusCode::UNPROCESSABLE_ENTITY,
        "not-held",
        "The transaction set nothing aside",
        "Only a hold can be captured or released.",
    ),
    fact(
        StatusCode::CONFLICT,
        "hold-over",
        "Nothing is left of the hold",
        "It was captured, released, or its time was over.",
    ),
    fact(
        StatusCode::CONFLICT,
        "over-capture",
        "More would be captured than was set aside",
        "The captures of a hold never exceed it; held says what is left.",
    ),
    fact(
        StatusCode::UNPROCESSABLE_ENTITY,
        "hold-limit",
        "The wallet has as many holds as it may",
        "A wallet has at most 256 holds; capture or release some.",
    ),
];
