//! Runs the operator's tool on a directory.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::binaries;

/// The tool, aimed at a directory.
#[derive(Clone, Debug)]
pub struct WalTool {
    directory: PathBuf,
}

/// How a run ended.
#[derive(Clone, Debug)]
pub struct Run {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

// === impl WalTool ===

impl WalTool {
    /// Aims the tool.
    pub fn on(directory: &Path) -> Self {
        Self {
            directory: directory.to_path_buf(),
        }
    }

    /// Runs it: a subcommand with its flags.
    pub fn run(&self, arguments: &[&str]) -> Run {
        let output = Command::new(binaries::wal_tool())
            .args(arguments)
            .arg(&self.directory)
            .output()
            .expect("the tool runs");
        Run {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

// === impl Run ===

impl Run {
    /// Stops the test unless it ended with this code.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.stdout, self.stderr);
        self
    }
}
