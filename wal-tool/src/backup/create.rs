//! Making a generation: sealed files that the one before has already are linked, everything else is copied.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use engine::journal::{BackupFile, BackupPlan, Class, LogReader, Problem};

use super::manifest::{
    MANIFEST_FILE, Manifest, copy_hashed, generation_name, generations, partials,
};
use crate::exit::Stop;
use crate::output::talk;
use crate::sha256;
use crate::staged::{Staged, clear_abandoned};

/// `store.meta` by its name in the data directory.
const META_FILE: &str = engine::journal::meta::META_FILE;

/// What a backup would take.
pub(crate) struct Plan {
    from: PathBuf,
    to: PathBuf,
    taken: BackupPlan,
    before: Option<(PathBuf, Manifest)>,
    /// Files of the generation before that are as good as a copy, with their hashes.
    links: BTreeMap<String, (PathBuf, String)>,
    /// Files of the generation before that are not what its manifest says.
    rotten: Vec<PathBuf>,
}

/// What was made.
pub(crate) struct Created {
    pub(crate) generation: PathBuf,
    pub(crate) manifest: Manifest,
    pub(crate) copied_files: u64,
    pub(crate) copied_bytes: u64,
    pub(crate) linked_files: u64,
    /// Files of the generation before that are not what its manifest says, so that they were copied anew.
    pub(crate) rotten: Vec<PathBuf>,
    /// The generation was there already: nothing has happened since.
    pub(crate) unchanged: bool,
}

// === impl Plan ===

impl Plan {
    /// Looks at both sides. A directory of backups belongs to one store.
    pub(crate) fn new(from: &Path, to: &Path) -> Result<Self, Stop> {
        let taken = LogReader::open(from)?.backup_plan()?;
        let mut before = None;
        for generation in generations(to)?.into_iter().rev() {
            if let Some(manifest) = Manifest::read(&generation)? {
                before = Some((generation, manifest));
                break;
            }
        }
        if let Some((generation, manifest)) = &before {
            let foreign =
                (manifest.store_id, manifest.timeline) != (taken.store_id, taken.timeline);
            let what = if foreign {
                Some("is a backup of another store")
            } else if manifest.last_lsn > taken.last_lsn.0 {
                Some("reaches further than the store: that was rolled back")
            } else {
                None
            };
            if let Some(what) = what {
                let problem = Problem {
                    class: Class::Chain,
                    file: generation.display().to_string(),
                    offset: None,
                    lsn: None,
                    what: what.to_owned(),
                };
                return Err(Stop::Journal(problem.into()));
            }
        }
        let mut plan = Self {
            from: from.to_owned(),
            to: to.to_owned(),
            taken,
            before,
            links: BTreeMap::new(),
            rotten: Vec::new(),
        };
        if plan.up_to_date().is_none() {
            plan.look_for_links()?;
        }
        Ok(plan)
    }

    /// The generation that has all of it already.
    fn up_to_date(&self) -> Option<&(PathBuf, Manifest)> {
        let name = generation_name(self.taken.last_lsn.0);
        self.before
            .as_ref()
            .filter(|(generation, _)| generation.ends_with(&name))
    }

    /// Hashes what may be linked: a file that has rotted must not pass for a copy in every generation to come.
    fn look_for_links(&mut self) -> Result<(), Stop> {
        let Some((generation, manifest)) = &self.before else {
            return Ok(());
        };
        let sealed = self.taken.files.iter().filter(|file| file.sealed);
        for file in sealed.filter(|file| manifest.growing != file.name) {
            let Some(hash) = manifest.files.get(&file.name) else {
                continue;
            };
            let path = generation.join(&file.name);
            let found = match sha256::of_file(&path) {
                Ok(found) => found,
                Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
                Err(source) => return Err(Stop::of_file(&path, source)),
            };
            if found != *hash {
                self.rotten.push(path);
            } else if fs::metadata(&path).is_ok_and(|found| found.len() == file.len) {
                self.links.insert(file.name.clone(), (path, found));
            }
        }
        Ok(())
    }

    /// Bytes that have to be copied.
    pub(crate) fn bytes(&self) -> u64 {
        let files = self.taken.files.iter();
        files
            .filter(|file| !self.links.contains_key(&file.name))
            .map(|file| file.bytes)
            .sum()
    }

    /// Carries it out. `progress` is told the bytes copied so far.
    pub(crate) fn run(self, progress: &dyn Fn(u64)) -> Result<Created, Stop> {
        clear_partials(&self.to)?;
        if let Some((generation, manifest)) = self.up_to_date() {
            return Ok(Created {
                generation: generation.clone(),
                manifest: manifest.clone(),
                copied_files: 0,
                copied_bytes: 0,
                linked_files: 0,
                rotten: Vec::new(),
                unchanged: true,
            });
        }
        let target = self.to.join(generation_name(self.taken.last_lsn.0));
        let staged = Staged::new(&target)?;
        match self.fill(staged.dir(), target, progress) {
            Ok(created) => {
                staged.publish()?;
                Ok(created)
            }
            Err(stop) => {
                staged.discard();
                Err(stop)
            }
        }
    }

    /// Writes everything, the manifest last.
    fn fill(&self, dir: &Path, target: PathBuf, progress: &dyn Fn(u64)) -> Result<Created, Stop> {
        let mut created = Created {
            generation: target,
            manifest: Manifest {
                store_id: self.taken.store_id,
                timeline: self.taken.timeline,
                first_lsn: self.taken.first_lsn.0,
                last_lsn: self.taken.last_lsn.0,
                growing: self.newest().to_owned(),
                files: BTreeMap::new(),
            },
            copied_files: 0,
            copied_bytes: 0,
            linked_files: 0,
            rotten: self.rotten.clone(),
            unchanged: false,
        };
        for file in &self.taken.files {
            let hash = self.take(file, dir, &mut created)?;
            created.manifest.files.insert(file.name.clone(), hash);
            progress(created.copied_bytes);
        }
        let meta = dir.join(META_FILE);
        write_synced(&meta, &self.taken.meta).map_err(|source| Stop::of_file(&meta, source))?;
        let hash = sha256::of_bytes(&self.taken.meta);
        created.manifest.files.insert(META_FILE.to_owned(), hash);
        self.check_copies(dir)?;
        let path = dir.join(MANIFEST_FILE);
        write_synced(&path, created.manifest.to_text().as_bytes())
            .map_err(|source| Stop::of_file(&path, source))?;
        Ok(created)
    }

    fn newest(&self) -> &str {
        self.taken
            .files
            .iter()
            .rfind(|file| !file.sealed)
            .map_or("", |file| &file.name)
    }

    /// Links or copies one file; gives its hash.
    fn take(&self, file: &BackupFile, into: &Path, created: &mut Created) -> Result<String, Stop> {
        let to = into.join(&file.name);
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder).map_err(|source| Stop::of_file(folder, source))?;
        }
        if let Some((path, hash)) = self.links.get(&file.name)
            && fs::hard_link(path, &to).is_ok()
        {
            created.linked_files += 1;
            return Ok(hash.clone());
        }
        let from = self.from.join(&file.name);
        let hash = copy_hashed(&from, &to, file.bytes, file.len)
            .map_err(|source| Stop::of_file(&from, source))?;
        created.copied_files += 1;
        created.copied_bytes += file.bytes;
        Ok(hash)
    }

    /// What was copied must be the log that was planned: sound headers, links and checksums to the last LSN.
    fn check_copies(&self, dir: &Path) -> Result<(), Stop> {
        let reader = LogReader::open(dir)?;
        let old = |name: &str| {
            // An archived segment is called by its place in its file.
            let holds = |file: &&BackupFile| {
                let rest = name.strip_prefix(file.name.as_str());
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            let file = self.taken.files.iter().find(holds);
            file.is_some_and(|file| self.links.contains_key(&file.name))
        };
        let report = reader.verify_where(1, &|_, _| {}, &|segment| !old(&segment.name))?;
        match report
            .problems
            .into_iter()
            .max_by_key(|p| p.class.severity())
        {
            Some(problem) => Err(Stop::Journal(problem.into())),
            None => Ok(()),
        }
    }
}

/// Removes generations that nobody writes any more: their runs were killed.
fn clear_partials(to: &Path) -> Result<(), Stop> {
    for partial in partials(to)? {
        if clear_abandoned(&partial)? {
            let name = partial.display();
            talk(format_args!("{name}: removed, its run did not finish"));
        }
    }
    Ok(())
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    io::Write::write_all(&mut file, bytes)?;
    file.sync_all()
}
