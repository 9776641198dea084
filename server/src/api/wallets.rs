//! `/v1/wallets`: create, show, charge, earn, use.

use engine::Act;
use engine::domain::{
    ALLOTTED_ID_MIN, Command, CreateWallet, Event, Fund, Grant, GrantLater, Owner, Standing, Use,
    WalletId,
};
use hyper::StatusCode;
use hyper::header::{HeaderValue, LOCATION};

use super::history;
use super::views::{self, Receipt};
use super::{Call, CommandRoute, Setting, Task};
use crate::answer::{self, Answer};
use crate::draft::{Draft, Field, Fields};
use crate::error;
use crate::moment::Moment;
use crate::problem::{Code, Outcome, Problem};
use crate::query::Query;

/// Parameters of a wallet: a moment of its past.
pub(crate) const PARAMETERS: &[&str] = &["at", "at_lsn"];

const AMOUNT: Fields = Fields::of(&[Field::Amount]);

/// Fields of a charge and of an earn.
pub(crate) const GRANT: Fields = Fields::of(&[
    Field::Amount,
    Field::Description,
    Field::ExpiresAt,
    Field::ExpiresIn,
    Field::ActiveAt,
    Field::Pending,
    Field::IfVersion,
]);

/// Fields of a use.
pub(crate) const USE: Fields = Fields::of(&[
    Field::Amount,
    Field::Description,
    Field::IfVersion,
    Field::MinBalanceAfter,
    Field::UpTo,
]);

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
    read: |setting, draft| read_grant(WalletId::new(setting.id), Fund::Paid, draft),
    answer: answer_entry,
};

/// `POST /v1/wallets/{id}/earn`
pub(crate) static EARN_ROUTE: CommandRoute = CommandRoute {
    fields: GRANT,
    required: AMOUNT,
    bare: false,
    read: |setting, draft| read_grant(WalletId::new(setting.id), Fund::Free, draft),
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
pub(crate) fn read_grant(
    wallet: Option<WalletId>,
    fund: Fund,
    draft: &mut Draft<'_>,
) -> Option<Command> {
    const BOTH: &str = "cannot be given together with active_at";
    let amount = draft.amount();
    let expiry = draft.expiry();
    let active_at = draft.instant(Field::ActiveAt);
    let pending = draft.flag(Field::Pending);
    if pending && active_at.is_some() {
        draft.fault(Field::Pending.pointer(), BOTH);
    }
    let description = draft.description();
    let grant = Grant {
        wallet: wallet?,
        amount: amount?,
        expiry,
        description,
    };
    if pending || active_at.is_some() {
        return Some(Command::GrantLater(Box::new(GrantLater {
            grant,
            fund,
            active_at,
        })));
    }
    Some(match fund {
        Fund::Paid => Command::Charge(grant),
        Fund::Free => Command::Earn(grant),
    })
}

/// Reads a use.
pub(crate) fn read_use(wallet: Option<WalletId>, draft: &mut Draft<'_>) -> Option<Command> {
    let amount = draft.amount();
    let up_to = draft.up_to();
    let description = draft.description();
    let command = Use {
        wallet: wallet?,
        amount: amount?,
        description,
    };
    Some(match up_to {
        true => Command::UseUpTo(command),
        false => Command::Use(command),
    })
}

/// The wallet as its creation left it, from the record alone.
fn answer_created(act: &Act) -> Answer {
    let Event::WalletCreated(created) = &*act.event else {
        unreachable!("a creation is answered by its own event");
    };
    let body = new_wallet(act, &created.standing, created.owner);
    let mut answer = answer::json(StatusCode::CREATED, &body);
    if let Ok(location) = HeaderValue::try_from(format!("/v1/wallets/{}", body.id)) {
        answer.headers_mut().insert(LOCATION, location);
    }
    answer
}

/// A wallet as its creation left it.
pub(super) fn new_wallet(act: &Act, standing: &Standing, owner: Owner) -> views::Wallet {
    views::Wallet {
        id: standing.wallet.get(),
        owner: owner.into(),
        balance: standing.balance(),
        paid: standing.paid,
        free: standing.free,
        held: 0,
        available: 0,
        expiring_30d: 0,
        owed: None,
        pending: None,
        status: None,
        version: standing.version,
        lsn: views::id_of(act),
        created_at: Moment(act.at),
        lots: None,
        dry_run: views::dry_run(act),
    }
}

/// The act's only entry.
pub(super) fn answer_entry(act: &Act) -> Answer {
    let entries = act.event.entries();
    answer::json(StatusCode::CREATED, &Receipt::new(act, &entries[0]))
}

/// `GET /v1/wallets/{id}`
pub(crate) fn show(call: Call) -> Task {
    Box::pin(async move {
        let id = WalletId::new(call.id).ok_or_else(|| Code::WalletNotFound.plain())?;
        let engine = call.app.engine()?;
        let body = match read_moment(&call.query)? {
            None => views::Wallet::from(engine.wallet(id).await.map_err(error::refused)?),
            Some(moment) => {
                let past = engine.wallet_at(id, moment).await.map_err(error::refused)?;
                let lots = past.lots.iter().map(views::Allocation::from).collect();
                views::Wallet {
                    lots: Some(lots),
                    ..past.view.into()
                }
            }
        };
        Ok(answer::json(StatusCode::OK, &body))
    })
}

fn read_moment(query: &Query) -> Outcome<Option<engine::Moment>> {
    let at = history::read_instant(query, "at")?;
    let lsn = history::read_number(query, "at_lsn")?;
    match (at, lsn) {
        (Some(_), Some(_)) => Err(Problem::of_parameter(
            "at_lsn",
            "cannot be given together with at",
        )),
        (at, lsn) => Ok(at
            .map(engine::Moment::At)
            .or(lsn.map(engine::Moment::AtLsn))),
    }
}
