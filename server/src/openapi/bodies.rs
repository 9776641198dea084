//! Request bodies, described from the fields that routes take.

pub(super) mod operator;
mod settlements;

use serde_json::{Value, json};
use utoipa::openapi::schema::{
    AdditionalProperties, ArrayBuilder, KnownFormat, ObjectBuilder, OneOfBuilder, SchemaFormat,
    Type,
};
use utoipa::openapi::{RefOr, Schema};

use engine::domain::{
    ALLOTTED_ID_MIN, CANCEL_WINDOW_DAYS_MAX, LAPSED_DAYS_MAX, LimitKind, NUMBER_MAX, Period,
};

use super::reference;
use crate::api::bulk::{OPERATIONS, OPERATIONS_MAX};
use crate::api::{
    Action, CommandRoute, care, companies, holds, pending, transactions, transfers, wallets,
};
use crate::draft::{Field, Fields};
use crate::problem::Code;
use crate::router::Row;

/// The body of one route.
pub(super) struct Body {
    pub(super) name: &'static str,
    /// Whether it may be left out.
    pub(super) bare: bool,
    pub(super) example: Value,
}

/// A body of command routes: name, fields, fields that must be given.
type Known = (&'static str, Fields, Fields);

fn known(name: &'static str, route: &CommandRoute) -> Known {
    (name, route.fields, route.required)
}

/// Bodies of the main listener's command routes.
fn commands() -> [Known; 14] {
    [
        ("NewWallet", &wallets::CREATE_ROUTE),
        ("Grant", &wallets::CHARGE_ROUTE),
        ("Use", &wallets::USE_ROUTE),
        ("Transfer", &transfers::ROUTE),
        ("Cancel", &transactions::CANCEL_ROUTE),
        ("Hold", &holds::PLACE_ROUTE),
        ("Capture", &holds::CAPTURE_ROUTE),
        ("Remark", &holds::RELEASE_ROUTE),
        ("Adjust", &care::ADJUST_ROUTE),
        ("NewCompany", &companies::CREATE_ROUTE),
        ("NewMember", &companies::JOIN_ROUTE),
        ("CompanyUse", &companies::USE_ROUTE),
        ("Activation", &pending::ACTIVATE_ROUTE),
        ("Void", &pending::VOID_ROUTE),
    ]
    .map(|(name, route)| known(name, route))
}

/// The body of a row; `None` if it takes none.
pub(super) fn of(row: &Row) -> Option<Body> {
    match row.action {
        Action::Command(route) => {
            let mut all = commands().into_iter().chain(operator::commands());
            let (name, fields, _) = all.find(|(_, fields, required)| {
                (*fields, *required) == (route.fields, route.required)
            })?;
            Some(Body {
                name,
                bare: route.bare,
                example: example(fields),
            })
        }
        Action::Task(_) if row.name == "POST /v1/bulk" => Some(Body {
            name: "Bulk",
            bare: false,
            example: json!({"operations": [
                {"op": "earn", "wallet": 1, "amount": 5, "key": "visit-1-2025-06-01"},
                {"op": "use", "wallet": 2, "amount": 30},
            ]}),
        }),
        Action::Task(_) => settlements::of(row.name),
    }
}

/// Schemas of all bodies, with their names.
pub(super) fn schemas() -> Vec<(String, RefOr<Schema>)> {
    let mut schemas: Vec<(String, RefOr<Schema>)> = Vec::new();
    for (name, fields, required) in commands() {
        schemas.push((name.to_owned(), object(fields, required, None)));
    }
    let mut any = OneOfBuilder::new().description(Some("One operation; op says which."));
    for (op, fields, required) in OPERATIONS {
        let name = format!("{}Operation", capital(op));
        any = any.item(reference(&name));
        schemas.push((name, object(fields, required, Some(op))));
    }
    schemas.push(("Operation".to_owned(), any.into()));
    let list = ArrayBuilder::new()
        .items(reference("Operation"))
        .max_items(Some(OPERATIONS_MAX))
        .description(Some(
            "Carried out in this order, as far as one wallet is concerned.",
        ));
    let bulk = ObjectBuilder::new()
        .schema_type(Type::Object)
        .property("operations", list)
        .required("operations")
        .property(
            "atomic",
            ObjectBuilder::new()
                .schema_type(Type::Boolean)
                .description(Some(
                    "All of at most 100 operations or none of them, as one transaction.",
                )),
        )
        .additional_properties(Some(AdditionalProperties::FreeForm(false)));
    schemas.push(("Bulk".to_owned(), bulk.into()));
    schemas.push(("Results".to_owned(), results()));
    schemas.extend(settlements::schemas());
    schemas
}

/// What a bulk request answers.
fn results() -> RefOr<Schema> {
    let status = |text| {
        ObjectBuilder::new()
            .schema_type(Type::Integer)
            .description(Some(text))
    };
    let done = ObjectBuilder::new()
        .schema_type(Type::Object)
        .property("status", status("201"))
        .required("status")
        .property("id", whole(NUMBER_MAX, "The transaction."))
        .required("id")
        .property(
            "wallet",
            whole(NUMBER_MAX, "The wallet, where one was created."),
        )
        .property(
            "balance",
            whole(
                NUMBER_MAX,
                "Points after it, of the paying wallet in a transfer.",
            ),
        )
        .required("balance")
        .property(
            "version",
            whole(NUMBER_MAX, "The wallet's version after it."),
        )
        .required("version");
    let refused = ObjectBuilder::new()
        .schema_type(Type::Object)
        .property(
            "status",
            status("The status that the operation would have had alone."),
        )
        .required("status")
        .property("code", word(&Code::words()))
        .required("code")
        .description(Some("With the members that the problem has alone."));
    let result = OneOfBuilder::new().item(done).item(refused);
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .property("results", ArrayBuilder::new().items(result))
        .required("results")
        .examples([json!({"results": [
            {"status": 201, "id": 43, "balance": 155, "version": 4},
            {"status": 422, "code": "insufficient-balance", "available": 0, "requested": 30},
        ]})])
        .into()
}

fn object(fields: Fields, required: Fields, op: Option<&str>) -> RefOr<Schema> {
    let mut object = ObjectBuilder::new()
        .schema_type(Type::Object)
        .additional_properties(Some(AdditionalProperties::FreeForm(false)));
    for field in fields.outer() {
        let name = &field.pointer()[1..];
        object = match op.filter(|_| field == Field::Op) {
            Some(op) => object.property(name, word(&[op])),
            None => object.property(name, describe(field)),
        };
        if required.has(field) {
            object = object.required(name);
        }
    }
    object.into()
}

/// Fields of cancels, corrections and settings, and conditions.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the caller's match is the one that must name every field"
)]
fn describe_care(field: Field) -> RefOr<Schema> {
    match field {
        Field::Change => word(&["up", "down"]),
        Field::Fund => word(&["free", "paid"]),
        Field::IfSpent => word(&["deny", "take_rest", "debt"]),
        Field::IfExpired => word(&["stay_expired", "regrant", "grace"]),
        Field::IfExpiredDays => whole(
            u64::from(LAPSED_DAYS_MAX),
            "Days of 24 hours; with regrant and grace.",
        ),
        Field::Reason => ObjectBuilder::new()
            .schema_type(Type::String)
            .min_length(Some(1))
            .max_length(Some(255))
            .description(Some("Why, for whoever reads the history."))
            .into(),
        Field::CancelWindowDays => whole(
            u64::from(CANCEL_WINDOW_DAYS_MAX),
            "How long a use can be given back, in days of 24 hours.",
        ),
        Field::Zone => ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("Where days begin: a zone of the IANA database."))
            .into(),
        Field::Limit => word(&LimitKind::ALL.map(LimitKind::as_str)),
        Field::Most => whole(NUMBER_MAX, "Points; left out: the limit is lifted."),
        Field::Mode => word(&["reject", "trim"]),
        Field::User => whole(NUMBER_MAX, "Number of the user."),
        Field::Name => ObjectBuilder::new()
            .schema_type(Type::String)
            .min_length(Some(1))
            .max_length(Some(255))
            .description(Some("What it is called, without control characters."))
            .into(),
        Field::IfVersion => whole(
            NUMBER_MAX,
            "Carried out only if the wallet, in a transfer the one that pays, has this version.",
        ),
        Field::MinBalanceAfter => points_left(),
        Field::UpTo => flag(
            "true: if there are fewer points, all there are are spent; requested says then how many were asked for. With none at all it is refused.",
        ),
        Field::RatePpm => settlements::rate("."),
        Field::FeePpm => settlements::fee("."),
        Field::VatPpm => settlements::vat("."),
        Field::Period | Field::By => text(),
        other => unreachable!("{other:?} is described by the caller"),
    }
}

/// Fields that say when points count and when they lapse.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the caller's match is the one that must name every field"
)]
fn describe_expiry(field: Field) -> RefOr<Schema> {
    match field {
        Field::ExpiresAt => ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .description(Some(
                "When the points lapse, in the future; left out: never.",
            ))
            .into(),
        Field::ActiveAt => ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .description(Some(
                "When the points begin to count, in the future; expires_in is counted from then on. Left out: at once.",
            ))
            .into(),
        Field::Pending => flag(
            "true: the points count once the grant is activated; expires_in is counted from then on.",
        ),
        Field::ExpiresIn => term(),
        Field::ExpiresInDays => whole(36_600, "To the end of the day so many days later."),
        Field::ExpiresInMonths => whole(
            1_200,
            "To the end of the same day so many months later, or of that month's last day if it has no such day.",
        ),
        Field::ExpiresInEndOf => word(&Period::ALL.map(Period::as_str)),
        Field::ExpiresInPlus => ObjectBuilder::new()
            .schema_type(Type::Integer)
            .minimum(Some(0_u64))
            .maximum(Some(1_200_u64))
            .description(Some("So many periods later, at most a hundred years."))
            .into(),
        other => unreachable!("{other:?} is described by the caller"),
    }
}

/// One field: its range and what it means.
fn describe(field: Field) -> RefOr<Schema> {
    match field {
        Field::Op => word(&[]),
        Field::Wallet => whole(NUMBER_MAX, "The wallet."),
        Field::Transaction => whole(NUMBER_MAX, "The use to give back."),
        Field::Amount => whole(NUMBER_MAX, "Points."),
        Field::Leg => leg(),
        Field::Id => whole(ALLOTTED_ID_MIN - 1, "Left out: an id is allotted."),
        Field::From => whole(NUMBER_MAX, "The wallet that pays."),
        Field::To => whole(NUMBER_MAX, "The wallet that receives."),
        Field::OwnerId => whole(NUMBER_MAX, "Number of the owner."),
        Field::OwnerType => word(&["user", "company"]),
        Field::Description => ObjectBuilder::new()
            .schema_type(Type::String)
            .max_length(Some(255))
            .description(Some("Free text without control characters."))
            .into(),
        Field::Change
        | Field::Fund
        | Field::IfSpent
        | Field::IfExpired
        | Field::IfExpiredDays
        | Field::Reason
        | Field::CancelWindowDays
        | Field::Zone
        | Field::IfVersion
        | Field::MinBalanceAfter
        | Field::UpTo
        | Field::User
        | Field::Name
        | Field::Period
        | Field::RatePpm
        | Field::FeePpm
        | Field::VatPpm
        | Field::By
        | Field::Limit
        | Field::Most
        | Field::Mode => describe_care(field),
        Field::Key => ObjectBuilder::new()
            .schema_type(Type::String)
            .min_length(Some(1))
            .max_length(Some(255))
            .pattern(Some("^[!-~]+$"))
            .description(Some("Idempotency key of this operation."))
            .into(),
        Field::ExpiresAt
        | Field::ExpiresIn
        | Field::ExpiresInDays
        | Field::ExpiresInMonths
        | Field::ExpiresInEndOf
        | Field::ExpiresInPlus
        | Field::ActiveAt
        | Field::Pending => describe_expiry(field),
        Field::Owner => ObjectBuilder::new()
            .schema_type(Type::Object)
            .property("type", describe(Field::OwnerType))
            .required("type")
            .property("id", describe(Field::OwnerId))
            .required("id")
            .additional_properties(Some(AdditionalProperties::FreeForm(false)))
            .description(Some("Left out: the user with the wallet's own number."))
            .into(),
    }
}

fn leg() -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(0_u64))
        .maximum(Some(254_u64))
        .description(Some(
            "Which entry of the transaction; needed for one of an atomic bulk.",
        ))
        .into()
}

/// How long granted points can be spent.
fn term() -> RefOr<Schema> {
    let kinds: [&[Field]; 3] = [
        &[Field::ExpiresInDays],
        &[Field::ExpiresInMonths],
        &[Field::ExpiresInEndOf, Field::ExpiresInPlus],
    ];
    let mut any = OneOfBuilder::new().description(Some(
        "How long the points can be spent, in days of the program's zone, today included; they lapse with the end of \
         the last day. In place of expires_at.",
    ));
    for fields in kinds {
        let mut object = ObjectBuilder::new()
            .schema_type(Type::Object)
            .additional_properties(Some(AdditionalProperties::FreeForm(false)));
        for field in fields {
            let name = &field.pointer()["/expires_in/".len()..];
            object = object.property(name, describe(*field));
        }
        let name = &fields[0].pointer()["/expires_in/".len()..];
        any = any.item(object.required(name));
    }
    any.into()
}

fn flag(text: &str) -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(Type::Boolean)
        .description(Some(text))
        .into()
}

fn points_left() -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
        .minimum(Some(0_u64))
        .maximum(Some(NUMBER_MAX))
        .description(Some(
            "Carried out only if so many points are left in the wallet, in a transfer in the one that pays. What is set aside counts.",
        ))
        .into()
}

/// An id.
pub(super) fn number() -> RefOr<Schema> {
    whole(NUMBER_MAX, "Decimal, without sign or leading zero.")
}

/// A body that is not JSON.
pub(super) fn text() -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::String).into()
}

fn whole(most: u64, text: &str) -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
        .minimum(Some(1_u64))
        .maximum(Some(most))
        .description(Some(text))
        .into()
}

fn word(words: &[&str]) -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(words.iter().copied()))
        .into()
}

fn example(fields: Fields) -> Value {
    // An instant and a term exclude each other, and nearly all grants count at once.
    let rare = [Field::ExpiresIn, Field::ActiveAt, Field::Pending];
    let outer = fields.outer().filter(|field| !rare.contains(field));
    let members = outer.map(|field| {
        let value = match field {
            Field::Amount => json!(100),
            Field::Description => json!("welcome"),
            Field::ExpiresAt => json!("2030-12-31T15:00:00Z"),
            Field::Id | Field::From | Field::Wallet => json!(1),
            Field::To => json!(2),
            Field::Owner => json!({"type": "user", "id": 7}),
            Field::Transaction => json!(42),
            Field::Zone => json!("Asia/Seoul"),
            Field::CancelWindowDays => json!(400),
            Field::Change => json!("up"),
            Field::Fund => json!("free"),
            Field::Reason => json!("goodwill"),
            Field::IfSpent => json!("deny"),
            Field::IfExpired => json!("regrant"),
            Field::IfExpiredDays => json!(30),
            Field::IfVersion => json!(3),
            Field::MinBalanceAfter => json!(0),
            Field::UpTo => json!(false),
            Field::Limit => json!("earn_per_day"),
            Field::Most => json!(1000),
            Field::Mode => json!("trim"),
            Field::User => json!(3),
            Field::Name => json!("Acme"),
            Field::RatePpm => json!(1_000_000),
            Field::FeePpm => json!(33_000),
            Field::VatPpm => json!(100_000),
            Field::Op
            | Field::Period
            | Field::By
            | Field::Key
            | Field::Leg
            | Field::OwnerType
            | Field::OwnerId
            | Field::ExpiresIn
            | Field::ExpiresInDays
            | Field::ExpiresInMonths
            | Field::ExpiresInEndOf
            | Field::ExpiresInPlus
            | Field::ActiveAt
            | Field::Pending => Value::Null,
        };
        (field.pointer()[1..].to_owned(), value)
    });
    Value::Object(members.collect())
}

fn capital(word: &str) -> String {
    let (first, rest) = word.split_at(1);
    format!("{}{rest}", first.to_uppercase())
}
