//! What is in the folder of a source at one moment.

use std::collections::HashSet;
use std::fs::Metadata;

use super::config::CsvSourceConfig;
use super::files::{list, metadata};
use super::identity::inode;
use super::position::FileState;
use super::renames::Found;
use crate::error::SourceError;

/// Looks at a folder in which something moves, before what is seen is taken as it is: moving files takes no time.
const LOOKS_MAX: usize = 100;

/// What there is in the folder.
pub(super) struct Looked {
    pub(super) paths: Vec<String>,
    pub(super) found: Vec<Found>,
    pub(super) metadata: Vec<Metadata>,
}

impl Looked {
    fn at(config: &CsvSourceConfig) -> Result<Self, SourceError> {
        let paths = list(config)?;
        let mut found = Vec::with_capacity(paths.len());
        for path in &paths {
            let on_disk = config.project_dir.join(path);
            // What is not there went away since it was listed.
            let Some(metadata) = metadata(&on_disk)? else { continue };
            let place = Found { path: path.clone(), on_disk, size: metadata.len(), inode: inode(&metadata) };
            found.push((place, metadata));
        }
        let (found, metadata) = found.into_iter().unzip();
        Ok(Self { paths, found, metadata })
    }

    fn places(&self) -> impl Iterator<Item = (&str, u64)> {
        self.found.iter().map(|found| (found.path.as_str(), found.inode))
    }

    /// Whether every file is where it was known to be.
    fn is_known(&self, files: &[FileState]) -> bool {
        let known: HashSet<(&str, u64)> = files.iter().map(|file| (file.path.as_str(), file.identity.inode)).collect();
        self.places().all(|place| known.contains(&place))
    }
}

/// Looks at the folder while nobody moves anything: a file that gets another name meanwhile would be there under both, and be read
/// under the second once more.
pub(super) fn look_at_rest(config: &CsvSourceConfig, files: &[FileState]) -> Result<Looked, SourceError> {
    let mut looked = Looked::at(config)?;
    for _ in 0..LOOKS_MAX {
        if looked.is_known(files) {
            break;
        }
        let again = Looked::at(config)?;
        let is_at_rest = again.places().eq(looked.places());
        looked = again;
        if is_at_rest {
            break;
        }
    }
    Ok(looked)
}
