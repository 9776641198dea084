//! What the documentation says about each query parameter.

use serde_json::json;
use utoipa::openapi::Required;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};

use engine::domain::{EntryType, NUMBER_MAX};

use crate::query::{LIMIT_DEFAULT, LIMIT_MAX};

/// A query parameter of a route by its name.
pub(in crate::openapi) fn query_parameter(route: &str, name: &str) -> Parameter {
    let string = || ObjectBuilder::new().schema_type(Type::String);
    let day = || string().format(Some(SchemaFormat::KnownFormat(KnownFormat::Date)));
    let by_day = route.ends_with("/reports");
    let instant = || string().format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)));
    let (text, schema) = match name {
        "type" => {
            let words = EntryType::ALL.map(EntryType::as_str).join("|");
            let pattern = format!("^({words})(,({words}))*$");
            (
                "Only entries of these types, with commas between.",
                string().pattern(Some(pattern)),
            )
        }
        "from" if by_day => ("The first day; with `to` only.", day()),
        "to" if by_day => ("The last day; today when not given.", day()),
        "day" => (
            "Only this day, in the zone of the settings; left out: all that are over.",
            day(),
        ),
        "date" => ("The day; today when not given.", day()),
        "from" => ("Not before this instant.", instant()),
        "to" => ("Strictly before this instant.", instant()),
        "order" => {
            let words = string()
                .enum_values(Some(["desc", "asc"]))
                .default(Some(json!("desc")));
            ("desc: newest first; asc: oldest first.", words)
        }
        "limit" => {
            let schema = ObjectBuilder::new()
                .schema_type(Type::Integer)
                .minimum(Some(1_usize))
                .maximum(Some(LIMIT_MAX))
                .default(Some(json!(LIMIT_DEFAULT)));
            ("Most items on the page.", schema)
        }
        "cursor" => (
            "next_cursor of the page before, with the same filters.",
            string(),
        ),
        "leg" => {
            let schema = ObjectBuilder::new()
                .schema_type(Type::Integer)
                .minimum(Some(0_usize))
                .maximum(Some(255_usize));
            ("Only allocations of this entry.", schema)
        }
        _ => narrowing(name).unwrap_or(("Give it without a value.", string())),
    };
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Query)
        .required(Required::False)
        .description(Some(text))
        .schema(Some(schema))
        .build()
}

/// A parameter of the history or of a past moment, with what it means.
fn narrowing(name: &str) -> Option<(&'static str, ObjectBuilder)> {
    let number = |least: u64, most: u64| {
        ObjectBuilder::new()
            .schema_type(Type::Integer)
            .minimum(Some(least))
            .maximum(Some(most))
    };
    let string = || ObjectBuilder::new().schema_type(Type::String);
    let instant = || string().format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)));
    Some(match name {
        "at" => (
            "The wallet as it stood at this instant, with its lots. Instants that have not come are refused.",
            instant(),
        ),
        "at_lsn" => (
            "The wallet as it stood after the act with this LSN, with its lots.",
            number(1, NUMBER_MAX),
        ),
        "dry_run" => {
            let flag = ObjectBuilder::new().schema_type(Type::Boolean);
            (
                "true: only what would come of it is answered, with status 200 and dry_run. Nothing is carried out, and an idempotency key is neither used up nor compared. In a bulk that is not atomic each operation is judged by itself.",
                flag,
            )
        }
        "fund" => {
            let words = string().enum_values(Some(["paid", "free"]));
            ("Only entries that moved points of this fund.", words)
        }
        "counterparty" => (
            "Only transfers with this wallet. An entry that pays several wallets at once names none of them.",
            number(1, NUMBER_MAX),
        ),
        "min_amount" => ("Only amounts from here on.", number(1, NUMBER_MAX)),
        "max_amount" => ("Only amounts up to here.", number(1, NUMBER_MAX)),
        "offset" => (
            "Matching items to pass over. Without filters other than from and to any number; with them no more than a page looks at.",
            number(0, u64::from(u32::MAX)),
        ),
        _ => return None,
    })
}
