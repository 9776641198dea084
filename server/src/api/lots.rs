//! `GET /v1/wallets/{id}/lots`: the points of a wallet, grant by grant, in the order in which they are spent.

use engine::domain::{BucketKey, Fund, Timestamp, WalletId};
use engine::{LotPlace, LotRow};
use hyper::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::history::link_next;
use super::{Call, Task};
use crate::answer;
use crate::cursor::Scope;
use crate::error;
use crate::moment::Moment;
use crate::problem::{Code, Outcome};

/// Parameters of the list.
pub(crate) const PARAMETERS: &[&str] = &["limit", "cursor"];

/// A place in a cursor: fund and whether it never lapses · expiry, microseconds · number.
const PLACE_BYTES: usize = 1 + 8 + 8;

const PAID: u8 = 1;
const NEVER: u8 = 2;

/// A page of the lots of a wallet.
#[derive(Serialize, ToSchema)]
pub(crate) struct LotPage {
    items: Vec<Lot>,
    /// Give it as `cursor` to get the next page; null at the end.
    next_cursor: Option<String>,
}

/// Points that were granted together.
#[derive(Serialize, ToSchema)]
pub(crate) struct Lot {
    /// In the order of the wallet's grants, from 0.
    #[schema(maximum = 9007199254740991u64, example = 4)]
    number: u64,
    /// Where the points came from.
    #[schema(pattern = "^(paid|free)$", example = "free")]
    fund: &'static str,
    /// When they lapse: they can be spent strictly before; null = never.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Moment>,
    /// Points left.
    #[schema(minimum = 1, maximum = 9007199254740991u64, example = 50)]
    remaining: u64,
}

/// `GET /v1/wallets/{id}/lots`
pub(crate) fn lots(call: Call) -> Task {
    Box::pin(async move {
        let id = WalletId::new(call.id).ok_or_else(|| Code::WalletNotFound.plain())?;
        let scope = Scope::new(&["lots", &id.to_string()]);
        let after = call.query.get("cursor").map(|text| read(&scope, text));
        let after = after.transpose()?;
        let limit = call.query.limit()?;
        let page = call.app.engine()?.lots(id, after, limit).await;
        let page = page.map_err(error::refused)?;
        let body = LotPage {
            items: page.rows.iter().map(Lot::from).collect(),
            next_cursor: page.next.map(|next| scope.seal(&bytes(next))),
        };
        let mut answer = answer::json(StatusCode::OK, &body);
        link_next(&mut answer, &call, body.next_cursor.as_deref());
        Ok(answer)
    })
}

fn bytes(place: LotPlace) -> [u8; PLACE_BYTES] {
    let BucketKey { fund, expires_at } = place.bucket;
    let fund = match fund {
        Fund::Free => 0,
        Fund::Paid => PAID,
    };
    let never = expires_at.map_or(NEVER, |_| 0);
    let mut bytes = [0; PLACE_BYTES];
    bytes[0] = fund | never;
    bytes[1..9].copy_from_slice(&expires_at.unwrap_or_default().0.to_be_bytes());
    bytes[9..].copy_from_slice(&place.number.to_be_bytes());
    bytes
}

fn read(scope: &Scope, cursor: &str) -> Outcome<LotPlace> {
    let [marks, rest @ ..] = scope.open::<PLACE_BYTES>(cursor)?;
    let (expiry, number) = rest.split_at(8);
    let word = |bytes: &[u8]| {
        bytes
            .iter()
            .fold(0, |word, byte| word << 8 | u64::from(*byte))
    };
    let fund = if marks & PAID == 0 {
        Fund::Free
    } else {
        Fund::Paid
    };
    let expires_at = (marks & NEVER == 0).then(|| Timestamp(word(expiry).cast_signed()));
    Ok(LotPlace {
        bucket: BucketKey { fund, expires_at },
        number: word(number),
    })
}

// === impl Lot ===

impl From<&LotRow> for Lot {
    fn from(row: &LotRow) -> Self {
        let LotPlace { bucket, number } = row.place;
        Self {
            number,
            fund: bucket.fund.as_str(),
            expires_at: bucket.expires_at.map(Moment),
            remaining: row.remaining,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{bytes, read};
    use crate::cursor::Scope;
    use engine::LotPlace;
    use engine::domain::{BucketKey, Fund, Timestamp};

    #[test]
    fn every_place_comes_back_from_its_cursor() {
        let scope = Scope::new(&["lots", "7"]);
        for fund in [Fund::Free, Fund::Paid] {
            for expires_at in [None, Some(0), Some(-1), Some(i64::MAX)] {
                for number in [0, 7, u64::MAX] {
                    let expires_at = expires_at.map(Timestamp);
                    let bucket = BucketKey { fund, expires_at };
                    let place = LotPlace { bucket, number };
                    let cursor = scope.seal(&bytes(place));
                    assert_eq!(read(&scope, &cursor).unwrap(), place);
                    assert!(read(&Scope::new(&["lots", "8"]), &cursor).is_err());
                }
            }
        }
    }
}
