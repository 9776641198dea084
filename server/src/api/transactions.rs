//! `/v1/transactions`: show, cancel, and the allocations that did not fit into an answer.

use engine::domain::{
    Cancel, Command, LAPSED_DAYS_MAX, LapsedPolicy, TakeBackPolicy, TransactionId,
};
use engine::{Act, HistoryPosition};
use hyper::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::history::link_next;
use super::views::{self, Transaction};
use super::{Call, CommandRoute, Setting, Task};
use crate::answer::{self, Answer};
use crate::cursor::Scope;
use crate::draft::{Draft, Field, Fields};
use crate::error;
use crate::problem::{Outcome, Problem};

/// Parameters of the list of allocations.
pub(crate) const ALLOCATION_PARAMETERS: &[&str] = &["leg", "limit", "cursor"];

/// Fields of a cancel.
pub(crate) const CANCEL: Fields = Fields::of(&[
    Field::Leg,
    Field::Amount,
    Field::Description,
    Field::IfSpent,
    Field::IfExpired,
    Field::IfExpiredDays,
    Field::IfVersion,
    Field::MinBalanceAfter,
]);

/// `POST /v1/transactions/{id}/cancel`
pub(crate) static CANCEL_ROUTE: CommandRoute = CommandRoute {
    fields: CANCEL,
    required: Fields::of(&[]),
    bare: true,
    read: |setting: &Setting<'_>, draft| read_cancel(Some(TransactionId(setting.id)), draft),
    answer: answer_transaction,
};

/// A page of the allocations of a transaction.
#[derive(Serialize, ToSchema)]
pub(crate) struct AllocationPage {
    items: Vec<LegAllocation>,
    /// Give it as `cursor` to get the next page; null at the end.
    next_cursor: Option<String>,
}

/// An allocation with the leg it belongs to.
#[derive(Serialize, ToSchema)]
pub(crate) struct LegAllocation {
    /// Place of its entry in the transaction, from 0.
    #[schema(maximum = 255, example = 0)]
    leg: u8,
    #[serde(flatten)]
    allocation: views::Allocation,
}

/// Reads a cancel.
pub(crate) fn read_cancel(
    transaction: Option<TransactionId>,
    draft: &mut Draft<'_>,
) -> Option<Command> {
    let leg = draft.leg();
    let amount = draft.amount_if_given();
    let policy = read_policy(draft);
    let lapsed = read_lapsed(draft);
    let description = draft.description();
    Some(Command::Cancel(Cancel {
        transaction: transaction?,
        leg,
        amount,
        lapsed,
        policy,
        description,
    }))
}

/// What becomes of the part of a grant that is not there any more.
pub(crate) fn read_policy(draft: &mut Draft<'_>) -> Option<TakeBackPolicy> {
    let words = TakeBackPolicy::ALL.map(|policy| (policy.as_str(), policy));
    draft.choice(Field::IfSpent, &words)
}

/// What becomes of points of a use whose expiry has come.
pub(crate) fn read_lapsed(draft: &mut Draft<'_>) -> Option<LapsedPolicy> {
    const DAYS: &str = "must be an integer from 1 to 3650";
    const ALONE: &str = "goes with if_expired regrant or grace";
    type Of = fn(u16) -> LapsedPolicy;
    let words: [(&str, Option<Of>); 3] = [
        ("stay_expired", None),
        ("regrant", Some(|days| LapsedPolicy::Regrant { days })),
        ("grace", Some(|days| LapsedPolicy::Grace { days })),
    ];
    let chosen = draft.choice(Field::IfExpired, &words);
    let pointer = Field::IfExpiredDays.pointer();
    let days = match chosen {
        Some(Some(_)) => draft.number(Field::IfExpiredDays),
        Some(None) | None => draft.number_if_given(Field::IfExpiredDays),
    };
    match (chosen, days) {
        (None, None) => None,
        (Some(None), None) => Some(LapsedPolicy::StayExpired),
        (Some(Some(of)), Some(days)) => {
            let days = u16::try_from(days).ok();
            let days = days.filter(|days| *days <= LAPSED_DAYS_MAX);
            if days.is_none() {
                draft.fault(pointer, DAYS);
            }
            days.map(of)
        }
        // Told already that the days are missing.
        (Some(Some(_)), None) => None,
        (Some(None) | None, Some(_)) => {
            draft.fault(pointer, ALONE);
            None
        }
    }
}

/// The act with all its entries.
pub(crate) fn answer_transaction(act: &Act) -> Answer {
    let entries = act.event.entries();
    answer::json(StatusCode::CREATED, &Transaction::new(act, &entries))
}

/// `GET /v1/transactions/{id}`
pub(crate) fn show(call: Call) -> Task {
    Box::pin(async move {
        let act = find(&call).await?;
        let entries = act.event.entries();
        Ok(answer::json(
            StatusCode::OK,
            &Transaction::new(&act, &entries),
        ))
    })
}

/// `GET /v1/transactions/{id}/allocations`
pub(crate) fn allocations(call: Call) -> Task {
    Box::pin(async move {
        let leg = call.query.get("leg").map(read_leg).transpose()?;
        let limit = call.query.limit()?;
        let words = [
            "allocations",
            &call.id.to_string(),
            call.query.get("leg").unwrap_or(""),
        ];
        let scope = Scope::new(&words);
        let after = call.query.get("cursor").map(|text| scope.decode(text));
        // The place of an allocation among all that match stands where a history has the LSN.
        let start = after.transpose()?.map_or(0, |position| position.lsn);
        let act = find(&call).await?;
        let entries = act.event.entries();
        let matching = entries
            .iter()
            .filter(|entry| leg.is_none_or(|leg| leg == entry.leg));
        let mut rest = matching
            .flat_map(|entry| {
                entry
                    .allocations
                    .iter()
                    .map(|allocation| (entry.leg, allocation))
            })
            .skip(usize::try_from(start).unwrap_or(usize::MAX));
        let items: Vec<LegAllocation> = rest
            .by_ref()
            .take(limit)
            .map(|(leg, allocation)| LegAllocation {
                leg,
                allocation: allocation.into(),
            })
            .collect();
        let lsn = start + items.len() as u64;
        let next = rest.next().map(|_| HistoryPosition { lsn, leg: 0 });
        let body = AllocationPage {
            items,
            next_cursor: next.map(|next| scope.encode(next)),
        };
        let mut answer = answer::json(StatusCode::OK, &body);
        link_next(&mut answer, &call, body.next_cursor.as_deref());
        Ok(answer)
    })
}

async fn find(call: &Call) -> Outcome<Act> {
    let id = TransactionId(call.id);
    let found = call.app.engine()?.transaction(id).await;
    let found = found.map_err(error::refused)?;
    found.ok_or_else(|| {
        error::rejected(engine::domain::Rejection::TransactionNotFound { transaction: id })
    })
}

fn read_leg(text: &str) -> Outcome<u8> {
    let leg = text.parse().ok();
    let plain = leg.filter(|leg: &u8| leg.to_string() == text);
    plain.ok_or_else(|| Problem::of_parameter("leg", "must be an integer from 0 to 255"))
}
