//! `docs/drills.md` keeps up: every command on it is run on a store with that very damage, and must say what the page
//! says. So does what `docs/wal-tool.md` shows of snapshots. `UPDATE_DRILLS=1` writes anew what is said.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::archived::{archive, archived, blocks};
use crate::damage::flip;
use crate::stage::{SEGMENT_BYTES, Store, charge, create, earn, send};

/// A page, where every group of these stores begins.
const PAGE: u64 = 4096;

/// The directory that the page speaks of.
const TOLD_DIR: &str = "/var/lib/scrip";

/// Longer than one group, so that something can lie too far behind the end to be a torn group.
const BIG_SEGMENT_BYTES: u64 = 4 << 20;

/// Where everything of a drill lies: the store, its backup, what is restored.
struct Ground {
    folder: tempfile::TempDir,
}

impl Ground {
    /// The store of every drill: two wallets, eight acts, closed in order.
    fn new(segment_bytes: u64) -> Self {
        let mut store = Store::with_segments(segment_bytes);
        store.act(&create(1), None);
        store.act(&create(2), None);
        store.act(&charge(1, 1000), None);
        store.act(&charge(2, 500), None);
        store.act(&send(1, 2, 50), None);
        store.act(&earn(2, 20), None);
        let store = store.close();
        let folder = tempfile::tempdir().unwrap();
        copy(store.dir(), &folder.path().join("scrip"));
        Self { folder }
    }

    /// Behind an archive and two snapshots, with a backup.
    fn archived() -> Self {
        let store = archived(SEGMENT_BYTES, 60);
        let folder = tempfile::tempdir().unwrap();
        let ground = Self { folder };
        copy(store.dir(), &ground.store());
        fs::create_dir(ground.store().join("archive")).unwrap();
        let file = archive(store.dir());
        let name = file.file_name().unwrap();
        fs::copy(&file, ground.store().join("archive").join(name)).unwrap();
        ground
    }

    fn store(&self) -> PathBuf {
        self.folder.path().join("scrip")
    }

    fn segment(&self) -> PathBuf {
        self.store().join("seg-0000000001-00000000000000000001.wal")
    }

    /// Makes the damage that a drill is about.
    fn damage(&self, drill: &str) {
        match drill {
            "A torn tail" => {
                // The clean flag goes with it, as in a crash.
                self.crash();
                flip(&self.segment(), 6 * PAGE + 60);
            }
            "A bad header copy" => flip(&self.segment(), 200),
            "A bad copy of store.meta" => flip(&self.store().join("store.meta"), 100),
            "store.meta is gone" => fs::remove_file(self.store().join("store.meta")).unwrap(),
            "An acknowledged act is damaged" => flip(&self.segment(), 6 * PAGE + 60),
            "An act that others rest on is damaged" => flip(&self.segment(), 3 * PAGE + 60),
            "A suspect tail" => {
                self.crash();
                // Behind one group's length nothing but a human decides.
                let segment = self.segment();
                let mut bytes = fs::read(&segment).unwrap();
                let at = bytes.len() - 4096;
                bytes[at..at + 4].copy_from_slice(&[0xA1, 0x5C, 3, 1]);
                fs::write(&segment, bytes).unwrap();
            }
            "A bad snapshot" => {
                run_in(&self.folder, "wal-tool snapshot create");
                flip(&self.store().join("snap-00000000000000000006.snap"), 200);
            }
            "A damaged archive file" => {
                run_in(
                    &self.folder,
                    "wal-tool backup create --from scrip --to backup",
                );
                let file = archive(&self.store());
                flip(&file, blocks(&file)[1] + 70);
            }
            "A segment is missing" => {
                run_in(
                    &self.folder,
                    "wal-tool backup create --from scrip --to backup",
                );
                fs::remove_file(self.segment()).unwrap();
            }
            "A file of another store" => {
                let other = Self::new(SEGMENT_BYTES);
                let name = "seg-0000000002-00000000000000000007.wal";
                fs::copy(other.segment(), self.store().join(name)).unwrap();
            }
            other => panic!("no damage is known for the drill {other:?}"),
        }
    }

    /// As a crash leaves it: no CLOSE, no clean flag.
    fn crash(&self) {
        let mut bytes = fs::read(self.segment()).unwrap();
        let from = 7 * PAGE as usize;
        bytes[from..from + PAGE as usize].fill(0);
        fs::write(self.segment(), bytes).unwrap();
        let mut meta = engine::journal::meta::MetaCopies::parse(
            &fs::read(self.store().join("store.meta")).unwrap(),
        )
        .newest()
        .unwrap()
        .clone();
        meta.clean_lsn = None;
        fs::write(self.store().join("store.meta"), meta.encode().repeat(4)).unwrap();
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        // What the filler made ready is nobody's business here.
        if name.ends_with(".wal") || name.ends_with(".snap") || name == "store.meta" {
            fs::copy(entry.path(), to.join(name)).unwrap();
        }
    }
}

/// Runs a line of the page in a shell, and gives what it says, the code behind it.
fn run_in(folder: &tempfile::TempDir, line: &str) -> String {
    let tool = Path::new(env!("CARGO_BIN_EXE_wal-tool"));
    let path = format!(
        "{}:{}",
        tool.parent().unwrap().display(),
        std::env::var("PATH").unwrap()
    );
    let dir = folder.path().join("scrip");
    let line = line.replace(TOLD_DIR, dir.to_str().unwrap());
    let output = Command::new("sh")
        .args(["-c", &format!("exec 2>&1; {line}")])
        .current_dir(folder.path())
        .env("PATH", path)
        .env("SCRIP_DATA", &dir)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let said = said.replace(dir.to_str().unwrap(), TOLD_DIR);
    let said = said.replace(folder.path().to_str().unwrap(), "/var/lib");
    let mut said = plain(&said);
    if let Some(code) = output.status.code().filter(|code| *code != 0) {
        said.push_str(&format!("[exit code {code}]\n"));
    }
    said
}

/// What differs from run to run is told by its name.
fn plain(said: &str) -> String {
    let words = said.split_inclusive([' ', '\n', ',', ';', '(', ')']);
    let mut before = "";
    let words = words.map(|word| {
        let bare = word.trim_end_matches([' ', '\n', ',', ';', '(', ')']);
        let rest = &word[bare.len()..];
        let last = std::mem::replace(&mut before, bare);
        let is_hex = bare.len() == 32 && bare.bytes().all(|byte| byte.is_ascii_hexdigit());
        // A digest of the same wallets is the same in every run.
        let is_id = is_hex && last != "digest";
        let is_now = bare.len() == 27 && bare.ends_with('Z') && !bare.starts_with("2026-07-31");
        match (is_id, is_now) {
            (true, _) => format!("<id>{rest}"),
            (_, true) => format!("<now>{rest}"),
            (false, false) => word.to_owned(),
        }
    });
    words.collect()
}

/// Tells a page again: chapters that `ground` gives something to stand on have their commands run, the others stay.
fn retold(page: &str, ground: impl Fn(&str) -> Option<Ground>) -> String {
    let mut told = String::new();
    let mut standing = None;
    let mut inside = false;
    for line in page.lines() {
        if let Some(chapter) = line.strip_prefix("## ") {
            standing = ground(chapter);
        }
        if line.starts_with("```") {
            inside = !inside;
        } else if let Some(ground) = standing.as_ref().filter(|_| inside) {
            if let Some(command) = line.strip_prefix("$ ") {
                told.push_str(&format!("{line}\n"));
                told.push_str(&run_in(&ground.folder, command));
            }
            continue;
        }
        told.push_str(&format!("{line}\n"));
    }
    told
}

fn holds(name: &str, ground: impl Fn(&str) -> Option<Ground>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../docs")
        .join(name);
    let page = fs::read_to_string(&path).unwrap();
    let told = retold(&page, ground);
    if std::env::var_os("UPDATE_DRILLS").is_some() {
        fs::write(&path, told).unwrap();
        return;
    }
    for (number, (told, page)) in told.lines().zip(page.lines()).enumerate() {
        assert_eq!(told, page, "docs/{name}:{}", number + 1);
    }
    assert_eq!(told.len(), page.len());
}

#[test]
fn every_drill_goes_as_the_page_says() {
    let drills = std::cell::Cell::new(0);
    holds("drills.md", |drill| {
        let ground = match drill {
            "A suspect tail" => Ground::new(BIG_SEGMENT_BYTES),
            "A damaged archive file" => Ground::archived(),
            _ => Ground::new(SEGMENT_BYTES),
        };
        ground.damage(drill);
        drills.set(drills.get() + 1);
        Some(ground)
    });
    assert!(drills.get() >= 11, "{drills:?} drills");
}

#[test]
fn snapshots_are_made_as_the_manual_shows() {
    let shown = std::cell::Cell::new(0);
    holds("wal-tool.md", |chapter| {
        chapter.starts_with("snapshot: ").then(|| {
            shown.set(shown.get() + 1);
            Ground::new(SEGMENT_BYTES)
        })
    });
    assert_eq!(shown.get(), 1);
}
