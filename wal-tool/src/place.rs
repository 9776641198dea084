//! Which data directory a command looks into.

use std::path::{Path, PathBuf};

use clap::Args;

/// A data directory: as the last word, or by the name the server's flag has.
#[derive(Args, Clone, Debug)]
pub(crate) struct Place {
    /// Data directory; wins over --data.
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Data directory, like the server's flag.
    #[arg(
        long = "data",
        visible_alias = "dir",
        value_name = "DIR",
        env = "SCRIP_DATA",
        default_value = "./scrip-data"
    )]
    store: PathBuf,
}

// === impl Place ===

impl Place {
    pub(crate) fn dir(&self) -> &Path {
        self.dir.as_deref().unwrap_or(&self.store)
    }
}
