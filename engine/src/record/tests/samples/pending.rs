//! Records of grants that count later.

use super::*;

pub(super) fn grant_pending() -> Event {
    Event::GrantPending(Box::new(GrantPending {
        standing: standing(42, 15, 10, 1),
        fund: Fund::Free,
        amount: Amount::new(500).unwrap(),
        active_at: Some(Timestamp(1_767_225_600_000_000)),
        lifetime: Lifetime {
            expires_at: Some(Timestamp(1_769_904_000_000_000)),
            term: Some(Term::EndOf(Period::Quarter, 300)),
        },
        description: text("for the review"),
        aside: None,
    }))
}

pub(super) fn grant_pending_on_call() -> Event {
    Event::GrantPending(Box::new(GrantPending {
        standing: standing(42, 16, 10, 1),
        fund: Fund::Paid,
        amount: Amount::new(70_000).unwrap(),
        active_at: None,
        lifetime: Lifetime {
            expires_at: None,
            term: Some(Term::Days(365)),
        },
        description: text(""),
        aside: None,
    }))
}

pub(super) fn grant_activated() -> Event {
    Event::GrantActivated(Box::new(GrantActivated {
        standing: standing(42, 17, 10, 501),
        number: 15,
        amount: Amount::new(500).unwrap(),
        active_at: Timestamp(1_767_225_600_000_000),
        bucket: BucketKey {
            fund: Fund::Free,
            expires_at: Some(Timestamp(1_769_904_000_000_000)),
        },
        lot: 302,
        description: text("for the review"),
        aside: None,
    }))
}

pub(super) fn grant_voided() -> Event {
    Event::GrantVoided(Box::new(GrantVoided {
        standing: standing(42, 18, 10, 501),
        number: 16,
        fund: Fund::Paid,
        amount: Amount::new(70_000).unwrap(),
        description: text("not delivered"),
        aside: None,
    }))
}
