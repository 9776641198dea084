//! Proof that leaving the codec is one file's work: wincode, which is kept up and speaks the same wire
//! format, reads the golden bytes of every kind into mirrors of our structs.

/// Reads all of a payload, and checks that writing it gives the same bytes.
macro_rules! read {
    ($mirror:ty, $payload:expr) => {{
        let config = Configuration::default().with_varint_encoding();
        let mirror: $mirror = wincode::config::deserialize_exact($payload, config).unwrap();
        let written = wincode::config::serialize(&mirror, config).unwrap();
        assert_eq!(written, $payload, stringify!($mirror));
        mirror
    }};
}

mod beside;
mod care;
mod company;
mod later;
mod limits;
mod refusals;
mod settlement;

use wincode::config::Configuration;
use wincode::{SchemaRead, SchemaWrite};

use self::care::{
    AdjustedDown, AdjustedUp, HoldCaptured, HoldPlaced, HoldReleased, LapsedPolicy, StatusChanged,
    TakeBackPolicy, TakenBack,
};
use self::company::{CompanyCreated, Membership};
use self::later::{GrantActivated, GrantPending, GrantVoided};
use self::refusals::Rejection;
use self::settlement::{SettlementClosed, SettlementMoved, SettlementRun, Terms};
use super::golden::{golden, records};
use super::*;
use crate::domain as ours;
use crate::domain::{Amount, Description, EntryRef, Fund, Timestamp, TransactionId, WalletId};

#[derive(SchemaRead, SchemaWrite)]
struct Standing {
    wallet: u64,
    version: u64,
    paid: u64,
    free: u64,
}

#[derive(SchemaRead, SchemaWrite)]
enum OwnerKind {
    User,
    Company,
}

#[derive(SchemaRead, SchemaWrite)]
struct WalletCreated {
    standing: Standing,
    owner: (OwnerKind, u64),
}

#[derive(SchemaRead, SchemaWrite)]
struct Granted {
    standing: Standing,
    amount: u64,
    expires_at: Option<i64>,
    lot: u64,
    description: String,
}

#[derive(SchemaRead, SchemaWrite)]
struct SettingsChanged {
    version: u64,
    zone: String,
    cancel_window_days: u16,
    lapsed_policy: LapsedPolicy,
    take_back_policy: TakeBackPolicy,
    settlement: Terms,
}

#[derive(SchemaRead, SchemaWrite)]
struct DayClosed {
    version: u64,
    day: i32,
    watermark: u64,
    wallets: u64,
    opening: (i64, i64),
    entries: u64,
    changes: [(i64, i64); ours::COLUMNS],
}

#[derive(SchemaRead, SchemaWrite)]
enum Purse {
    Free,
    Paid,
}

#[derive(SchemaRead, SchemaWrite)]
struct Bucket {
    fund: Purse,
    expires_at: Option<i64>,
}

#[derive(SchemaRead, SchemaWrite)]
struct Run {
    bucket: Bucket,
    pieces: Vec<(u64, u64)>,
}

#[derive(SchemaRead, SchemaWrite)]
struct Used {
    standing: Standing,
    runs: Vec<Run>,
    description: String,
}

#[derive(SchemaRead, SchemaWrite)]
struct Received {
    standing: Standing,
    runs: Vec<Run>,
    lots: Vec<u64>,
}

#[derive(SchemaRead, SchemaWrite)]
struct Transferred {
    from: Standing,
    to: Vec<Received>,
    description: String,
}

#[derive(SchemaRead, SchemaWrite)]
struct UseCancelled {
    standing: Standing,
    entry: u64,
    used_at: i64,
    returned: u64,
    runs: Vec<Run>,
    forget_before: i64,
    description: String,
}

#[derive(SchemaRead, SchemaWrite)]
struct Lapsed {
    standing: Standing,
    bucket: Bucket,
    amount: u64,
}

#[test]
fn wincode_reads_the_golden_bytes() {
    for (name, record) in records() {
        let body = golden(&name);
        let kind = encoded(&record).0;
        let (_, payload) = decode_key(kind, &body).unwrap();
        let content = match kind {
            kind::BATCHED => event(Event::Batched(ours::Batched {
                events: read!(Vec<(u8, u16, Vec<u8>)>, payload)
                    .into_iter()
                    .map(|(kind, _, payload)| event_of(kind, &payload))
                    .collect(),
            })),
            kind::REFUSED if encoded(&record).1 == SCHEMA => {
                Content::Refused(read!(Rejection, payload).ours().into())
            }
            kind::REFUSED => {
                let (item, rejection) = read!((u8, Rejection), payload);
                Content::Refused(Denial {
                    item: Some(item),
                    rejection: rejection.ours(),
                })
            }
            kind => event(event_of(kind, payload)),
        };
        assert_eq!(content, record.content, "{name}");
    }
}

fn event_of(kind: u8, payload: &[u8]) -> Event {
    match kind {
        kind::WALLET_CREATED => Event::WalletCreated(read!(WalletCreated, payload).ours()),
        kind::CHARGED => Event::Charged(read!(Granted, payload).ours()),
        kind::EARNED => Event::Earned(read!(Granted, payload).ours()),
        kind::USED => Event::Used(read!(Used, payload).ours()),
        kind::TRANSFERRED => Event::Transferred(Box::new(read!(Transferred, payload).ours())),
        kind::USE_CANCELLED => Event::UseCancelled(Box::new(read!(UseCancelled, payload).ours())),
        kind::SETTINGS_CHANGED => {
            Event::SettingsChanged(Box::new(read!(SettingsChanged, payload).ours()))
        }
        kind::STATUS_CHANGED => Event::StatusChanged(read!(StatusChanged, payload).ours()),
        kind::ADJUSTED_UP => Event::AdjustedUp(read!(AdjustedUp, payload).ours()),
        kind::ADJUSTED_DOWN => Event::AdjustedDown(read!(AdjustedDown, payload).ours()),
        kind::TAKEN_BACK => Event::TakenBack(Box::new(read!(TakenBack, payload).ours())),
        kind::HOLD_PLACED => Event::HoldPlaced(Box::new(read!(HoldPlaced, payload).ours())),
        kind::HOLD_CAPTURED => Event::HoldCaptured(Box::new(read!(HoldCaptured, payload).ours())),
        kind::HOLD_RELEASED => Event::HoldReleased(Box::new(read!(HoldReleased, payload).ours())),
        kind::COMPANY_CREATED => Event::CompanyCreated(read!(CompanyCreated, payload).ours()),
        kind::MEMBER_JOINED => Event::MemberJoined(read!(Membership, payload).ours()),
        kind::MEMBER_LEFT => Event::MemberLeft(read!(Membership, payload).ours()),
        kind::DAY_CLOSED => Event::DayClosed(Box::new(read!(DayClosed, payload).ours())),
        kind::SETTLEMENT_CLOSED => {
            Event::SettlementClosed(Box::new(read!(SettlementClosed, payload).ours()))
        }
        kind::SETTLEMENT_MOVED => {
            Event::SettlementMoved(Box::new(read!(SettlementMoved, payload).ours()))
        }
        kind::SETTLEMENT_RUN => {
            Event::SettlementRun(Box::new(read!(SettlementRun, payload).ours()))
        }
        kind::GRANT_PENDING => Event::GrantPending(Box::new(read!(GrantPending, payload).ours())),
        kind::GRANT_ACTIVATED => {
            Event::GrantActivated(Box::new(read!(GrantActivated, payload).ours()))
        }
        kind::GRANT_VOIDED => Event::GrantVoided(Box::new(read!(GrantVoided, payload).ours())),
        kind::LAPSED => Event::Lapsed(read!(Lapsed, payload).ours()),
        beside => beside::event_of(beside, payload),
    }
}

fn event(event: Event) -> Content {
    Content::Event(event)
}

fn wallet(id: u64) -> WalletId {
    WalletId::new(id).unwrap()
}

fn runs(runs: Vec<Run>) -> ours::Runs {
    runs.into_iter().map(Run::ours).collect()
}

fn text(text: &str) -> Description {
    Description::new(text).unwrap()
}

impl Standing {
    fn ours(self) -> ours::Standing {
        ours::Standing {
            wallet: wallet(self.wallet),
            version: self.version,
            paid: self.paid.cast_signed(),
            free: self.free.cast_signed(),
        }
    }
}

impl WalletCreated {
    fn ours(self) -> ours::WalletCreated {
        let kind = match self.owner.0 {
            OwnerKind::User => ours::OwnerKind::User,
            OwnerKind::Company => ours::OwnerKind::Company,
        };
        let owner = ours::Owner {
            kind,
            id: self.owner.1,
        };
        let standing = self.standing.ours();
        ours::WalletCreated { standing, owner }
    }
}

impl Granted {
    fn ours(self) -> ours::Granted {
        ours::Granted {
            standing: self.standing.ours(),
            amount: Amount::new(self.amount).unwrap(),
            expires_at: self.expires_at.map(Timestamp),
            lot: self.lot,
            description: text(&self.description),
            aside: None,
        }
    }
}

impl DayClosed {
    fn ours(self) -> ours::DayClosed {
        let points = |(paid, free)| ours::Points { paid, free };
        ours::DayClosed {
            version: self.version,
            day: ours::Day::from_number(self.day).unwrap(),
            watermark: self.watermark,
            wallets: self.wallets,
            sum: ours::DayFlow {
                opening: points(self.opening),
                entries: self.entries,
                changes: self.changes.map(points),
            },
        }
    }
}

impl SettingsChanged {
    fn ours(self) -> ours::SettingsChanged {
        ours::SettingsChanged {
            version: self.version,
            settings: ours::Settings {
                zone: ours::Zone::new(&self.zone).unwrap(),
                cancel_window_days: self.cancel_window_days,
                lapsed_policy: match self.lapsed_policy {
                    LapsedPolicy::StayExpired => ours::LapsedPolicy::StayExpired,
                    LapsedPolicy::Regrant { days } => ours::LapsedPolicy::Regrant { days },
                    LapsedPolicy::Grace { days } => ours::LapsedPolicy::Grace { days },
                },
                take_back_policy: match self.take_back_policy {
                    TakeBackPolicy::Deny => ours::TakeBackPolicy::Deny,
                    TakeBackPolicy::TakeRest => ours::TakeBackPolicy::TakeRest,
                    TakeBackPolicy::Debt => ours::TakeBackPolicy::Debt,
                },
                settlement: self.settlement.ours(),
                limits: Limits::default(),
            },
        }
    }
}

impl Purse {
    fn ours(self) -> Fund {
        match self {
            Self::Free => Fund::Free,
            Self::Paid => Fund::Paid,
        }
    }
}

impl Bucket {
    fn ours(self) -> ours::BucketKey {
        ours::BucketKey {
            fund: self.fund.ours(),
            expires_at: self.expires_at.map(Timestamp),
        }
    }
}

impl Run {
    fn ours(self) -> ours::Run {
        let pieces = self.pieces.into_iter();
        ours::Run {
            bucket: self.bucket.ours(),
            pieces: pieces
                .map(|(lot, amount)| ours::Piece { lot, amount })
                .collect(),
        }
    }
}

impl Used {
    fn ours(self) -> ours::Used {
        ours::Used {
            standing: self.standing.ours(),
            runs: runs(self.runs),
            description: text(&self.description),
            aside: None,
        }
    }
}

impl Transferred {
    fn ours(self) -> ours::Transferred {
        let received = |received: Received| ours::Received {
            standing: received.standing.ours(),
            runs: runs(received.runs),
            lots: received.lots.into(),
        };
        ours::Transferred {
            from: self.from.ours(),
            to: self.to.into_iter().map(received).collect(),
            description: text(&self.description),
        }
    }
}

impl UseCancelled {
    fn ours(self) -> ours::UseCancelled {
        ours::UseCancelled {
            standing: self.standing.ours(),
            entry: EntryRef::new(
                TransactionId(self.entry % (1 << 53)),
                (self.entry >> 53) as u8,
            ),
            used_at: Timestamp(self.used_at),
            returned: self.returned,
            runs: runs(self.runs),
            forget_before: Timestamp(self.forget_before),
            description: text(&self.description),
            aside: None,
        }
    }
}

impl Lapsed {
    fn ours(self) -> ours::Lapsed {
        ours::Lapsed {
            standing: self.standing.ours(),
            bucket: self.bucket.ours(),
            amount: Amount::new(self.amount).unwrap(),
        }
    }
}
