//! Segments: the files of a partition, each named after the offset of its first record.
//!
//! A partition has closed segments, which never change, and at most one active segment at the end. A segment is begun only
//! when all before it is committed, so that what is not committed always lies at the end of the active one.

mod aborted;
mod active;
mod closed;
mod index;
mod scan;
#[cfg(test)]
mod tests;

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

pub(crate) use aborted::{Aborted, AbortedList};
pub(crate) use active::{ActiveSegment, Mark};
pub(crate) use closed::ClosedSegment;
pub(crate) use index::Index;
pub(crate) use scan::{ScanStop, Scanner};

use crate::{Disk, LogError, document};

/// What the names of a segment's files end in.
const LOG: &str = "log";
const OFFSET_INDEX: &str = "index";
const TIME_INDEX: &str = "timeindex";
const ABORTED_INDEX: &str = "txnindex";

/// A segment found in a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found {
    /// Offset of its first record.
    pub(crate) base: i64,
    /// Bytes of its log.
    pub(crate) bytes: u64,
}

fn file_path(dir: &Path, base: i64, extension: &str) -> PathBuf {
    dir.join(format!("{base:020}.{extension}"))
}

/// Path of the records of the segment at `base`.
pub(crate) fn log_path(dir: &Path, base: i64) -> PathBuf {
    file_path(dir, base, LOG)
}

/// The segments in `dir` by base; none when there is no such folder.
pub(crate) fn list(dir: &Path) -> Result<Vec<Found>, LogError> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(LogError::io("list", dir)(error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(LogError::io("list", dir))?.path();
        if path.extension().is_none_or(|extension| extension != LOG) {
            continue;
        }
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let Ok(base) = stem.parse::<i64>() else { continue };
        match fs::metadata(&path) {
            Ok(metadata) => found.push(Found { base, bytes: metadata.len() }),
            // Retention of a running program took it between the listing and here.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(LogError::io("look at", &path)(error)),
        }
    }
    found.sort_by_key(|segment| segment.base);
    Ok(found)
}

/// Removes the files of the segment at `base`, the records first: an index without records is dropped at the next start.
pub(crate) fn remove(dir: &Path, base: i64) -> Result<(), LogError> {
    for extension in [LOG, OFFSET_INDEX, TIME_INDEX, ABORTED_INDEX] {
        let path = file_path(dir, base, extension);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(LogError::io("remove", &path)(error)),
            _ => {}
        }
    }
    Ok(())
}

/// Makes the folders of partitions, which lie side by side; they are on the disk when this returns.
pub(crate) fn create_dirs(disk: &dyn Disk, dirs: &[PathBuf]) -> Result<(), LogError> {
    for dir in dirs {
        fs::create_dir_all(dir).map_err(LogError::io("create", dir))?;
    }
    dirs.first().and_then(|dir| dir.parent()).map_or(Ok(()), |parent| document::sync_dir(disk, parent))
}
