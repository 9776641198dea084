//! What the operator decided, as the oracle keeps it.

use super::*;

#[derive(Clone, Debug)]
pub(super) struct Rules {
    pub(super) window_days: i64,
    pub(super) lapsed: LapsedPolicy,
    pub(super) take_back: TakeBackPolicy,
    limits: Vec<(LimitKind, Limit)>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            window_days: 400,
            lapsed: LapsedPolicy::StayExpired,
            take_back: TakeBackPolicy::Deny,
            limits: Vec::new(),
        }
    }
}

impl Rules {
    pub(super) fn limit(&self, kind: LimitKind) -> Option<Limit> {
        let found = self.limits.iter().find(|(other, _)| *other == kind);
        found.map(|(_, limit)| *limit)
    }
}

impl Oracle {
    /// What is not named stays.
    pub(super) fn rule(&mut self, one: &ChangeSettings) -> Result<(), &'static str> {
        let Rules {
            window_days,
            lapsed,
            take_back,
            limits,
        } = &mut self.rules;
        *window_days = one.cancel_window_days.map_or(*window_days, i64::from);
        *lapsed = one.lapsed_policy.unwrap_or(*lapsed);
        *take_back = one.take_back_policy.unwrap_or(*take_back);
        if let Some((kind, limit)) = one.limit {
            limits.retain(|(other, _)| *other != kind);
            limits.extend(limit.map(|limit| (kind, limit)));
        }
        self.acts.push((None, None));
        Ok(())
    }
}
