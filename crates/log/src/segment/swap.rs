//! How a segment takes the place of others, so that after a crash at any instant there are the old ones or the new one.
//!
//! ```text
//! <base20>.cleaned           being written: removed at the next start
//! <base20>-<end20>.swap      whole and on the disk: what lies there now, in the place of all segments from base to end
//! <base20>.log               once those are gone and it has the name of the first of them
//! *.deleted                  of Kafka, whose files go later: removed at the next start
//! ```
//!
//! The end is in the name, since the last records of a segment may be gone and nothing in the file tells.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::{LOG, file_path, log_path, remove, remove_if_there, remove_index};
use crate::{Disk, LogError, document};

pub(super) const CLEANED: &str = "cleaned";
const SWAP: &str = "swap";
const DELETED: &str = "deleted";

/// The segments from the one at `base` to the offset `end`, in whose place another comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Replacement {
    /// Offset at which the first of them begins, and the new one.
    pub(crate) base: i64,
    /// Offset after the last of them.
    pub(crate) end: i64,
}

impl Replacement {
    /// The one that a file is ready for, by its name.
    pub(super) fn of_swap(path: &Path) -> Option<Self> {
        let is_swap = path.extension().is_some_and(|extension| extension == SWAP);
        let (base, end) = path.file_stem().filter(|_| is_swap)?.to_str()?.split_once('-')?;
        Some(Self { base: base.parse().ok()?, end: end.parse().ok()? })
    }

    /// Where it lies, whole, until the old ones are gone.
    pub(crate) fn swap_path(self, dir: &Path) -> PathBuf {
        dir.join(format!("{:020}-{:020}.{SWAP}", self.base, self.end))
    }

    /// Says that the new segment is whole and on the disk; from here on a restart goes on with it.
    pub(crate) fn get_ready(self, disk: &dyn Disk, dir: &Path) -> Result<(), LogError> {
        let path = cleaned_path(dir, self.base);
        disk.rename(&path, &self.swap_path(dir)).map_err(LogError::io("rename", &path))?;
        document::sync_dir(disk, dir)
    }

    /// Removes what is replaced, but for the file whose name the new one will have: all that lies at `bases`.
    pub(crate) fn remove_replaced(self, disk: &dyn Disk, dir: &Path, bases: &[i64]) -> Result<(), LogError> {
        remove_index(disk, dir, self.base)?;
        bases.iter().filter(|base| **base != self.base).try_for_each(|base| remove(disk, dir, *base))?;
        // Were one of them there after a power cut, and the new one had its name, what compaction took would be back.
        document::sync_dir(disk, dir)
    }

    /// Gives the new segment its name. The caller syncs the folder.
    pub(crate) fn rename(self, disk: &dyn Disk, dir: &Path) -> Result<(), LogError> {
        let path = self.swap_path(dir);
        disk.rename(&path, &log_path(dir, self.base)).map_err(LogError::io("rename", &path))
    }
}

/// Where a segment is written that will begin at `base` in the place of others.
pub(crate) fn cleaned_path(dir: &Path, base: i64) -> PathBuf {
    file_path(dir, base, CLEANED)
}

/// Removes a segment at `base` that was not finished, or is not wanted any more.
pub(crate) fn discard(disk: &dyn Disk, dir: &Path, base: i64) -> Result<(), LogError> {
    remove_if_there(disk, &cleaned_path(dir, base))
}

/// Goes on where a process was killed: what was ready takes its place, what was not goes.
pub(crate) fn settle(disk: &dyn Disk, dir: &Path) -> Result<(), LogError> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(LogError::io("list", dir)(error)),
    };
    let (mut bases, mut swaps, mut changed) = (Vec::new(), Vec::new(), false);
    for entry in entries {
        let path = entry.map_err(LogError::io("list", dir))?.path();
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        match extension {
            LOG => bases.extend(path.file_stem().and_then(|stem| stem.to_str()?.parse::<i64>().ok())),
            SWAP => swaps.extend(Replacement::of_swap(&path)),
            CLEANED | DELETED => {
                remove_if_there(disk, &path)?;
                changed = true;
            }
            _ => {}
        }
    }
    for swap in &swaps {
        tracing::info!(dir = %dir.display(), base = swap.base, end = swap.end, "a compacted segment takes its place");
        let replaced: Vec<i64> = bases.iter().copied().filter(|base| (swap.base..swap.end).contains(base)).collect();
        swap.remove_replaced(disk, dir, &replaced)?;
        swap.rename(disk, dir)?;
    }
    if changed || !swaps.is_empty() { document::sync_dir(disk, dir) } else { Ok(()) }
}
