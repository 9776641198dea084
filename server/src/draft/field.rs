//! Every field that any body has, by name and by place.
//!
//! ```text
//! Field ── one bit each ──► Fields: what a body knows, what it must have, what came
//! ```
//! Knows no values: what a field may be is the draft's.

/// The fields of a term.
const TERM: Fields = Fields::of(&[
    Field::ExpiresInDays,
    Field::ExpiresInMonths,
    Field::ExpiresInEndOf,
    Field::ExpiresInPlus,
]);

/// Every field that any body has. A body that does not know a field refuses it in `Draft::allow`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Field {
    Op,
    Wallet,
    Transaction,
    Amount,
    Description,
    ExpiresAt,
    Id,
    Owner,
    OwnerType,
    OwnerId,
    From,
    To,
    Key,
    Zone,
    CancelWindowDays,
    Leg,
    ExpiresIn,
    ExpiresInDays,
    ExpiresInMonths,
    ExpiresInEndOf,
    ExpiresInPlus,
    Change,
    Fund,
    Reason,
    IfSpent,
    IfExpired,
    IfExpiredDays,
    IfVersion,
    MinBalanceAfter,
    UpTo,
    User,
    Name,
    ActiveAt,
    Pending,
    Period,
    RatePpm,
    FeePpm,
    VatPpm,
    By,
    Limit,
    Most,
    Mode,
}

/// How many variants [`Field`] has.
pub(super) const FIELDS: usize = 42;

/// A set of fields, one bit each.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Fields(u64);

// === impl Field ===

impl Field {
    /// All fields, in the order of their numbers.
    pub(super) const ALL: [Self; FIELDS] = [
        Self::Op,
        Self::Wallet,
        Self::Transaction,
        Self::Amount,
        Self::Description,
        Self::ExpiresAt,
        Self::Id,
        Self::Owner,
        Self::OwnerType,
        Self::OwnerId,
        Self::From,
        Self::To,
        Self::Key,
        Self::Zone,
        Self::CancelWindowDays,
        Self::Leg,
        Self::ExpiresIn,
        Self::ExpiresInDays,
        Self::ExpiresInMonths,
        Self::ExpiresInEndOf,
        Self::ExpiresInPlus,
        Self::Change,
        Self::Fund,
        Self::Reason,
        Self::IfSpent,
        Self::IfExpired,
        Self::IfExpiredDays,
        Self::IfVersion,
        Self::MinBalanceAfter,
        Self::UpTo,
        Self::User,
        Self::Name,
        Self::ActiveAt,
        Self::Pending,
        Self::Period,
        Self::RatePpm,
        Self::FeePpm,
        Self::VatPpm,
        Self::By,
        Self::Limit,
        Self::Most,
        Self::Mode,
    ];

    /// Where it stands in its object.
    pub(crate) fn pointer(self) -> &'static str {
        match self {
            Self::Op => "/op",
            Self::Wallet => "/wallet",
            Self::Transaction => "/transaction",
            Self::Amount => "/amount",
            Self::Description => "/description",
            Self::ExpiresAt => "/expires_at",
            Self::Id => "/id",
            Self::Owner => "/owner",
            Self::OwnerType => "/owner/type",
            Self::OwnerId => "/owner/id",
            Self::From => "/from",
            Self::To => "/to",
            Self::Key => "/key",
            Self::Zone => "/zone",
            Self::CancelWindowDays => "/cancel_window_days",
            Self::Leg => "/leg",
            Self::ExpiresIn => "/expires_in",
            Self::ExpiresInDays => "/expires_in/days",
            Self::ExpiresInMonths => "/expires_in/months",
            Self::ExpiresInEndOf => "/expires_in/end_of",
            Self::ExpiresInPlus => "/expires_in/plus",
            Self::Change => "/change",
            Self::Fund => "/fund",
            Self::Reason => "/reason",
            Self::IfSpent => "/if_spent",
            Self::IfExpired => "/if_expired",
            Self::IfExpiredDays => "/if_expired_days",
            Self::IfVersion => "/if_version",
            Self::MinBalanceAfter => "/min_balance_after",
            Self::UpTo => "/up_to",
            Self::User => "/user",
            Self::Name => "/name",
            Self::ActiveAt => "/active_at",
            Self::Pending => "/pending",
            Self::Period => "/period",
            Self::RatePpm => "/rate_ppm",
            Self::FeePpm => "/fee_ppm",
            Self::VatPpm => "/vat_ppm",
            Self::By => "/by",
            Self::Limit => "/limit",
            Self::Most => "/most",
            Self::Mode => "/mode",
        }
    }

    /// A field of the outer object by its name.
    pub(super) fn outer(name: &str) -> Option<Self> {
        Some(match name {
            "op" => Self::Op,
            "wallet" => Self::Wallet,
            "transaction" => Self::Transaction,
            "amount" => Self::Amount,
            "description" => Self::Description,
            "expires_at" => Self::ExpiresAt,
            "id" => Self::Id,
            "owner" => Self::Owner,
            "from" => Self::From,
            "to" => Self::To,
            "key" => Self::Key,
            "zone" => Self::Zone,
            "cancel_window_days" => Self::CancelWindowDays,
            "leg" => Self::Leg,
            "expires_in" => Self::ExpiresIn,
            "change" => Self::Change,
            "fund" => Self::Fund,
            "reason" => Self::Reason,
            "if_spent" => Self::IfSpent,
            "if_expired" => Self::IfExpired,
            "if_expired_days" => Self::IfExpiredDays,
            "if_version" => Self::IfVersion,
            "min_balance_after" => Self::MinBalanceAfter,
            "up_to" => Self::UpTo,
            "user" => Self::User,
            "name" => Self::Name,
            "active_at" => Self::ActiveAt,
            "pending" => Self::Pending,
            "period" => Self::Period,
            "rate_ppm" => Self::RatePpm,
            "fee_ppm" => Self::FeePpm,
            "vat_ppm" => Self::VatPpm,
            "by" => Self::By,
            "limit" => Self::Limit,
            "most" => Self::Most,
            "mode" => Self::Mode,
            _ => return None,
        })
    }

    /// A field of the owner object by its name.
    pub(super) fn of_owner(name: &str) -> Option<Self> {
        match name {
            "type" => Some(Self::OwnerType),
            "id" => Some(Self::OwnerId),
            _ => None,
        }
    }

    /// A field of a term by its name.
    pub(super) fn of_term(name: &str) -> Option<Self> {
        match name {
            "days" => Some(Self::ExpiresInDays),
            "months" => Some(Self::ExpiresInMonths),
            "end_of" => Some(Self::ExpiresInEndOf),
            "plus" => Some(Self::ExpiresInPlus),
            _ => None,
        }
    }
}

// === impl Fields ===

impl Fields {
    /// These fields.
    pub(crate) const fn of(fields: &[Field]) -> Self {
        let (mut bits, mut at) = (0_u64, 0);
        while at < fields.len() {
            bits |= 1 << fields[at] as u8;
            at += 1;
        }
        Self(bits)
    }

    /// These fields too.
    pub(crate) const fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    pub(super) fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }

    /// Those that stand in the outer object.
    pub(crate) fn outer(self) -> impl Iterator<Item = Field> {
        let inner = Self::of(&[Field::OwnerType, Field::OwnerId]).and(TERM);
        let outer = self.without(inner);
        Field::ALL
            .into_iter()
            .filter(move |field| outer.has(*field))
    }

    pub(crate) fn has(self, field: Field) -> bool {
        self.0 & (1 << field as u8) != 0
    }
}
