//! Finds the binaries under test, and builds them when they are older than the code.
//!
//! Cargo gives a test the path of a binary of its own package only. These belong to other packages, so
//! the first test that needs one asks cargo for them, into the very target folder and profile that the
//! running test was built in; when they are fresh already that costs a fraction of a second.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The server.
pub fn server() -> PathBuf {
    folder().join("scrip-server")
}

/// The operator's tool.
pub fn wal_tool() -> PathBuf {
    folder().join("wal-tool")
}

/// The root of the workspace.
pub fn workspace() -> &'static Path {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("the package lies in the workspace")
}

/// `target/<profile>`, with both binaries in it as the present code makes them.
fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let test = std::env::current_exe().expect("the test knows where it is");
        // target/<profile>/deps/suite-<hash>
        let folder = test
            .ancestors()
            .nth(2)
            .expect("a test lies two folders deep");
        build(folder);
        folder.to_path_buf()
    })
}

fn build(folder: &Path) {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let target = folder
        .parent()
        .expect("a profile lies in the target folder");
    let mut command = Command::new(cargo);
    command.current_dir(workspace()).args(["build", "--quiet"]);
    command.args(["-p", "server", "--bin", "scrip-server"]);
    command.args(["-p", "wal-tool", "--bin", "wal-tool"]);
    command.arg("--target-dir").arg(target);
    if folder.ends_with("release") {
        command.arg("--release");
    }
    let built = command.output().expect("cargo starts");
    assert!(
        built.status.success(),
        "the binaries under test do not build:\n{}",
        String::from_utf8_lossy(&built.stderr)
    );
}
