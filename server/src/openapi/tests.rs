//! The description against what it describes.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use super::{admin_document, admin_text, document, text, to_text, words};
use crate::api::Action;
use crate::draft::{self, Draft};
use crate::router::{Row, admin_rows, public_rows};

/// What each listener serves, and what it says of that.
fn listeners() -> [(&'static [Row], Value); 2] {
    [(public_rows(), text()), (admin_rows(), admin_text())]
        .map(|(rows, text)| (rows, serde_json::from_slice(&text).unwrap()))
}

#[test]
fn the_committed_files_are_what_the_code_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    for (name, document) in [
        ("openapi.json", document()),
        ("openapi-admin.json", admin_document()),
    ] {
        let path = folder.join(name);
        let fresh = to_text(&document);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&path, &fresh).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap();
        assert!(
            committed == fresh,
            "docs/{name} is not what the code says; UPDATE_GOLDEN=1 cargo test -p server openapi writes it anew"
        );
    }
}

#[test]
fn routes_of_the_operator_are_known_to_be_his() {
    let [(_, public), (_, admin)] = listeners();
    let paths = |document: &Value| -> BTreeSet<String> {
        let paths = document["paths"].as_object().unwrap();
        paths.keys().cloned().collect()
    };
    assert!(!paths(&public).iter().any(|path| path.starts_with("/admin")));
    assert!(!paths(&admin).iter().any(|path| path.starts_with("/v1")));
    assert_eq!(admin["servers"][0]["url"], "http://127.0.0.1:8081");
    for path in paths(&admin).difference(&paths(&public)) {
        for operation in admin["paths"][path].as_object().unwrap().values() {
            assert_eq!(operation["tags"], json!(["Operator"]), "{path}");
        }
    }
}

#[test]
fn every_route_is_described() {
    for (rows, document) in listeners() {
        assert_eq!(document["openapi"], "3.1.0");
        rows.iter().for_each(|row| assert_described(row, &document));
    }
}

fn assert_described(row: &Row, document: &Value) {
    assert!(words::of(row.name).is_some(), "{} has no words", row.name);
    let (method, path) = row.name.split_once(' ').unwrap();
    let operation = &document["paths"][path][method.to_lowercase()];
    assert!(operation["summary"].is_string(), "{}", row.name);
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let queries: Vec<&str> = parameters
        .filter(|parameter| parameter["in"] == "query")
        .filter_map(|parameter| parameter["name"].as_str())
        .collect();
    assert_eq!(queries, row.query, "{}", row.name);
}

#[test]
fn every_reference_leads_somewhere() {
    fn walk<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
        match value {
            Value::Object(members) => {
                if let Some(Value::String(target)) = members.get("$ref") {
                    found.insert(target);
                }
                members.values().for_each(|value| walk(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| walk(value, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    for (_, document) in listeners() {
        let mut found = BTreeSet::new();
        walk(&document, &mut found);
        assert!(found.len() > 8, "{found:?}");
        for target in &found {
            let pointer = target.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{target} is not there");
        }
        let schemas = document["components"]["schemas"].as_object().unwrap();
        for name in schemas.keys() {
            let used = found.contains(format!("#/components/schemas/{name}").as_str());
            assert!(used, "{name} is described and not used");
        }
    }
}

#[test]
fn examples_are_taken_and_required_fields_are_missed() {
    let listeners = listeners();
    let rows = listeners
        .iter()
        .flat_map(|(rows, document)| rows.iter().map(move |row| (row, document)));
    for (row, document) in rows {
        let Action::Command(route) = row.action else {
            continue;
        };
        let (_, path) = row.name.split_once(' ').unwrap();
        let content = &document["paths"][path]["post"]["requestBody"]["content"];
        let content = &content["application/json"];
        let setting = crate::api::Setting {
            id: 1,
            allot: &|| unreachable!("examples name their wallet"),
        };
        let example = content["example"].to_string();
        let mut draft = draft::parse(example.as_bytes()).unwrap();
        draft.allow(route.fields);
        let command = (route.read)(&setting, &mut draft);
        assert!(
            command.is_some() && draft.is_sound(),
            "{example}: {draft:?}"
        );
        if route.required == draft::Fields::default() {
            continue;
        }
        let mut draft = Draft::default();
        assert!((route.read)(&setting, &mut draft).is_none());
        let missed: Vec<String> = draft
            .into_faults()
            .into_iter()
            .map(|fault| fault.pointer[1..].to_owned())
            .collect();
        let name = content["schema"]["$ref"]
            .as_str()
            .unwrap()
            .strip_prefix('#')
            .unwrap();
        let mut required = document.pointer(name).unwrap()["required"].clone();
        required
            .as_array_mut()
            .unwrap()
            .sort_by_key(Value::to_string);
        let mut missed = json!(missed);
        missed.as_array_mut().unwrap().sort_by_key(Value::to_string);
        assert_eq!(required, missed, "{}", row.name);
    }
}
