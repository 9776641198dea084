//! The table of exit codes in `docs/wal-tool.md`: every command, asked about every kind of store. `UPDATE_CODES=1` writes
//! the table anew.

use std::fs;
use std::path::{Path, PathBuf};

use engine::domain::{Description, Event, Granted, Standing};
use engine::journal::segment::SegmentHeader;
use tempfile::TempDir;

use crate::damage::{PAGE, flip};
use crate::stage::{Store, amount, create, earn, key, run, wallet};

/// What stands before and behind the table.
const FENCE: (&str, &str) = ("```codes\n", "```\n");

/// Every act of these stores is a group on a page of its own, and a segment holds thirteen.
const ACTS: usize = 40;

/// Longer than one group, so that something can lie too far behind the end to be a torn group.
const BIG_SEGMENT_BYTES: u64 = 4 << 20;

/// Every command, as it is asked. DIR is the store, OUT a place where nothing is, SEGMENT its first segment, SOUND another
/// store that is sound, WORDS the export of one.
const COMMANDS: [&str; 29] = [
    "inspect DIR",
    "dump DIR",
    "dump --raw-errors DIR",
    "hex SEGMENT",
    "verify DIR",
    "verify --deep DIR",
    "replay DIR",
    "history 1 DIR",
    "balance 1 DIR",
    "stats DIR",
    "why 00000000000000000000000000000009 DIR",
    "diff DIR SOUND",
    "doctor DIR",
    "compact DIR",
    "compact --yes DIR",
    "backup create --from DIR --to OUT",
    "restore --from DIR --out OUT",
    "repair --plan DIR",
    "repair --yes DIR",
    "repair --undo DIR",
    "export DIR",
    "import WORDS --out DIR",
    "index verify DIR",
    "index rebuild --yes DIR",
    "settlement verify DIR",
    "snapshot list DIR",
    "snapshot verify DIR",
    "snapshot create DIR",
    "man OUT",
];

/// Makes a store in an empty directory; gives it where it is to be held open.
type Make = fn(&Path) -> Option<Store>;

/// The kinds of store, as the columns of the table are called.
const STORES: [(&str, Make); 13] = [
    ("sound", |dir| sound(dir)),
    ("absent", |dir| {
        fs::remove_dir(dir).unwrap();
        None
    }),
    ("empty", |_| None),
    ("other", |dir| {
        let mut store = written(Store::new());
        store.act(&earn(1, 5), None);
        leave(store.close(), dir)
    }),
    ("torn", |dir| {
        let store = written(Store::with_segments(BIG_SEGMENT_BYTES)).crash();
        flip(&store.segments()[0], ACTS as u64 * PAGE + 60);
        leave(store, dir)
    }),
    ("corrupt", |dir| {
        sound(dir);
        flip(&first(dir), 3 * PAGE + 60);
        None
    }),
    ("missing", |dir| {
        sound(dir);
        fs::remove_file(&segments(dir)[1]).unwrap();
        None
    }),
    ("meta", |dir| {
        sound(dir);
        flip(&dir.join("store.meta"), 60);
        None
    }),
    ("snapshot", |dir| {
        sound(dir);
        let made = run(&["snapshot", "create", "--json", text(dir)]).rows();
        flip(&dir.join(made[0]["file"].as_str().unwrap()), 300);
        None
    }),
    ("meaning", |dir| {
        let store = written(Store::new());
        let standing = Standing {
            wallet: wallet(1),
            version: 99,
            paid: 0,
            free: 7,
        };
        let lie = Event::Earned(Granted {
            standing,
            amount: amount(7),
            expires_at: None,
            lot: 0,
            description: Description::default(),
            aside: None,
        });
        store.write_event(&lie, None);
        leave(store.close(), dir)
    }),
    ("newer", |dir| {
        sound(dir);
        let mut bytes = fs::read(first(dir)).unwrap();
        let mut header = SegmentHeader::decode(&bytes).unwrap();
        header.incompatible = 1 << 30;
        bytes[..4096].copy_from_slice(&header.page());
        fs::write(first(dir), bytes).unwrap();
        None
    }),
    ("in use", |dir| {
        let store = written(Store::new());
        // The directory is the store's own: nobody else may hold its lock.
        fs::remove_dir(dir).unwrap();
        std::os::unix::fs::symlink(store.dir(), dir).unwrap();
        Some(store)
    }),
    ("suspect", |dir| {
        let store = written(Store::with_segments(BIG_SEGMENT_BYTES)).crash();
        let segment = &store.segments()[0];
        let mut bytes = fs::read(segment).unwrap();
        let at = bytes.len() - 4096;
        bytes[at..at + 4].copy_from_slice(&[0xA1, 0x5C, 3, 1]);
        fs::write(segment, bytes).unwrap();
        leave(store, dir)
    }),
];

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn written(mut store: Store) -> Store {
    store.act(&create(1), None);
    store.act(&earn(1, 1), key(9));
    for _ in 2..ACTS {
        store.act(&earn(1, 1), None);
    }
    store
}

fn sound(dir: &Path) -> Option<Store> {
    leave(written(Store::new()).close(), dir)
}

/// Copies what belongs to a store.
fn leave(store: Store, dir: &Path) -> Option<Store> {
    copy(store.dir(), dir);
    None
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let counts = [".wal", ".meta", ".snap", ".idx"];
        if counts.iter().any(|end| name.ends_with(end)) {
            fs::copy(&path, to.join(name)).unwrap();
        }
    }
}

fn segments(dir: &Path) -> Vec<PathBuf> {
    let mut found: Vec<_> = fs::read_dir(dir)
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "wal"))
        .collect();
    found.sort();
    found
}

fn first(dir: &Path) -> PathBuf {
    let found = segments(dir).into_iter().next();
    found.unwrap_or_else(|| dir.join("seg-0000000001-00000000000000000001.wal"))
}

/// Asks every command about one store, each about a copy of its own.
fn codes(make: Make, others: &Path) -> Vec<i32> {
    let made = TempDir::new().unwrap();
    let original = made.path().join("store");
    fs::create_dir(&original).unwrap();
    let held = make(&original);
    let ask = |question: &&str| {
        let place = TempDir::new().unwrap();
        let mut dir = place.path().join("store");
        if held.is_some() {
            dir.clone_from(&original);
        } else if original.exists() {
            fs::create_dir(&dir).unwrap();
            copy(&original, &dir);
        }
        let words = question.split(' ').map(|word| match word {
            "DIR" => text(&dir).to_owned(),
            "OUT" => text(&place.path().join("out")).to_owned(),
            "SEGMENT" => text(&first(&dir)).to_owned(),
            "SOUND" => text(&others.join("sound")).to_owned(),
            "WORDS" => text(&others.join("words")).to_owned(),
            word => word.to_owned(),
        });
        let words: Vec<String> = words.collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        run(&words).code
    };
    COMMANDS.iter().map(ask).collect()
}

fn table() -> String {
    let others = TempDir::new().unwrap();
    let other = others.path().join("sound");
    fs::create_dir(&other).unwrap();
    sound(&other);
    let words = run(&["export", text(&other)]).out;
    fs::write(others.path().join("words"), words).unwrap();
    let columns = STORES.map(|(name, make)| (name, codes(make, others.path())));
    let mut table = format!("{:<34}", "");
    for (name, _) in &columns {
        table += &format!("  {name}");
    }
    for (at, command) in COMMANDS.iter().enumerate() {
        let shown = command.replace("00000000000000000000000000000009", "KEY");
        table += &format!("\n{shown:<34}");
        for (name, codes) in &columns {
            table += &format!("  {:>width$}", codes[at], width = name.len());
        }
    }
    table + "\n"
}

#[test]
fn every_command_ends_with_the_code_that_the_manual_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/wal-tool.md");
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(FENCE.0).expect("the manual has the table");
    let (told, behind) = rest.split_once(FENCE.1).expect("the table ends");
    let found = table();
    if std::env::var_os("UPDATE_CODES").is_some() {
        fs::write(&path, [before, FENCE.0, &found, FENCE.1, behind].concat()).unwrap();
        return;
    }
    for (found, told) in found.lines().zip(told.lines()) {
        assert_eq!(found, told);
    }
    assert_eq!(found, told);
}

#[test]
fn a_question_that_makes_no_sense_is_2_everywhere() {
    let help = run(&["--help"]).out;
    let commands = help
        .lines()
        .skip_while(|line| !line.starts_with("Commands:"));
    let names = commands
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter(|line| !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next());
    let names: Vec<_> = names.filter(|name| *name != "help").collect();
    assert!(names.len() > 20, "{names:?}");
    for name in names {
        let answer = run(&[name, "--no-such-option"]);
        assert_eq!(answer.code, 2, "{name}: {}", answer.err);
        assert_eq!(answer.out, "", "{name}");
        let asked = COMMANDS.iter().any(|command| command.starts_with(name));
        assert!(asked || name == "completions", "{name} is not in the table");
    }
    assert_eq!(run(&["completions", "bash"]).code, 0);
    assert_eq!(run(&["completions", "no-such-shell"]).code, 2);
}
