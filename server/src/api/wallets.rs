//! `/v1/wallets`: create, show, charge, earn, use, and the history of one wallet.

use engine::domain::{
    ALLOTTED_ID_MIN, Command, CreateWallet, Entry, EntryType, Event, Grant, Owner, Use, WalletId,
};
use engine::{Act, HistoryQuery, Total};
use hyper::StatusCode;
use hyper::header::{HeaderValue, LINK, LOCATION};
use serde::Serialize;
use smallvec::SmallVec;
use utoipa::ToSchema;

use super::views::{self, Receipt, Row};
use super::{Call, CommandRoute, Setting, Task};
use crate::answer::{self, Answer};
use crate::cursor::Scope;
use crate::draft::{Draft, Field, Fields};
use crate::error;
use crate::moment::{self, Moment};
use crate::problem::{Code, Outcome, Problem};
use crate::query::Query;

/// Parameters of the history.
pub(crate) const HISTORY_PARAMETERS: &[&str] = &["type", "from", "to", "order", "limit", "cursor"];

const AMOUNT: Fields = Fields::of(&[Field::Amount]);
const GRANT: Fields = Fields::of(&[Field::Amount, Field::Description, Field::ExpiresAt]);
const USE: Fields = Fields::of(&[Field::Amount, Field::Description]);

/// Fields of a creation.
pub(crate) const CREATE: Fields =
    Fields::of(&[Field::Id, Field::Owner, Field::OwnerType, Field::OwnerId]);

/// `POST /v1/wallets`
pub(crate) static CREATE_ROUTE: CommandRoute = CommandRoute {
    fields: CREATE,
    required: Fields::of(&[]),
    bare: true,
    read: read_create,
    answer: answer_created,
};

/// `POST /v1/wallets/{id}/charge`
pub(crate) static CHARGE_ROUTE: CommandRoute = CommandRoute {
    fields: GRANT,
    required: AMOUNT,
    bare: false,
    read: |setting, draft| read_grant(WalletId::new(setting.id), draft).map(Command::Charge),
    answer: answer_entry,
};

/// `POST /v1/wallets/{id}/earn`
pub(crate) static EARN_ROUTE: CommandRoute = CommandRoute {
    fields: GRANT,
    required: AMOUNT,
    bare: false,
    read: |setting, draft| read_grant(WalletId::new(setting.id), draft).map(Command::Earn),
    answer: answer_entry,
};

/// `POST /v1/wallets/{id}/use`
pub(crate) static USE_ROUTE: CommandRoute = CommandRoute {
    fields: USE,
    required: AMOUNT,
    bare: false,
    read: |setting, draft| read_use(WalletId::new(setting.id), draft),
    answer: answer_entry,
};

/// A page of a wallet's history.
#[derive(Serialize, ToSchema)]
pub(crate) struct History<'a> {
    items: Vec<Row<'a>>,
    /// Give it as `cursor` to get the next page; null at the end.
    next_cursor: Option<String>,
    /// Entries that match the filters in all, when that is known exactly.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    total: Option<u64>,
    /// Entries that match the filters in all, at least.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    total_at_least: Option<u64>,
}

/// Reads a creation.
pub(crate) fn read_create(setting: &Setting<'_>, draft: &mut Draft<'_>) -> Option<Command> {
    const CHOSEN: &str =
        "must be an integer from 1 to 4503599627370495; leave it out to have an id allotted";
    let chosen = draft.wallet_if_given(Field::Id);
    if chosen.is_some_and(|id| id.get() >= ALLOTTED_ID_MIN) {
        draft.fault(Field::Id.pointer(), CHOSEN);
    }
    let owner = draft.owner();
    if !draft.is_sound() {
        return None;
    }
    let wallet = chosen.unwrap_or_else(setting.allot);
    let owner = owner.unwrap_or(Owner::user(wallet.get()));
    Some(Command::CreateWallet(CreateWallet { wallet, owner }))
}

/// Reads a charge or an earn.
pub(crate) fn read_grant(wallet: Option<WalletId>, draft: &mut Draft<'_>) -> Option<Grant> {
    let amount = draft.amount();
    let expires_at = draft.expires_at();
    let description = draft.description();
    Some(Grant {
        wallet: wallet?,
        amount: amount?,
        expires_at,
        description,
    })
}

/// Reads a use.
pub(crate) fn read_use(wallet: Option<WalletId>, draft: &mut Draft<'_>) -> Option<Command> {
    let amount = draft.amount();
    let description = draft.description();
    Some(Command::Use(Use {
        wallet: wallet?,
        amount: amount?,
        description,
    }))
}

/// The wallet as its creation left it, from the record alone.
fn answer_created(act: &Act) -> Answer {
    let Event::WalletCreated(created) = &*act.event else {
        unreachable!("a creation is answered by its own event");
    };
    let standing = created.standing;
    let id = standing.wallet.get();
    let body = views::Wallet {
        id,
        owner: created.owner.into(),
        balance: standing.balance(),
        paid: standing.paid,
        free: standing.free,
        held: 0,
        available: standing.balance(),
        version: standing.version,
        lsn: act.transaction.0,
        created_at: Moment(act.at),
    };
    let mut answer = answer::json(StatusCode::CREATED, &body);
    if let Ok(location) = HeaderValue::try_from(format!("/v1/wallets/{id}")) {
        answer.headers_mut().insert(LOCATION, location);
    }
    answer
}

/// The act's only entry.
fn answer_entry(act: &Act) -> Answer {
    let entries = act.event.entries();
    answer::json(StatusCode::CREATED, &Receipt::new(act, &entries[0]))
}

/// `GET /v1/wallets/{id}`
pub(crate) fn show(call: Call) -> Task {
    Box::pin(async move {
        let id = WalletId::new(call.id).ok_or_else(|| Code::WalletNotFound.plain())?;
        let view = call.app.engine()?.wallet(id).await;
        let view = view.map_err(error::refused)?;
        let balance = view.paid + view.free;
        let body = views::Wallet {
            id: view.id.get(),
            owner: view.owner.into(),
            balance,
            paid: view.paid,
            free: view.free,
            held: 0,
            available: balance,
            version: view.version,
            lsn: view.lsn,
            created_at: Moment(view.created_at),
        };
        Ok(answer::json(StatusCode::OK, &body))
    })
}

/// `GET /v1/wallets/{id}/transactions`
pub(crate) fn history(call: Call) -> Task {
    Box::pin(async move {
        let id = WalletId::new(call.id).ok_or_else(|| Code::WalletNotFound.plain())?;
        let (wanted, scope) = read_history(id, &call.query)?;
        let page = call.app.engine()?.history(wanted).await;
        let page = page.map_err(error::refused)?;
        let entries: Vec<Option<Entry>> = page
            .rows
            .iter()
            .map(|row| {
                row.act
                    .event
                    .entries()
                    .into_iter()
                    .nth(usize::from(row.leg))
            })
            .collect();
        let rows = page.rows.iter().zip(&entries);
        let items = rows.filter_map(|(row, entry)| Some(Row::new(row, entry.as_ref()?)));
        let next_cursor = page.next.map(|next| scope.encode(next));
        let (total, total_at_least) = match page.total {
            Total::Exactly(count) => (Some(count), None),
            Total::AtLeast(count) => (None, Some(count)),
        };
        let body = History {
            items: items.collect(),
            next_cursor,
            total,
            total_at_least,
        };
        let mut answer = answer::json(StatusCode::OK, &body);
        link_next(&mut answer, &call, body.next_cursor.as_deref());
        Ok(answer)
    })
}

/// Adds `Link: <…>; rel="next"` with the same filters.
pub(crate) fn link_next(answer: &mut Answer, call: &Call, cursor: Option<&str>) {
    let Some(cursor) = cursor else { return };
    let query = call.query.with("cursor", cursor);
    let link = format!("<{}?{query}>; rel=\"next\"", call.request.uri().path());
    if let Ok(link) = HeaderValue::try_from(link) {
        answer.headers_mut().insert(LINK, link);
    }
}

fn read_history(wallet: WalletId, query: &Query) -> Outcome<(HistoryQuery, Scope)> {
    const INSTANT: &str = "must be an RFC 3339 time with an offset; write + as %2B";
    let instant = |name| match query.get(name) {
        None => Ok(None),
        Some(text) => match moment::parse(text) {
            None => Err(Problem::of_parameter(name, INSTANT)),
            parsed => Ok(parsed),
        },
    };
    let kinds = match query.get("type") {
        None => SmallVec::new(),
        Some(words) => read_kinds(words)?,
    };
    let (from, to) = (instant("from")?, instant("to")?);
    let ascending = match query.get("order") {
        None | Some("desc") => false,
        Some("asc") => true,
        Some(_) => return Err(Problem::of_parameter("order", "must be asc or desc")),
    };
    let scope = Scope::new(&[
        "history",
        &wallet.to_string(),
        query.get("type").unwrap_or(""),
        &format!("{from:?} {to:?} {ascending}"),
    ]);
    let after = query.get("cursor").map(|text| scope.decode(text));
    let after = after.transpose()?;
    let limit = query.limit()?;
    let wanted = HistoryQuery {
        wallet,
        kinds,
        from,
        to,
        ascending,
        limit,
        after,
    };
    Ok((wanted, scope))
}

fn read_kinds(words: &str) -> Outcome<SmallVec<[EntryType; 2]>> {
    const DETAIL: &str = "must be one or more of create, charge, earn, use, transfer_out, transfer_in, cancel, lapse, with commas between";
    let mut kinds = SmallVec::new();
    for word in words.split(',') {
        let mut known = EntryType::ALL.into_iter();
        let kind = known.find(|kind| kind.as_str() == word);
        let kind = kind.ok_or_else(|| Problem::of_parameter("type", DETAIL))?;
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    Ok(kinds)
}
