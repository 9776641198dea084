//! What is true of each refusal by the rules.

use hyper::StatusCode;

use super::{Facts, fact};

/// In the order of the codes.
pub(super) static FACTS: &[Facts] = &[
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
        StatusCode::CONFLICT,
        "wallet-exists",
        "The wallet exists already",
        "The id is taken. Choose another one, or leave it out to have one allotted.",
    ),
    fact(
        StatusCode::CONFLICT,
        "over-cancel",
        "More would be cancelled than is left",
        "The cancels of a use never give back more than was used, and those of a grant never take back more than was given; cancellable says what is left of it.",
    ),
    fact(
        StatusCode::CONFLICT,
        "cancel-window-over",
        "The transaction is too old to be cancelled",
        "A use can be given back, and a grant taken back, within the cancel window: a setting, 400 days unless changed.",
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
        "Only uses, captures, charges and earns can be cancelled. In the transaction of an atomic bulk it is named by the leg of its entry.",
    ),
    fact(
        StatusCode::UNPROCESSABLE_ENTITY,
        "expires-at-past",
        "The points would lapse at once",
        "expires_at must lie in the future and, where there is an active_at, behind that.",
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
    fact(
        StatusCode::PRECONDITION_FAILED,
        "version-mismatch",
        "The wallet has another version",
        "The wallet changed since it was read; version says what it has now. Read it again, and ask again if it is still right.",
    ),
    fact(
        StatusCode::UNPROCESSABLE_ENTITY,
        "min-balance",
        "Too little would be left",
        "Less than min_balance_after would be left in the wallet; balance_after says how much.",
    ),
    fact(
        StatusCode::NOT_FOUND,
        "company-not-found",
        "There is no such company",
        "No company has this id. Create it with POST /v1/companies. A retry is judged afresh.",
    ),
    fact(
        StatusCode::CONFLICT,
        "company-exists",
        "The company exists already",
        "The id is taken. Choose another one, or leave it out to have one allotted.",
    ),
    fact(
        StatusCode::UNPROCESSABLE_ENTITY,
        "not-member",
        "The user is no member of the company",
        "Only members spend from the wallet of a company, and only they can leave it. Let the user join first.",
    ),
    fact(
        StatusCode::CONFLICT,
        "member-exists",
        "The user is a member already",
        "Nothing was changed.",
    ),
    fact(
        StatusCode::UNPROCESSABLE_ENTITY,
        "member-limit",
        "The company has as many members as it may",
        "A company has at most 10,000 members.",
    ),
    fact(
        StatusCode::CONFLICT,
        "day-not-open",
        "The day cannot be closed now",
        "A day is closed once, when it is over, and behind the day before it.",
    ),
    fact(
        StatusCode::UNPROCESSABLE_ENTITY,
        "not-pending",
        "The transaction is no grant that counts later",
        "Only a charge or an earn with active_at or pending can be activated or voided; one of an atomic bulk is named by its leg.",
    ),
    fact(
        StatusCode::CONFLICT,
        "pending-over",
        "The grant is not pending any more",
        "It was activated, by its instant or by a call, or voided. Points that count are taken back by cancelling the transaction that activated them.",
    ),
    fact(
        StatusCode::UNPROCESSABLE_ENTITY,
        "pending-limit",
        "The wallet has as many pending grants as it may",
        "A wallet has at most 256 pending grants; activate or void some.",
    ),
    fact(
        StatusCode::UNPROCESSABLE_ENTITY,
        "active-at-past",
        "The points would count at once",
        "active_at must lie in the future. Leave it out for points that count at once.",
    ),
    fact(
        StatusCode::NOT_FOUND,
        "settlement-not-found",
        "There is no such statement",
        "The company has not closed this period; or, of a run, nobody has asked for it. A retry is judged afresh.",
    ),
    fact(
        StatusCode::CONFLICT,
        "settlement-state",
        "The statement cannot go there",
        "state says where it stands: closed is confirmed, confirmed is paid, both can be held and released, and whatever is not held can be reversed, once.",
    ),
    fact(
        StatusCode::UNPROCESSABLE_ENTITY,
        "period-not-over",
        "The period is not over",
        "Only what is over can be closed; ends says when that is.",
    ),
    fact(
        StatusCode::CONFLICT,
        "period-not-next",
        "The period is not the next one",
        "Periods join: the next one begins where the last one ended, which begins says. The first one begins when the company came to be, or before.",
    ),
    fact(
        StatusCode::UNPROCESSABLE_ENTITY,
        "settlement-limit",
        "More than a statement can say",
        "A number would pass 9007199254740991, or the company has 4,096 statements.",
    ),
    fact(
        StatusCode::UNPROCESSABLE_ENTITY,
        "limit-exceeded",
        "More than the operator allows",
        "The operator limits how much is earned, used or owned; limit says which of the limits it was, and allowed how much it still lets through.",
    ),
];
