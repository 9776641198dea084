//! The lots of a wallet in spending order, page by page.

use smallvec::SmallVec;

use crate::api::{LotPage, LotPlace, LotRow, Refusal};
use crate::domain::{self, Entity, Timestamp, WalletId};
use crate::engine::Engine;
use crate::entities::EntityState;

impl Engine {
    /// At most `limit` of a wallet's lots that can be spent from now on, behind a place. A lot that is spent or lapses
    /// between two pages shifts none of the others.
    pub async fn lots(
        &self,
        id: WalletId,
        after: Option<LotPlace>,
        limit: usize,
    ) -> Result<LotPage, Refusal> {
        self.seen(id, move |_, state, now| page(id, state, after, limit, now))
            .await
    }
}

fn page(
    id: WalletId,
    state: &EntityState,
    after: Option<LotPlace>,
    limit: usize,
    now: Timestamp,
) -> Option<LotPage> {
    let Some(Entity::Wallet(wallet)) = &state.entity else {
        return None;
    };
    let now = now.max(state.last_at);
    let settled = domain::settled(id, wallet, now);
    let wallet = settled.as_ref().unwrap_or(wallet);
    let place = after.map(|after| (after.bucket, after.number));
    let open = wallet.lots.behind(place);
    let mut open = open.filter(|(bucket, _)| !bucket.is_lapsed(now));
    let rows: SmallVec<[LotRow; 1]> = open
        .by_ref()
        .take(limit)
        .map(|(bucket, lot)| LotRow {
            place: LotPlace {
                bucket,
                number: lot.number,
            },
            remaining: lot.remaining,
        })
        .collect();
    let more = open.next().is_some();
    let next = rows.last().filter(|_| more).map(|row| row.place);
    Some(LotPage { rows, next })
}
