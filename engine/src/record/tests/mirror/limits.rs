//! Mirrors of the limits.

use wincode::{SchemaRead, SchemaWrite};

use crate::domain as ours;

#[derive(Clone, Copy, SchemaRead, SchemaWrite)]
pub(super) enum LimitKind {
    Balance,
    EarnAtOnce,
    EarnDaily,
    EarnMonthly,
    UseAtOnce,
    UseDaily,
    UseMonthly,
}

#[derive(SchemaRead, SchemaWrite)]
enum LimitMode {
    Reject,
    Trim,
}

#[derive(SchemaRead, SchemaWrite)]
struct Limit {
    most: u64,
    mode: LimitMode,
}

#[derive(SchemaRead, SchemaWrite)]
pub(super) struct Limits([Option<Limit>; 7]);

impl LimitKind {
    pub(super) fn ours(self) -> ours::LimitKind {
        ours::LimitKind::ALL[self as usize]
    }
}

impl Limits {
    pub(super) fn ours(self) -> ours::Limits {
        let mut limits = ours::Limits::default();
        for (kind, limit) in ours::LimitKind::ALL.into_iter().zip(self.0) {
            let limit = limit.map(|limit| ours::Limit {
                most: limit.most,
                mode: match limit.mode {
                    LimitMode::Reject => ours::LimitMode::Reject,
                    LimitMode::Trim => ours::LimitMode::Trim,
                },
            });
            limits.set(kind, limit);
        }
        limits
    }
}
