//! The rules of a points business, pure: no async, no I/O, no clock, no randomness.
//!
//! ```text
//! Command + entities + facts + now ── decide ──► Event   ── apply(entity, role) ──► entity
//!                                       └─────► Rejection
//! ```
//! `decide` judges and changes nothing. `apply` changes and judges nothing: it is the same function
//! live, in replay and in the operator's tool, touches one entity, and needs neither clock nor LSN.
//! Each command has a file of its own; this one only lists them.

mod adjust;
mod aside;
mod batch;
mod calendar;
mod cancel;
mod check;
mod close_day;
mod command;
mod company;
mod company_use;
mod conditional;
mod create;
mod day_flow;
mod digest;
mod due;
mod entity;
mod entry;
mod event;
mod expiry;
mod grant;
mod hold;
mod inconsistency;
mod lapse;
mod limits;
mod lot_queue;
mod lots;
mod movement;
mod participants;
mod pending;
mod plan;
mod rejection;
mod repay;
mod runs;
mod settings;
mod settlement;
mod special;
mod status;
mod take_back;
#[cfg(test)]
mod tests;
mod transfer;
mod types;
mod use_points;
mod wallet;

use std::sync::Arc;

use smallvec::SmallVec;

pub use self::adjust::{Adjust, AdjustedDown, AdjustedUp, Change};
pub use self::aside::{Aside, Asides};
pub use self::batch::{
    BATCH_ITEMS_MAX, BATCH_LEGS_MAX, BatchItem, Batched, Part, batch_participants, decide_batch,
};
pub use self::calendar::{Day, DayFinder, ZONE_DEFAULT, Zone};
pub use self::cancel::{CANCEL_WINDOW_DAYS, Cancel, LAPSED_DAYS_MAX, LapsedPolicy, UseCancelled};
pub use self::close_day::{CloseDay, DayClosed};
pub use self::company::{
    Company, CompanyCreated, CreateCompany, JoinCompany, LeaveCompany, MEMBERS_MAX, Membership,
};
pub use self::company_use::CompanyUse;
pub use self::conditional::Conditional;
pub use self::create::{CreateWallet, WalletCreated};
pub use self::day_flow::{COLUMNS, Column, DayFlow};
pub use self::digest::Digest;
pub use self::due::{due, next_due, settled};
pub use self::entity::Entity;
pub use self::entry::{Allocation, Effect, Entry, EntryType, allocations};
pub use self::event::Role;
pub use self::expiry::{Expiry, Period, TERM_YEARS_MAX, Term};
pub use self::grant::{Grant, Granted};
pub use self::hold::{
    CaptureHold, HOLDS_MAX, Hold, HoldCaptured, HoldPlaced, HoldReleased, PlaceHold, ReleaseHold,
};
pub use self::inconsistency::Inconsistency;
pub use self::lapse::Lapsed;
pub use self::limits::{Counted, Limit, LimitKind, LimitMode, Limits, Turnover};
pub use self::lot_queue::LotQueue;
pub use self::lots::{BUCKETS_MAX, Bucket, LOTS_MAX, Lot, LotMissing, Lots};
pub use self::movement::{Movement, Points};
pub use self::participants::{Participant, Participants};
pub use self::pending::{
    ActivateGrant, GrantActivated, GrantLater, GrantPending, GrantVoided, Lifetime, PENDING_MAX,
    Pending, VoidGrant,
};
pub use self::rejection::{Denial, Rejection};
pub use self::runs::{BucketKey, Piece, Run, Runs, amount_of};
pub use self::settings::{
    CANCEL_WINDOW_DAYS_MAX, ChangeSettings, PROGRAM, Program, Settings, SettingsChanged,
};
pub use self::settlement::{
    Bill, Booked, Books, CloseSettlement, Correction, LINES, Line, MoveSettlement, NAMED_MAX,
    PeriodRun, RATE_PPM_MAX, RUNS_MAX, RunEnd, RunSettlement, RunStage, SETTLEMENTS_MAX,
    SHARE_PPM_MAX, SettlementClosed, SettlementMoved, SettlementRun, SettlementState, SomeTerms,
    Span, Step, Tally, Tallying, Terms, Untallied,
};
pub use self::special::{Debt, Special, Status};
pub use self::status::{ChangeStatus, StatusChanged};
pub use self::take_back::{TakeBackPolicy, TakenBack};
pub use self::transfer::{RECEIVERS_MAX, Received, Transfer, Transferred};
pub use self::types::{
    ALLOTTED_ID_MIN, Amount, CompanyId, DESCRIPTION_CHARS_MAX, Description, EntityId, EntityKind,
    EntryRef, Fund, NUMBER_MAX, Owner, OwnerKind, Timestamp, TransactionId, WalletId,
};
pub use self::use_points::{Use, Used};
pub use self::wallet::{Return, Standing, Wallet};

/// What is asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    /// A new wallet.
    CreateWallet(CreateWallet),
    /// Paid points.
    Charge(Grant),
    /// Free points.
    Earn(Grant),
    /// Spend points.
    Use(Use),
    /// Move points.
    Transfer(Transfer),
    /// Give a use back.
    Cancel(Cancel),
    /// Change what the operator decides.
    ChangeSettings(Box<ChangeSettings>),
    /// Freeze, unfreeze or close a wallet.
    ChangeStatus(ChangeStatus),
    /// Correct a balance by hand.
    Adjust(Adjust),
    /// Set points aside.
    PlaceHold(PlaceHold),
    /// Spend what was set aside.
    CaptureHold(CaptureHold),
    /// Let go of what was set aside.
    ReleaseHold(ReleaseHold),
    /// Any of these, on conditions.
    Conditional(Box<Conditional>),
    /// Spend points, or as many of them as there are.
    UseUpTo(Use),
    /// A new company with its wallet.
    CreateCompany(CreateCompany),
    /// One more member of a company.
    JoinCompany(JoinCompany),
    /// One member of a company less.
    LeaveCompany(LeaveCompany),
    /// Spend points of a company.
    CompanyUse(CompanyUse),
    /// Write down what flowed on a day that is over.
    CloseDay(Box<CloseDay>),
    /// Points that count later.
    GrantLater(Box<GrantLater>),
    /// Have them count from now on.
    ActivateGrant(ActivateGrant),
    /// Drop them.
    VoidGrant(VoidGrant),
    /// Close a period of a company.
    CloseSettlement(Box<CloseSettlement>),
    /// Have a statement go on.
    MoveSettlement(MoveSettlement),
    /// Close a period of every company.
    RunSettlement(Box<RunSettlement>),
}

/// What was decided. The numbers of the variants on disk are fixed in `record.rs`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// A wallet came to be.
    WalletCreated(WalletCreated),
    /// Paid points were given.
    Charged(Granted),
    /// Free points were given.
    Earned(Granted),
    /// Points were spent.
    Used(Used),
    /// Points moved.
    Transferred(Box<Transferred>),
    /// A use was given back.
    UseCancelled(Box<UseCancelled>),
    /// Points lapsed.
    Lapsed(Lapsed),
    /// Other settings came into force.
    SettingsChanged(Box<SettingsChanged>),
    /// Several things happened at once.
    Batched(Batched),
    /// A wallet was frozen, unfrozen or closed.
    StatusChanged(StatusChanged),
    /// Points were given by a correction.
    AdjustedUp(AdjustedUp),
    /// Points were taken by a correction.
    AdjustedDown(AdjustedDown),
    /// A grant was taken back.
    TakenBack(Box<TakenBack>),
    /// Points were set aside.
    HoldPlaced(Box<HoldPlaced>),
    /// Points of a hold were spent.
    HoldCaptured(Box<HoldCaptured>),
    /// What was left of a hold went back.
    HoldReleased(Box<HoldReleased>),
    /// A company and its wallet came to be.
    CompanyCreated(CompanyCreated),
    /// A user became a member of a company.
    MemberJoined(Membership),
    /// A user is a member of a company no longer.
    MemberLeft(Membership),
    /// A day was closed.
    DayClosed(Box<DayClosed>),
    /// Points were given that do not count yet.
    GrantPending(Box<GrantPending>),
    /// They count from now on.
    GrantActivated(Box<GrantActivated>),
    /// They were dropped.
    GrantVoided(Box<GrantVoided>),
    /// A period of a company was closed.
    SettlementClosed(Box<SettlementClosed>),
    /// A statement went on.
    SettlementMoved(Box<SettlementMoved>),
    /// A period of every company is being closed, or was.
    SettlementRun(Box<SettlementRun>),
}

/// Immutable durable facts that `resolve` looked up before the decision.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Facts {
    /// The command needs none.
    #[default]
    Nothing,
    /// An earlier act.
    Act {
        /// What it decided.
        event: Arc<Event>,
        /// When.
        at: Timestamp,
    },
}

/// What a decision rests on beside the states of those who take part.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances<'a> {
    /// The time; never before any participant's last act.
    pub now: Timestamp,
    /// What the operator decided.
    pub settings: &'a Settings,
}

/// Ids of the entities an act touches, sorted, without doubles.
pub type EntityIds = SmallVec<[EntityId; 2]>;

/// Judges a command. Changes nothing.
pub fn decide(
    participants: Participants<'_>,
    command: &Command,
    facts: &Facts,
    at: &Circumstances<'_>,
) -> Result<Event, Rejection> {
    let now = at.now;
    match command {
        Command::CreateWallet(command) => create::decide(participants, command),
        Command::Charge(command) => grant::decide(participants, command, Fund::Paid, at),
        Command::Earn(command) => grant::decide(participants, command, Fund::Free, at),
        Command::Use(command) => use_points::decide(participants, command, at),
        Command::UseUpTo(command) => use_points::decide_up_to(participants, command, at),
        Command::Transfer(command) => transfer::decide(participants, command, at),
        Command::Cancel(command) => cancel::decide(participants, command, facts, at),
        Command::ChangeSettings(command) => settings::decide(participants, command),
        Command::ChangeStatus(command) => status::decide(participants, command),
        Command::Adjust(command) => adjust::decide(participants, command, now),
        Command::PlaceHold(command) => hold::decide_place(participants, command, at),
        Command::CaptureHold(command) => hold::decide_capture(participants, command, facts),
        Command::ReleaseHold(command) => hold::decide_release(participants, command, facts),
        Command::Conditional(command) => conditional::decide(participants, command, facts, at),
        Command::CreateCompany(command) => company::decide_create(participants, command),
        Command::JoinCompany(command) => company::decide_join(participants, command),
        Command::LeaveCompany(command) => company::decide_leave(participants, command),
        Command::CompanyUse(command) => company_use::decide(participants, command, at),
        Command::CloseDay(command) => close_day::decide(participants, command, at),
        Command::GrantLater(command) => pending::decide_later(participants, command, at),
        Command::ActivateGrant(command) => {
            pending::decide_activate(participants, command, facts, at)
        }
        Command::VoidGrant(command) => pending::decide_void(participants, command, facts),
        Command::CloseSettlement(command) => settlement::decide(participants, command, at),
        Command::MoveSettlement(command) => settlement::decide_move(participants, command),
        Command::RunSettlement(command) => settlement::decide_run(participants, command, at),
    }
}

/// Carries out what an event says about one entity in one role. Judges nothing; an error means that
/// the log contradicts itself.
pub fn apply(entity: &mut Option<Entity>, role: Role, event: &Event) -> Result<(), Inconsistency> {
    let wallet = match (event, &mut *entity) {
        (Event::WalletCreated(event), entity) => return create::apply(entity, event),
        (Event::Batched(event), entity) => return batch::apply_batch(entity, role, event),
        (Event::SettingsChanged(event), entity) => return settings::apply(entity, event),
        (Event::CompanyCreated(event), entity) => {
            return company::apply_created(entity, role, event);
        }
        (Event::MemberJoined(event), entity) => return company::apply_joined(entity, event),
        (Event::MemberLeft(event), entity) => return company::apply_left(entity, event),
        (Event::DayClosed(event), entity) => return close_day::apply(entity, event),
        (Event::SettlementClosed(event), entity) => return settlement::apply(entity, event),
        (Event::SettlementMoved(event), entity) => return settlement::apply_moved(entity, event),
        (Event::SettlementRun(event), entity) => return settlement::apply_run(entity, event),
        (_, Some(Entity::Wallet(wallet))) => wallet,
        (_, Some(Entity::Program(_) | Entity::Company(_)) | None) => {
            let standing = event.standing(role).ok_or(Inconsistency::Legs)?;
            let wallet = standing.wallet;
            return Err(Inconsistency::Absent { wallet });
        }
    };
    match event {
        Event::WalletCreated(_)
        | Event::SettingsChanged(_)
        | Event::Batched(_)
        | Event::CompanyCreated(_)
        | Event::DayClosed(_)
        | Event::MemberJoined(_)
        | Event::MemberLeft(_)
        | Event::SettlementClosed(_)
        | Event::SettlementMoved(_)
        | Event::SettlementRun(_) => unreachable!("handled above"),
        Event::Charged(event) => grant::apply(wallet, event, Fund::Paid),
        Event::Earned(event) => grant::apply(wallet, event, Fund::Free),
        Event::Used(event) => use_points::apply(wallet, event),
        Event::UseCancelled(event) => cancel::apply(wallet, event),
        Event::Lapsed(event) => lapse::apply(wallet, event),
        Event::StatusChanged(event) => status::apply(wallet, event),
        Event::AdjustedUp(event) => adjust::apply_up(wallet, event),
        Event::AdjustedDown(event) => adjust::apply_down(wallet, event),
        Event::TakenBack(event) => take_back::apply(wallet, event),
        Event::HoldPlaced(event) => hold::apply_placed(wallet, event),
        Event::HoldCaptured(event) => hold::apply_captured(wallet, event),
        Event::HoldReleased(event) => hold::apply_released(wallet, event),
        Event::GrantPending(event) => pending::apply_pending(wallet, event),
        Event::GrantActivated(event) => pending::apply_activated(wallet, event),
        Event::GrantVoided(event) => pending::apply_voided(wallet, event),
        Event::Transferred(event) => match role {
            Role::To(at) => transfer::apply_to(wallet, &event.to[usize::from(at)]),
            Role::Sole | Role::From | Role::Member(_) | Role::Company => {
                transfer::apply_from(wallet, event)
            }
        },
    }
}
