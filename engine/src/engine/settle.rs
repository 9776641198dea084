//! Closing a period: what must be looked up before the company can decide, and what has been decided before.
//!
//! ```text
//! books ── closed already ──────────────────────────────────────────► the statement that there is
//!       └─ not yet ──► count the entries ──► command ──► company ──► a statement
//!                                                    └─ somebody was faster ──► the statement that there is
//! ```

use crate::api::{Refusal, Request, Settle, Settled};
use crate::domain::{CloseSettlement, Command, Rejection, Timestamp};
use crate::engine::Engine;
use crate::read::{Footing, Pace};
use crate::record::IdempotencyKey;

impl Engine {
    /// What closing a period of a company would come to now.
    pub async fn rehearse_settlement(&self, ask: Settle) -> Result<Settled, Refusal> {
        let footing = self.footing(ask.company, ask.span).await?;
        if let Some(booked) = footing.booked {
            return self.settled(booked.closed_lsn);
        }
        let command = self.prepare_close(ask, &footing, None).await?;
        let command = Command::CloseSettlement(Box::new(command));
        let receipt = self.rehearse(command).await?;
        Ok(Settled {
            act: receipt.act,
            fresh: true,
            replayed: false,
        })
    }

    /// Closes a period of a company. One that is closed already stays as it is: the answer is its statement.
    pub async fn close_settlement(
        &self,
        ask: Settle,
        key: Option<IdempotencyKey>,
    ) -> Result<Settled, Refusal> {
        let (company, span) = (ask.company, ask.span);
        let footing = self.footing(company, span).await?;
        if key.is_none()
            && let Some(booked) = footing.booked
        {
            return self.settled(booked.closed_lsn);
        }
        let command = self.prepare_close(ask, &footing, None).await?;
        let command = Command::CloseSettlement(Box::new(command));
        match self.submit(Request { command, key }).await {
            Ok(receipt) => Ok(Settled {
                act: receipt.act,
                fresh: true,
                replayed: receipt.replayed,
            }),
            Err(Refusal::Rejected {
                rejection: rejection @ Rejection::PeriodNotNext { .. },
                replayed,
            }) => match self.footing(company, span).await?.booked {
                Some(booked) => self.settled(booked.closed_lsn),
                None => Err(Refusal::Rejected {
                    rejection,
                    replayed,
                }),
            },
            Err(refusal) => Err(refusal),
        }
    }

    /// The command, with what the entries come to. Where it will be refused anyway nothing is counted.
    pub(super) async fn prepare_close(
        &self,
        ask: Settle,
        footing: &Footing,
        pace: Option<&mut Pace>,
    ) -> Result<CloseSettlement, Refusal> {
        let now = Timestamp(self.inner.core.clock.now_us());
        let hopeless = ask.span.to > now || footing.booked.is_some() || footing.next.is_err();
        let tally = match hopeless {
            true => None,
            false => self.tally(ask.company, ask.span, footing, pace).await?,
        };
        Ok(CloseSettlement {
            company: ask.company,
            span: ask.span,
            zone: ask.zone,
            terms: ask.terms,
            by: ask.by,
            created_at: footing.created_at,
            tally: tally.map(Box::new),
        })
    }

    /// The statement whose record stands there.
    fn settled(&self, lsn: u64) -> Result<Settled, Refusal> {
        Ok(Settled {
            act: self.inner.settlement_act(lsn)?,
            fresh: false,
            replayed: false,
        })
    }
}
