//! Request bodies of the operator's listener.

use utoipa::openapi::{RefOr, Schema};

use super::{Known, known, object};
use crate::api::settings;

/// Bodies of its command routes.
pub(super) fn commands() -> [Known; 2] {
    [
        known("SettingsChange", &settings::CHANGE_ROUTE),
        known("LimitChange", &settings::LIMIT_ROUTE),
    ]
}

/// Their schemas, with their names.
pub(in crate::openapi) fn schemas() -> [(String, RefOr<Schema>); 2] {
    commands().map(|(name, fields, required)| (name.to_owned(), object(fields, required, None)))
}
