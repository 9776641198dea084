//! What the operator decides about the whole store: records in the log like everything else that changes
//! what a command means, never only a flag.
//!
//! A change is an act of the program, the one entity that there is exactly once. Decisions read the settings that are
//! in force when they are made, and what follows from them stands in the event, so replay never needs them.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::calendar::{Day, ZONE_DEFAULT, Zone};
use super::inconsistency::Inconsistency;
use super::limits::{Limit, LimitKind, Limits};
use super::rejection::Rejection;
use super::settlement::{PeriodRun, SomeTerms, Terms};
use super::types::{EntityId, EntityKind};
use super::{CANCEL_WINDOW_DAYS, Entity, Event, LapsedPolicy, Participants, TakeBackPolicy};

/// The program as an entity.
pub const PROGRAM: EntityId = EntityId {
    kind: EntityKind::Program,
    id: 1,
};

/// Longest cancel window, in days: what was given back of a use is kept in the wallet as long.
pub const CANCEL_WINDOW_DAYS_MAX: u16 = 3_650;

/// State of the program: what the operator decided so far.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Program {
    /// +1 with every event that touches it.
    pub version: u64,
    /// What is in force.
    pub settings: Settings,
    /// The last day that was closed.
    pub closed_day: Option<Day>,
    /// Periods that were closed for every company, or are being. On disk they follow the program.
    #[serde(skip)]
    pub runs: Vec<PeriodRun>,
}

/// What the operator decides about the whole store.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Settings {
    /// Where days begin and months end.
    #[serde(serialize_with = "write_zone", deserialize_with = "read_zone")]
    pub zone: Zone,
    /// How long a use can be given back and a grant taken back, in days of 24 hours: 1…3,650.
    pub cancel_window_days: u16,
    /// What becomes of points of a cancelled use whose expiry has come, where the caller says nothing.
    pub lapsed_policy: LapsedPolicy,
    /// What becomes of the spent part of a grant that is taken back, where the caller says nothing.
    pub take_back_policy: TakeBackPolicy,
    /// What is paid for points that companies sold, where whoever settles says nothing.
    pub settlement: Terms,
    /// How much may be earned, used and owned. On disk it follows the program, and its events only where there are any.
    #[serde(skip)]
    pub limits: Limits,
}

/// Asks for other settings; what is not named stays.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ChangeSettings {
    /// Where days begin and months end.
    pub zone: Option<Zone>,
    /// Days of 24 hours.
    pub cancel_window_days: Option<u16>,
    /// Where the caller of a cancel says nothing.
    pub lapsed_policy: Option<LapsedPolicy>,
    /// Where the caller of a cancel says nothing.
    pub take_back_policy: Option<TakeBackPolicy>,
    /// Where whoever settles says nothing.
    pub settlement: SomeTerms,
    /// Sets or lifts one limit.
    pub limit: Option<(LimitKind, Option<Limit>)>,
}

/// Other settings came into force.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SettingsChanged {
    /// The program's version after the event.
    pub version: u64,
    /// All of them, the unchanged ones too.
    pub settings: Settings,
}

pub(super) fn decide(
    participants: Participants<'_>,
    command: &ChangeSettings,
) -> Result<Event, Rejection> {
    let before = participants.program();
    let mut settings = before.settings.clone();
    if let Some(zone) = &command.zone {
        settings.zone = zone.clone();
    }
    if let Some(days) = command.cancel_window_days {
        settings.cancel_window_days = days;
    }
    if let Some(policy) = command.lapsed_policy {
        settings.lapsed_policy = policy;
    }
    if let Some(policy) = command.take_back_policy {
        settings.take_back_policy = policy;
    }
    settings.settlement = command.settlement.over(settings.settlement);
    if let Some((kind, limit)) = command.limit {
        settings.limits.set(kind, limit);
    }
    let version = before.version + 1;
    Ok(Event::SettingsChanged(Box::new(SettingsChanged {
        version,
        settings,
    })))
}

pub(super) fn apply(
    entity: &mut Option<Entity>,
    event: &SettingsChanged,
) -> Result<(), Inconsistency> {
    let program = Program::next_in(entity, event.version)?;
    program.settings = event.settings.clone();
    Ok(())
}

// === impl Program ===

impl Program {
    /// The program, which comes to be with its first event, at its next version.
    pub(super) fn next_in(
        entity: &mut Option<Entity>,
        stated: u64,
    ) -> Result<&mut Self, Inconsistency> {
        let program = entity.get_or_insert_with(|| Entity::Program(Box::default()));
        let Entity::Program(program) = program else {
            return Err(Inconsistency::Legs);
        };
        let expected = program.version + 1;
        if expected != stated {
            return Err(Inconsistency::EntityVersion {
                kind: PROGRAM.kind.as_str(),
                id: PROGRAM.id,
                expected,
                stated,
            });
        }
        program.version = stated;
        Ok(program)
    }
}

// === impl SettingsChanged ===

impl SettingsChanged {
    /// Whether these settings can have been asked for.
    pub(super) fn check(&self) -> Result<(), Inconsistency> {
        let days = self.settings.cancel_window_days;
        let sound = self.version > 0
            && (1..=CANCEL_WINDOW_DAYS_MAX).contains(&days)
            && self.settings.lapsed_policy.is_sound()
            && self.settings.settlement.is_sound()
            && self.settings.limits.are_sound();
        sound.then_some(()).ok_or(Inconsistency::Settings)
    }
}

// === impl Settings ===

impl Default for Settings {
    fn default() -> Self {
        let Some(zone) = Zone::new(ZONE_DEFAULT) else {
            unreachable!("the zone is compiled in")
        };
        Self {
            zone,
            cancel_window_days: CANCEL_WINDOW_DAYS,
            lapsed_policy: LapsedPolicy::default(),
            take_back_policy: TakeBackPolicy::default(),
            settlement: Terms::default(),
            limits: Limits::default(),
        }
    }
}

fn write_zone<S: Serializer>(zone: &Zone, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(zone.name())
}

fn read_zone<'de, D: Deserializer<'de>>(from: D) -> Result<Zone, D::Error> {
    let name = String::deserialize(from)?;
    Zone::new(&name).ok_or_else(|| D::Error::custom(format!("there is no zone {name:?}")))
}
