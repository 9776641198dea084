//! Room on disk for one measurement, gone with it.

use std::path::Path;

use tempfile::TempDir;

use crate::failure::{Doing, Failure};

/// An empty directory of its own below another one, on the disk that is to be measured.
pub(crate) fn directory(inside: &Path) -> Result<TempDir, Failure> {
    let made = tempfile::Builder::new()
        .prefix("scrip-bench-")
        .tempdir_in(inside);
    made.doing(|| format!("make a directory in {}", inside.display()))
}
