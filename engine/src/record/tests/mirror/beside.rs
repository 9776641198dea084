//! Mirrors of events that carry something beside, and of settings with limits.

use wincode::config::Configuration;
use wincode::{SchemaRead, SchemaWrite};

use super::limits::Limits;
use super::*;

/// Kinds whose aside is followed by a day.
const COUNTED: u8 = kind::ASIDE | kind::COUNTED;

#[derive(SchemaRead, SchemaWrite)]
struct Aside {
    requested: Option<u64>,
    repaid: u64,
    by: Option<u64>,
}

#[derive(SchemaRead, SchemaWrite)]
struct WithAside<T> {
    own: T,
    aside: Aside,
}

#[derive(SchemaRead, SchemaWrite)]
struct WithDay<T> {
    own: T,
    aside: Aside,
    counted_on: i32,
}

#[derive(SchemaRead, SchemaWrite)]
struct WithLimits {
    own: SettingsChanged,
    limits: Limits,
}

/// Reads an event with its aside, and the day where the kind has one.
macro_rules! beside {
    ($variant:ident, $mirror:ty, $kind:expr, $payload:expr) => {{
        let (own, aside, day) = if $kind & COUNTED == COUNTED {
            let read = read!(WithDay<$mirror>, $payload);
            (read.own, read.aside, Some(read.counted_on))
        } else {
            let read = read!(WithAside<$mirror>, $payload);
            (read.own, read.aside, None)
        };
        let mut event = Event::$variant(own.ours().into());
        event.carry(aside.ours(day));
        event
    }};
}

pub(super) fn event_of(kind: u8, payload: &[u8]) -> Event {
    match kind::base(kind) {
        kind::SETTINGS_CHANGED => {
            let read = read!(WithLimits, payload);
            let mut changed = read.own.ours();
            changed.settings.limits = read.limits.ours();
            Event::SettingsChanged(Box::new(changed))
        }
        kind::CHARGED => beside!(Charged, Granted, kind, payload),
        kind::EARNED => beside!(Earned, Granted, kind, payload),
        kind::USED => beside!(Used, Used, kind, payload),
        kind::USE_CANCELLED => beside!(UseCancelled, UseCancelled, kind, payload),
        kind::TAKEN_BACK => beside!(TakenBack, TakenBack, kind, payload),
        kind::HOLD_PLACED => beside!(HoldPlaced, HoldPlaced, kind, payload),
        kind::HOLD_CAPTURED => beside!(HoldCaptured, HoldCaptured, kind, payload),
        kind::HOLD_RELEASED => beside!(HoldReleased, HoldReleased, kind, payload),
        kind::GRANT_PENDING => beside!(GrantPending, GrantPending, kind, payload),
        kind::GRANT_ACTIVATED => beside!(GrantActivated, GrantActivated, kind, payload),
        kind::GRANT_VOIDED => beside!(GrantVoided, GrantVoided, kind, payload),
        other => panic!("kind {other} has no mirror"),
    }
}

impl Aside {
    fn ours(self, day: Option<i32>) -> ours::Aside {
        ours::Aside {
            requested: self.requested,
            repaid: self.repaid,
            by: self.by,
            counted_on: day.and_then(ours::Day::from_number),
        }
    }
}
