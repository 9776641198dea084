//! `/admin/settings`: what the operator decides about the whole store.

use std::collections::BTreeMap;

use engine::domain::{
    CANCEL_WINDOW_DAYS_MAX, ChangeSettings, Command, Event, LapsedPolicy, Limit, LimitKind,
    LimitMode, Settings, Zone,
};
use hyper::StatusCode;
use serde::Serialize;

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
#[derive(Serialize)]
struct LimitView {
    most: u64,
    mode: &'static str,
}

/// What is in force.
#[derive(Serialize)]
struct View<'a> {
    /// +1 with every change; 0 = as a fresh store has it.
    version: u64,
    zone: &'a str,
    cancel_window_days: u16,
    /// Where the caller of a cancel says nothing.
    if_spent: &'a str,
    /// Likewise.
    if_expired: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    if_expired_days: Option<u16>,
    /// By kind; left out where nothing is limited.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    limits: BTreeMap<&'a str, LimitView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dry_run: Option<bool>,
    /// Where whoever settles says nothing: money for a point, in millionths.
    rate_ppm: u64,
    /// Likewise: fee, in millionths of the gross.
    fee_ppm: u32,
    /// Likewise: tax, in millionths of the fee.
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
    let view = View {
        version,
        zone: settings.zone.name(),
        cancel_window_days: settings.cancel_window_days,
        if_spent: settings.take_back_policy.as_str(),
        if_expired,
        if_expired_days,
        limits: settings
            .limits
            .iter()
            .map(|(kind, limit)| (kind.as_str(), LimitView::from(limit)))
            .collect(),
        dry_run,
        rate_ppm: settings.settlement.rate_ppm,
        fee_ppm: settings.settlement.fee_ppm,
        vat_ppm: settings.settlement.vat_ppm,
    };
    answer::json(StatusCode::OK, &view)
}

impl From<Limit> for LimitView {
    fn from(limit: Limit) -> Self {
        Self {
            most: limit.most,
            mode: limit.mode.as_str(),
        }
    }
}
