//! Completions and man pages come from the commands themselves.

use std::fs;

use crate::stage::run;

#[test]
fn every_shell_gets_a_script_that_knows_the_commands() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let answer = run(&["completions", shell]);
        assert_eq!(answer.code, 0, "{}", answer.err);
        for command in ["verify", "repair", "restore-header"] {
            assert!(
                answer.out.contains(command),
                "{shell} does not know {command}"
            );
        }
    }
    assert_eq!(run(&["completions", "tcsh"]).code, 2);
}

#[test]
fn every_command_gets_a_man_page_with_its_examples() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("man1");
    let answer = run(&["man", dir.to_str().unwrap()]);
    assert_eq!(answer.code, 0, "{}", answer.err);
    let pages: Vec<_> = answer.out.lines().collect();
    assert!(pages.len() > 15, "{pages:?}");
    for page in pages {
        let text = fs::read_to_string(page).unwrap();
        assert!(text.contains(".SH NAME"), "{page}");
    }
    let repair = fs::read_to_string(dir.join("wal-tool-repair.1")).unwrap();
    assert!(repair.contains("91402..91402"), "{repair}");
    let create = fs::read_to_string(dir.join("wal-tool-snapshot-create.1")).unwrap();
    assert!(create.contains("key\\-window"), "{create}");
}
