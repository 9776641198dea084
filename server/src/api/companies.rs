//! `/v1/companies`: create, list, show, members, and what a member spends.

use engine::Act;
use engine::domain::{
    ALLOTTED_ID_MIN, Command, CompanyId, CompanyUse, CreateCompany, Event, JoinCompany,
    LeaveCompany, Membership,
};
use hyper::StatusCode;
use hyper::header::{HeaderValue, LOCATION};
use serde::Serialize;
use utoipa::ToSchema;

use super::care::FUNDS;
use super::history::link_next;
use super::views::{Wallet, dry_run, id_of};
use super::wallets::{answer_entry, new_wallet};
use super::{Call, CommandRoute, Setting, Task};
use crate::answer::{self, Answer};
use crate::cursor::Scope;
use crate::draft::{Draft, Field, Fields};
use crate::error;
use crate::moment::Moment;
use crate::problem::Code;

/// Parameters of the list.
pub(crate) const PARAMETERS: &[&str] = &["limit", "cursor"];

const MEMBER: Fields = Fields::of(&[Field::User]);

/// `POST /v1/companies`
pub(crate) static CREATE_ROUTE: CommandRoute = CommandRoute {
    fields: Fields::of(&[Field::Id, Field::Name]),
    required: Fields::of(&[Field::Name]),
    bare: false,
    read: read_create,
    answer: answer_created,
};

/// `POST /v1/companies/{id}/members`
pub(crate) static JOIN_ROUTE: CommandRoute = CommandRoute {
    fields: MEMBER,
    required: MEMBER,
    bare: false,
    read: |setting, draft| {
        let (company, user) = (CompanyId::new(setting.id)?, draft.number(Field::User)?);
        Some(Command::JoinCompany(JoinCompany { company, user }))
    },
    answer: answer_membership,
};

/// `POST /v1/companies/{id}/members/remove`
pub(crate) static LEAVE_ROUTE: CommandRoute = CommandRoute {
    fields: MEMBER,
    required: MEMBER,
    bare: false,
    read: |setting, draft| {
        let (company, user) = (CompanyId::new(setting.id)?, draft.number(Field::User)?);
        Some(Command::LeaveCompany(LeaveCompany { company, user }))
    },
    answer: answer_membership,
};

/// `POST /v1/companies/{id}/use`
pub(crate) static USE_ROUTE: CommandRoute = CommandRoute {
    fields: Fields::of(&[
        Field::User,
        Field::Amount,
        Field::Fund,
        Field::Description,
        Field::IfVersion,
        Field::MinBalanceAfter,
    ]),
    required: Fields::of(&[Field::User, Field::Amount]),
    bare: false,
    read: |setting, draft| read_use(CompanyId::new(setting.id), draft),
    answer: answer_entry,
};

/// Users who share a wallet.
#[derive(Serialize, ToSchema)]
pub(crate) struct Company<'a> {
    /// Its id, and its wallet's: below 2^52 chosen by the client, from there on allotted.
    #[schema(minimum = 1, maximum = 9007199254740991u64, example = 7)]
    id: u64,
    #[schema(example = "Acme")]
    name: &'a str,
    wallet: Wallet,
    /// Users who may spend from its wallet, ascending.
    #[schema(value_type = Vec<u64>, max_items = 10000)]
    members: &'a [u64],
    /// One more with every change of the company itself; its wallet has a version of its own.
    #[schema(minimum = 1, maximum = 9007199254740991u64, example = 3)]
    version: u64,
    /// The last act that changed the company itself; not in a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(
        nullable = false,
        minimum = 1,
        maximum = 9007199254740991u64,
        example = 42
    )]
    lsn: Option<u64>,
    #[schema(value_type = String, format = DateTime, example = "2025-06-01T12:00:00.000000Z")]
    created_at: Moment,
    /// True where nothing was carried out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    dry_run: Option<bool>,
}

/// A page of companies, by id.
#[derive(Serialize, ToSchema)]
pub(crate) struct CompanyPage<'a> {
    items: Vec<CompanyRow<'a>>,
    /// Give it as `cursor` to get the next page; null at the end.
    next_cursor: Option<String>,
}

/// What never changes of a company.
#[derive(Serialize, ToSchema)]
pub(crate) struct CompanyRow<'a> {
    #[schema(minimum = 1, maximum = 9007199254740991u64, example = 7)]
    id: u64,
    #[schema(example = "Acme")]
    name: &'a str,
    #[schema(value_type = String, format = DateTime, example = "2025-06-01T12:00:00.000000Z")]
    created_at: Moment,
}

/// A user who has become a member, or is one no longer.
#[derive(Serialize, ToSchema)]
pub(crate) struct Member {
    /// The transaction; none in a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(
        nullable = false,
        minimum = 1,
        maximum = 9007199254740991u64,
        example = 42
    )]
    id: Option<u64>,
    #[schema(minimum = 1, maximum = 9007199254740991u64, example = 7)]
    company: u64,
    #[schema(minimum = 1, maximum = 9007199254740991u64, example = 3)]
    user: u64,
    /// Whether the user may spend from the company's wallet from now on.
    #[schema(example = true)]
    member: bool,
    /// The company's version after the act.
    #[schema(minimum = 1, maximum = 9007199254740991u64, example = 3)]
    version: u64,
    #[schema(value_type = String, format = DateTime, example = "2025-06-01T12:00:00.000000Z")]
    created_at: Moment,
    /// True where nothing was carried out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    dry_run: Option<bool>,
}

fn read_create(setting: &Setting<'_>, draft: &mut Draft<'_>) -> Option<Command> {
    const CHOSEN: &str =
        "must be an integer from 1 to 4503599627370495; leave it out to have an id allotted";
    let chosen = draft.wallet_if_given(Field::Id);
    if chosen.is_some_and(|id| id.get() >= ALLOTTED_ID_MIN) {
        draft.fault(Field::Id.pointer(), CHOSEN);
    }
    let name = draft.phrase(Field::Name);
    if !draft.is_sound() {
        return None;
    }
    let wallet = chosen.unwrap_or_else(setting.allot);
    Some(Command::CreateCompany(CreateCompany {
        company: CompanyId::of(wallet),
        name: name?,
    }))
}

fn read_use(company: Option<CompanyId>, draft: &mut Draft<'_>) -> Option<Command> {
    let user = draft.number(Field::User);
    let amount = draft.amount();
    let fund = draft.choice(Field::Fund, &FUNDS);
    let description = draft.description();
    Some(Command::CompanyUse(CompanyUse {
        company: company?,
        user: user?,
        amount: amount?,
        fund,
        description,
    }))
}

/// The company as its creation left it, from the record alone.
fn answer_created(act: &Act) -> Answer {
    let Event::CompanyCreated(created) = &*act.event else {
        unreachable!("a creation is answered by its own event");
    };
    let id = created.company().get();
    let body = Company {
        id,
        name: created.name.as_str(),
        wallet: new_wallet(act, &created.standing, created.owner()),
        members: &[],
        version: 1,
        lsn: id_of(act),
        created_at: Moment(act.at),
        dry_run: dry_run(act),
    };
    let mut answer = answer::json(StatusCode::CREATED, &body);
    if let Ok(location) = HeaderValue::try_from(format!("/v1/companies/{id}")) {
        answer.headers_mut().insert(LOCATION, location);
    }
    answer
}

fn answer_membership(act: &Act) -> Answer {
    let (membership, member) = if let Event::MemberJoined(membership) = &*act.event {
        (membership, true)
    } else if let Event::MemberLeft(membership) = &*act.event {
        (membership, false)
    } else {
        unreachable!("a membership is answered by its own event");
    };
    let Membership {
        company,
        version,
        user,
    } = *membership;
    let body = Member {
        id: id_of(act),
        company: company.get(),
        user,
        member,
        version,
        created_at: Moment(act.at),
        dry_run: dry_run(act),
    };
    answer::json(StatusCode::CREATED, &body)
}

/// `GET /v1/companies/{id}`
pub(crate) fn show(call: Call) -> Task {
    Box::pin(async move {
        let id = CompanyId::new(call.id).ok_or_else(|| Code::CompanyNotFound.plain())?;
        let found = call.app.engine()?.company(id).await;
        let found = found.map_err(error::refused)?;
        let body = Company {
            id: id.get(),
            name: found.name.as_str(),
            wallet: found.wallet.into(),
            members: &found.members,
            version: found.version,
            lsn: Some(found.lsn),
            created_at: Moment(found.created_at),
            dry_run: None,
        };
        Ok(answer::json(StatusCode::OK, &body))
    })
}

/// `GET /v1/companies`
pub(crate) fn list(call: Call) -> Task {
    Box::pin(async move {
        let scope = Scope::new(&["companies"]);
        let after = call.query.get("cursor").map(|text| scope.open(text));
        let after = after.transpose()?.map(u64::from_be_bytes);
        let limit = call.query.limit()?;
        let after = after.and_then(CompanyId::new);
        let page = call.app.engine()?.companies(after, limit).await;
        let items = page.rows.iter().map(|(id, listed)| CompanyRow {
            id: id.get(),
            name: &listed.name,
            created_at: Moment(listed.created_at),
        });
        let next = page.next.map(|next| scope.seal(&next.get().to_be_bytes()));
        let body = CompanyPage {
            items: items.collect(),
            next_cursor: next,
        };
        let mut answer = answer::json(StatusCode::OK, &body);
        link_next(&mut answer, &call, body.next_cursor.as_deref());
        Ok(answer)
    })
}
