//! `/admin/settings`: what the operator decides about the whole store.

use std::collections::BTreeMap;

use engine::domain::{
    CANCEL_WINDOW_DAYS_MAX, ChangeSettings, Command, Event, LapsedPolicy, Limit, LimitKind,
    LimitMode, Settings, Zone,
};
use hyper::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::settlements::read_terms;
use super::transactions::{read_lapsed, read_policy};
use super::views::dry_run;
use super::{Call, CommandRoute, Task};
use crate::answer::{self, Answer};
use crate::draft::{Draft, Field, Fields};
use crate::error;

/// `POST /admin/settings`: what is not named stays as it is.
pub(crate) static CHANGE_ROUTE: CommandRoute = CommandRoute {
    fields: Fields::of(&[
        Field::Zone,
        Field::CancelWindowDays,
        Field::IfSpent,
        Field::IfExpired,
        Field::IfExpiredDays,
        Field::RatePpm,
        Field::FeePpm,
        Field::VatPpm,
    ]),
    required: Fields::of(&[]),
    bare: false,
    read: |_, draft| read_change(draft),
    answer: |act| {
        let Event::SettingsChanged(changed) = &*act.event else {
            unreachable!("a change of settings is answered by its own event");
        };
        answer_settings(&changed.settings, changed.version, dry_run(act))
    },
};

/// `POST /admin/limits`: sets one limit, or lifts it.
pub(crate) static LIMIT_ROUTE: CommandRoute = CommandRoute {
    fields: Fields::of(&[Field::Limit, Field::Most, Field::Mode]),
    required: Fields::of(&[Field::Limit]),
    bare: false,
    read: |_, draft| read_limit(draft),
    answer: CHANGE_ROUTE.answer,
};

/// A limit that is in force.
#[derive(Serialize, ToSchema)]
pub(crate) struct LimitInForce {
    /// Points.
    #[schema(minimum = 1, maximum = 9007199254740991u64, example = 1000)]
    most: u64,
    /// What becomes of a command that asks for more: reject refuses it, trim carries out what there is room for.
    #[schema(pattern = "^(reject|trim)$", example = "trim")]
    mode: &'static str,
}

/// What is in force.
#[derive(Serialize, ToSchema)]
pub(crate) struct StoreSettings<'a> {
    /// +1 with every change; 0 = as a fresh store has it. Closed days and settlement runs count, too.
    #[schema(example = 1)]
    version: u64,
    /// Where days begin: a zone of the IANA database.
    #[schema(example = "Asia/Seoul")]
    zone: &'a str,
    /// How long a use can be given back and a grant taken back, in days of 24 hours.
    #[schema(minimum = 1, maximum = 3650, example = 400)]
    cancel_window_days: u16,
    /// What becomes of points of a grant taken back that are not there any more, where the caller says nothing.
    #[schema(pattern = "^(deny|take_rest|debt)$", example = "deny")]
    if_spent: &'a str,
    /// What becomes of points given back whose expiry has come, where the caller says nothing.
    #[schema(pattern = "^(stay_expired|regrant|grace)$", example = "regrant")]
    if_expired: &'a str,
    /// Days of 24 hours; with regrant and grace.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 1, maximum = 3650, example = 30)]
    if_expired_days: Option<u16>,
    /// By kind; left out where nothing is limited.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(required = false, value_type = BTreeMap<String, LimitInForce>)]
    limits: BTreeMap<&'a str, LimitInForce>,
    /// Only there when it was a dry run: true.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    dry_run: Option<bool>,
    /// Where whoever settles says nothing: money for a point, in millionths.
    #[schema(maximum = 1000000000, example = 1000000)]
    rate_ppm: u64,
    /// Likewise: fee, in millionths of the gross.
    #[schema(maximum = 1000000, example = 33000)]
    fee_ppm: u32,
    /// Likewise: tax, in millionths of the fee.
    #[schema(maximum = 1000000, example = 100000)]
    vat_ppm: u32,
}

fn read_change(draft: &mut Draft<'_>) -> Option<Command> {
    const DAYS: &str = "must be an integer from 1 to 3650";
    let zone = read_zone(draft);
    let cancel_window_days = draft
        .number_if_given(Field::CancelWindowDays)
        .and_then(|days| {
            let days = u16::try_from(days).ok();
            let days = days.filter(|days| *days <= CANCEL_WINDOW_DAYS_MAX);
            if days.is_none() {
                draft.fault(Field::CancelWindowDays.pointer(), DAYS);
            }
            days
        });
    let change = ChangeSettings {
        zone,
        cancel_window_days,
        lapsed_policy: read_lapsed(draft),
        take_back_policy: read_policy(draft),
        settlement: read_terms(draft),
        limit: None,
    };
    Some(Command::ChangeSettings(Box::new(change)))
}

fn read_limit(draft: &mut Draft<'_>) -> Option<Command> {
    const ALONE: &str = "goes with most; without most the limit is lifted";
    draft.require(Field::Limit);
    let kinds = LimitKind::ALL.map(|kind| (kind.as_str(), kind));
    let kind = draft.choice(Field::Limit, &kinds);
    let most = draft.number_if_given(Field::Most);
    let modes = [LimitMode::Reject, LimitMode::Trim].map(|mode| (mode.as_str(), mode));
    let mode = draft.choice(Field::Mode, &modes);
    if most.is_none() && mode.is_some() {
        draft.fault(Field::Mode.pointer(), ALONE);
    }
    let mode = mode.unwrap_or(LimitMode::Reject);
    let limit = most.map(|most| Limit { most, mode });
    let change = ChangeSettings {
        limit: Some((kind?, limit)),
        ..ChangeSettings::default()
    };
    Some(Command::ChangeSettings(Box::new(change)))
}

fn read_zone(draft: &mut Draft<'_>) -> Option<Zone> {
    const ZONE: &str = "must be the name of a zone of the IANA database, as \"Asia/Seoul\"";
    let zone = Zone::new(draft.text(Field::Zone, ZONE)?);
    if zone.is_none() {
        draft.fault(Field::Zone.pointer(), ZONE);
    }
    zone
}

/// `GET /admin/settings`
pub(crate) fn show(call: Call) -> Task {
    Box::pin(async move {
        let engine = call.app.engine()?;
        let program = engine.program().await.map_err(error::refused)?;
        Ok(answer_settings(&program.settings, program.version, None))
    })
}

fn answer_settings(settings: &Settings, version: u64, dry_run: Option<bool>) -> Answer {
    let (if_expired, if_expired_days) = match settings.lapsed_policy {
        LapsedPolicy::StayExpired => ("stay_expired", None),
        LapsedPolicy::Regrant { days } => ("regrant", Some(days)),
        LapsedPolicy::Grace { days } => ("grace", Some(days)),
    };
    let view = StoreSettings {
        version,
        zone: settings.zone.name(),
        cancel_window_days: settings.cancel_window_days,
        if_spent: settings.take_back_policy.as_str(),
        if_expired,
        if_expired_days,
        limits: settings
            .limits
            .iter()
            .map(|(kind, limit)| (kind.as_str(), LimitInForce::from(limit)))
            .collect(),
        dry_run,
        rate_ppm: settings.settlement.rate_ppm,
        fee_ppm: settings.settlement.fee_ppm,
        vat_ppm: settings.settlement.vat_ppm,
    };
    answer::json(StatusCode::OK, &view)
}

impl From<Limit> for LimitInForce {
    fn from(limit: Limit) -> Self {
        Self {
            most: limit.most,
            mode: limit.mode.as_str(),
        }
    }
}
