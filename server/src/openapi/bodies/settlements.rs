//! Request bodies of settlements: a period is named in one of two ways, which a list of fields cannot say.

use serde_json::{Value, json};
use utoipa::openapi::schema::{AdditionalProperties, ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};

use engine::domain::{RATE_PPM_MAX, SHARE_PPM_MAX};

use super::Body;

/// The body of a route of settlements; `None` for any other.
pub(super) fn of(name: &str) -> Option<Body> {
    let body = |name, example: Value| Body {
        name,
        bare: false,
        example,
    };
    if name == "POST /v1/settlements/{period}/run" {
        let example = json!({"fee_ppm": 33000, "vat_ppm": 100000, "by": "accounting"});
        return Some(body("SettlementRun", example));
    }
    let of_company = name.starts_with("POST /v1/companies/{id}/settlements");
    if of_company && name.ends_with("/settlements") {
        let example =
            json!({"period": "2026-10", "fee_ppm": 33000, "vat_ppm": 100000, "by": "accounting"});
        return Some(body("NewSettlement", example));
    }
    of_company.then(|| body("SettlementStep", json!({"by": "accounting"})))
}

/// Their schemas, with their names.
pub(super) fn schemas() -> [(String, RefOr<Schema>); 3] {
    let mut settlement = object();
    for (name, text) in [
        (
            "period",
            "A month as 2026-10, or FROM..TO; in place of from and to.",
        ),
        ("from", "A day, which begins then, or an RFC 3339 time."),
        ("to", "The first day or time behind the period."),
    ] {
        settlement = settlement.property(name, text_of(text, None));
    }
    let mut run = object();
    let otherwise = "; left out: as the settings say.";
    for (name, schema) in [
        ("rate_ppm", rate(otherwise)),
        ("fee_ppm", fee(otherwise)),
        ("vat_ppm", vat(otherwise)),
    ] {
        settlement = settlement.property(name, schema.clone());
        run = run.property(name, schema);
    }
    [
        ("NewSettlement".to_owned(), settlement.into()),
        ("SettlementRun".to_owned(), run.into()),
        ("SettlementStep".to_owned(), object().into()),
    ]
}

/// Price of a point, with what else there is to say about it.
pub(super) fn rate(end: &str) -> RefOr<Schema> {
    part(
        RATE_PPM_MAX,
        &format!("Money for a point, in millionths{end}"),
    )
}

/// Likewise.
pub(super) fn fee(end: &str) -> RefOr<Schema> {
    part(
        SHARE_PPM_MAX.into(),
        &format!("Fee, in millionths of the gross{end}"),
    )
}

/// Likewise.
pub(super) fn vat(end: &str) -> RefOr<Schema> {
    part(
        SHARE_PPM_MAX.into(),
        &format!("Tax, in millionths of the fee{end}"),
    )
}

fn object() -> ObjectBuilder {
    let by = text_of("Who asks, for whoever reads the record.", Some(255));
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .property("by", by)
        .required("by")
        .additional_properties(Some(AdditionalProperties::FreeForm(false)))
}

fn text_of(text: &str, most: Option<usize>) -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(1))
        .max_length(most)
        .description(Some(text))
        .into()
}

fn part(most: u64, text: &str) -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(0_u64))
        .maximum(Some(most))
        .description(Some(text))
        .into()
}
