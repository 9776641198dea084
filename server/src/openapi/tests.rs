//! The description against what it describes.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use super::{document, text, to_text, words};
use crate::api::Action;
use crate::draft::{self, Draft};
use crate::router::public_rows;

fn value() -> Value {
    serde_json::from_slice(&text()).unwrap()
}

#[test]
fn the_committed_file_is_what_the_code_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi.json");
    let fresh = to_text(&document());
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &fresh).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap();
    assert!(
        committed == fresh,
        "docs/openapi.json is not what the code says; UPDATE_GOLDEN=1 cargo test -p server openapi writes it anew"
    );
}

#[test]
fn every_route_is_described() {
    let document = value();
    assert_eq!(document["openapi"], "3.1.0");
    for row in public_rows() {
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
    let document = value();
    let mut found = BTreeSet::new();
    walk(&document, &mut found);
    assert!(found.len() > 15, "{found:?}");
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

#[test]
fn examples_are_taken_and_required_fields_are_missed() {
    let document = value();
    for row in public_rows() {
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
