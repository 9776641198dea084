//! Spends points of a company: one of its members does, from the wallet of the company.
//!
//! The event is a use like any other, and says beside who acted. Membership is judged at the same instant as the balance,
//! with nothing in between.

use super::aside::Aside;
use super::limits;
use super::rejection::Rejection;
use super::types::{Amount, CompanyId, Description, Fund};
use super::use_points::Used;
use super::{Circumstances, Event, Participants};

/// Asks to spend points of a company.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CompanyUse {
    /// Whose points.
    pub company: CompanyId,
    /// Who spends them.
    pub user: u64,
    /// How many points.
    pub amount: Amount,
    /// Only points of this fund; `None` = free before paid.
    pub fund: Option<Fund>,
    /// Free text.
    pub description: Description,
}

pub(super) fn decide(
    participants: Participants<'_>,
    command: &CompanyUse,
    at: &Circumstances<'_>,
) -> Result<Event, Rejection> {
    let CompanyUse {
        company,
        user,
        fund,
        ..
    } = *command;
    if !participants.company(company)?.has(user) {
        return Err(Rejection::NotMember { company, user });
    }
    let id = company.wallet();
    let wallet = participants.open_wallet(id)?;
    let allowed = limits::going_out(wallet, command.amount, at)?;
    let (skip, available) = wallet.spendable_of(fund, at.now);
    let requested = allowed.amount;
    if available < requested {
        return Err(Rejection::InsufficientBalance {
            available,
            requested: command.amount.get(),
        });
    }
    let runs = wallet.lots.plan_take(at.now, skip, requested);
    let aside = Aside {
        by: Some(user),
        ..allowed.aside
    };
    Ok(Event::Used(Used {
        standing: wallet.standing_minus_runs(id, &runs),
        runs,
        description: command.description.clone(),
        aside: aside.boxed(),
    }))
}
