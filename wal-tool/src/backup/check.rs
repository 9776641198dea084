//! Checking a generation against its manifest: every file is there, nothing else is, every hash holds.

use std::fs;
use std::path::Path;

use engine::journal::{Class, Problem};

use super::manifest::{MANIFEST_FILE, Manifest};
use crate::exit::Stop;
use crate::sha256;

/// What checking a generation found.
pub(crate) struct Checked {
    pub(crate) manifest: Option<Manifest>,
    pub(crate) bytes: u64,
    pub(crate) problems: Vec<Problem>,
}

/// Hashes every file again. `progress` is told the bytes done.
pub(crate) fn check(generation: &Path, progress: &dyn Fn(u64)) -> Result<Checked, Stop> {
    let mut checked = Checked {
        manifest: Manifest::read(generation)?,
        bytes: 0,
        problems: Vec::new(),
    };
    let Some(manifest) = checked.manifest.clone() else {
        let what = "missing or damaged: the backup was not finished, or something changed it";
        checked
            .problems
            .push(problem(Class::Corrupt, MANIFEST_FILE, what));
        return Ok(checked);
    };
    for name in names_below(generation)? {
        if name != MANIFEST_FILE && !manifest.files.contains_key(&name) {
            let what = "is not in the manifest";
            checked.problems.push(problem(Class::Chain, &name, what));
        }
    }
    for (name, hash) in &manifest.files {
        let path = generation.join(name);
        if !path.is_file() {
            checked
                .problems
                .push(problem(Class::Chain, name, "is missing from the backup"));
            continue;
        }
        let found = sha256::of_file(&path).map_err(|source| Stop::of_file(&path, source))?;
        if found != *hash {
            let what = format!("has SHA-256 {found}, the manifest says {hash}");
            checked.problems.push(problem(Class::Corrupt, name, &what));
        }
        checked.bytes += fs::metadata(&path).map_or(0, |found| found.len());
        progress(checked.bytes);
    }
    Ok(checked)
}

/// Names of all files, in folders too.
fn names_below(dir: &Path) -> Result<Vec<String>, Stop> {
    let entries = fs::read_dir(dir).map_err(|source| Stop::of_file(dir, source))?;
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|source| Stop::of_file(dir, source))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_dir() {
            let inner = names_below(&entry.path())?.into_iter();
            names.extend(inner.map(|inner| format!("{name}/{inner}")));
        } else {
            names.push(name);
        }
    }
    Ok(names)
}

fn problem(class: Class, file: &str, what: &str) -> Problem {
    Problem {
        class,
        file: file.to_owned(),
        offset: None,
        lsn: None,
        what: what.to_owned(),
    }
}
