//! The index of histories: built, checked, damaged, and built again.

use std::fs;

use crate::stage::{Store, charge, create, earn, send};

#[test]
fn an_index_is_built_checked_and_built_again() {
    let mut store = Store::new();
    store.act(&create(1), None);
    store.act(&create(2), None);
    for points in 1..=50 {
        store.act(&charge(1, points), None);
        store.act(&earn(2, points), None);
        store.act(&send(1, 2, 1), None);
    }
    let store = store.close();
    let none = store.rows(&["index", "verify"], 0).remove(0);
    assert_eq!(
        (&none["entries"], &none["indexed_lsn"]),
        (&0.into(), &0.into())
    );
    assert!(
        !store.dir().join("index").exists(),
        "looking changes nothing"
    );
    let built = store.rows(&["index", "rebuild", "--yes"], 0).remove(0);
    assert_eq!(built["entries"], 200);
    assert_eq!(built["indexed_lsn"], built["last_lsn"]);
    assert_eq!(store.rows(&["index", "verify"], 0).remove(0), built);
    assert_eq!(built["day_rows"], built["days"].as_u64().unwrap() * 2);
    let files = fs::read_dir(store.dir().join("index")).unwrap();
    let files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    for file in &files {
        let mut bytes = fs::read(file).unwrap();
        bytes[5_000] ^= 1;
        fs::write(file, bytes).unwrap();
    }
    let damaged = store.rows(&["index", "verify"], 13).remove(0);
    let found = damaged["damaged"].as_array().map(Vec::len);
    assert_eq!(found, Some(files.len()));
    assert_eq!(store.rows(&["index", "rebuild"], 13).remove(0), damaged);
    assert_eq!(
        store.rows(&["index", "rebuild", "--yes"], 0).remove(0),
        built
    );
}
