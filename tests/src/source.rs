//! The workspace's own source, as the tidy test reads it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::binaries::workspace;

/// Packages whose source is held to the rules.
pub const PACKAGES: [&str; 5] = ["engine", "server", "wal-tool", "tests", "bench"];

/// One Rust file.
#[derive(Clone, Debug)]
pub struct Source {
    /// Path below the root of the workspace, with `/`.
    pub path: String,
    /// What it holds.
    pub text: String,
}

/// A function as it is laid out by rustfmt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// Number of its first line.
    pub line: usize,
    /// Lines from signature to closing brace.
    pub lines: usize,
}

/// All Rust files of all packages, by path.
pub fn all() -> Vec<Source> {
    let mut found = Vec::new();
    for package in PACKAGES {
        collect(&workspace().join(package), "rs", &mut found);
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    assert!(found.len() > 20, "the source was not found: {found:?}");
    found
}

/// All files with this extension below a folder of the workspace.
pub fn below(folder: &str, extension: &str) -> Vec<Source> {
    let mut found = Vec::new();
    collect(&workspace().join(folder), extension, &mut found);
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found
}

fn collect(folder: &Path, extension: &str, found: &mut Vec<Source>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    for entry in entries {
        let path: PathBuf = entry.expect("a folder can be listed").path();
        if path.is_dir() && !path.ends_with("target") {
            collect(&path, extension, found);
        } else if path.extension().is_some_and(|held| held == extension) {
            let text = fs::read_to_string(&path).expect("source is text");
            let path = path.strip_prefix(workspace()).expect("below the root");
            let path = path.to_string_lossy().replace('\\', "/");
            found.push(Source { path, text });
        }
    }
}

// === impl Source ===

impl Source {
    /// Lines outside inline test modules, with their numbers from 1.
    pub fn product_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let tests = self.text.find("\n#[cfg(test)]\nmod tests {");
        let product = &self.text[..tests.unwrap_or(self.text.len())];
        product.lines().enumerate().map(|(at, line)| (at + 1, line))
    }

    /// Its functions. rustfmt puts the closing brace under the first letter of the signature.
    pub fn functions(&self) -> Vec<Function> {
        let lines: Vec<&str> = self.text.lines().collect();
        let mut functions = Vec::new();
        for (at, line) in lines.iter().enumerate() {
            let Some(name) = function_name(line) else {
                continue;
            };
            let indent = line.len() - line.trim_start().len();
            let close = format!("{}}}", &line[..indent]);
            let one_line = line.trim_end().ends_with('}') || line.trim_end().ends_with(';');
            let length = lines[at..]
                .iter()
                .take_while(|line| !one_line && **line != close && !ends_declaration(line, indent))
                .count();
            functions.push(Function {
                name: name.to_owned(),
                line: at + 1,
                lines: length + 1,
            });
        }
        functions
    }

    /// Names of the modules, types, traits, functions and constants it declares.
    pub fn names(&self) -> Vec<(usize, String)> {
        let mut names = Vec::new();
        for (number, line) in self.text.lines().enumerate() {
            if let Some(name) = declared(line) {
                names.push((number + 1, name.to_owned()));
            }
        }
        names
    }

    /// What follows `use ` in its product lines, whole statements.
    pub fn uses(&self) -> Vec<(usize, String)> {
        let mut uses = Vec::new();
        let mut open: Option<(usize, String)> = None;
        for (number, line) in self.product_lines() {
            let line = line.trim();
            if let Some((at, mut text)) = open.take() {
                text.push_str(line);
                open = Some((at, text));
            } else if let Some(rest) = strip_visibility(line).strip_prefix("use ") {
                open = Some((number, rest.to_owned()));
            }
            if let Some((at, text)) = open.take_if(|(_, text)| text.ends_with(';')) {
                uses.push((at, text));
            }
        }
        uses
    }
}

/// A declaration without a body, in a trait.
fn ends_declaration(line: &str, indent: usize) -> bool {
    line.len() > indent && !line[indent..].starts_with(' ') && line.ends_with(';')
}

fn function_name(line: &str) -> Option<&str> {
    let mut rest = strip_visibility(line.trim_start());
    for word in ["const ", "async ", "unsafe "] {
        rest = rest.strip_prefix(word).unwrap_or(rest);
    }
    identifier(rest.strip_prefix("fn ")?)
}

fn declared(line: &str) -> Option<&str> {
    if let Some(name) = function_name(line) {
        return Some(name);
    }
    let rest = strip_visibility(line.trim_start());
    let words = [
        "struct ", "enum ", "trait ", "type ", "mod ", "const ", "static ",
    ];
    let found = words.iter().find_map(|word| rest.strip_prefix(word))?;
    identifier(found)
}

fn strip_visibility(text: &str) -> &str {
    let Some(rest) = text.strip_prefix("pub") else {
        return text;
    };
    if let Some(rest) = rest.strip_prefix('(') {
        return rest.split_once(") ").map_or(text, |(_, rest)| rest);
    }
    rest.strip_prefix(' ').unwrap_or(text)
}

fn identifier(text: &str) -> Option<&str> {
    let end = text
        .find(|letter: char| !letter.is_alphanumeric() && letter != '_')
        .unwrap_or(text.len());
    (end > 0).then(|| &text[..end])
}
