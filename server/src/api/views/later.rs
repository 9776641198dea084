//! What is told of grants that count later.

use engine::domain::{self, Event, Period};
use serde::Serialize;
use utoipa::ToSchema;

use crate::moment::Moment;

/// How long points can be spent once they count: days, months, or the end of a period.
#[derive(Serialize, ToSchema)]
pub(crate) struct Term {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 1, example = 30)]
    days: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 1)]
    months: Option<u32>,
    /// month, quarter or year.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    end_of: Option<&'static str>,
    /// So many periods later.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    plus: Option<u32>,
}

// === impl Term ===

impl From<domain::Term> for Term {
    fn from(term: domain::Term) -> Self {
        let mut view = Self {
            days: None,
            months: None,
            end_of: None,
            plus: None,
        };
        match term {
            domain::Term::Days(days) => view.days = Some(days),
            domain::Term::Months(months) => view.months = Some(months),
            domain::Term::EndOf(period, plus) => {
                view.end_of = Some(Period::as_str(period));
                view.plus = Some(plus).filter(|plus| *plus > 0);
            }
        }
        view
    }
}

/// When points count from, where that is not the time of their grant.
pub(super) fn active_at(event: &Event) -> Option<Moment> {
    if let Event::GrantPending(event) = event {
        event.active_at.map(Moment)
    } else if let Event::GrantActivated(event) = event {
        Some(Moment(event.active_at))
    } else {
        None
    }
}

/// How long points that do not count yet can be spent.
pub(super) fn expires_in(event: &Event) -> Option<Term> {
    if let Event::GrantPending(event) = event {
        event.lifetime.term.map(Term::from)
    } else {
        None
    }
}
