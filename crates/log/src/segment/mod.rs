//! Segments: the files of a partition, each named after the offset of its first record.
//!
//! A partition has closed segments, which never change, and at most one active segment at the end. A segment is begun only
//! when all before it is committed, so that what is not committed always lies at the end of the active one.
//!
//! Compaction puts a new segment in the place of one or more closed ones: see `swap`.

mod aborted;
mod active;
mod closed;
mod index;
mod scan;
mod swap;
#[cfg(test)]
mod tests;

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

pub(crate) use aborted::{Aborted, AbortedList};
pub(crate) use active::{ActiveSegment, Mark};
pub(crate) use closed::{ClosedSegment, first_time_ms};
pub(crate) use index::Index;
pub(crate) use scan::{ScanStop, Scanner};
use swap::CLEANED;
pub(crate) use swap::{Replacement, cleaned_path, discard, settle};

use crate::{Disk, LogError, document};

/// What the names of a segment's files end in.
const LOG: &str = "log";
const OFFSET_INDEX: &str = "index";
const TIME_INDEX: &str = "timeindex";
const ABORTED_INDEX: &str = "txnindex";
const FILTER: &str = "filter";

/// Held by whoever makes the filter of a segment, which is this segment's as long as it has records.
pub(crate) type FilterTurn = Arc<Mutex<()>>;

/// A segment found in a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found {
    /// Offset of its first record.
    pub(crate) base: i64,
    /// Bytes of its log.
    pub(crate) bytes: u64,
    /// Offset after its last record, where its records still lie in a file that is to be put in the place of others.
    pub(crate) swap_end: Option<i64>,
}

impl Found {
    /// Where in `dir` its records lie.
    pub(crate) fn path(&self, dir: &Path) -> PathBuf {
        match self.swap_end {
            Some(end) => Replacement { base: self.base, end }.swap_path(dir),
            None => log_path(dir, self.base),
        }
    }
}

fn file_path(dir: &Path, base: i64, extension: &str) -> PathBuf {
    dir.join(format!("{base:020}.{extension}"))
}

/// Path of the records of the segment at `base`.
pub(crate) fn log_path(dir: &Path, base: i64) -> PathBuf {
    file_path(dir, base, LOG)
}

/// Path of the filter of the segment at `base`, and where it is written before it has its name. What is left there by a crash
/// goes with other unfinished files at the next start.
pub(crate) fn filter_paths(dir: &Path, base: i64) -> (PathBuf, PathBuf) {
    (file_path(dir, base, FILTER), file_path(dir, base, &format!("{FILTER}.{CLEANED}")))
}

/// The segments in `dir` by base; none when there is no such folder. A whole replacement counts instead of what it replaces.
pub(crate) fn list(dir: &Path) -> Result<Vec<Found>, LogError> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(LogError::io("list", dir)(error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(LogError::io("list", dir))?.path();
        let Some((base, swap_end)) = parse_name(&path) else { continue };
        match fs::metadata(&path) {
            Ok(metadata) => found.push(Found { base, bytes: metadata.len(), swap_end }),
            // Retention of a running program took it between the listing and here.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(LogError::io("look at", &path)(error)),
        }
    }
    let swaps: Vec<Found> = found.iter().copied().filter(|segment| segment.swap_end.is_some()).collect();
    let is_replaced = |segment: &Found| {
        let within = |swap: &Found| (swap.base..swap.swap_end.unwrap_or(swap.base)).contains(&segment.base);
        segment.swap_end.is_none() && swaps.iter().any(within)
    };
    found.retain(|segment| !is_replaced(segment));
    found.sort_by_key(|segment| segment.base);
    Ok(found)
}

/// The base in the name of a log file; with it, where the name says so, the end of what it is to replace.
fn parse_name(path: &Path) -> Option<(i64, Option<i64>)> {
    if let Some(swap) = Replacement::of_swap(path) {
        return Some((swap.base, Some(swap.end)));
    }
    let is_log = path.extension().is_some_and(|extension| extension == LOG);
    let base = path.file_stem().filter(|_| is_log)?.to_str()?.parse().ok()?;
    Some((base, None))
}

/// Removes the files of the segment at `base`, the records first: an index without records is dropped at the next start.
pub(crate) fn remove(disk: &dyn Disk, dir: &Path, base: i64) -> Result<(), LogError> {
    remove_if_there(disk, &log_path(dir, base))?;
    remove_index(disk, dir, base)
}

/// Removes what lies beside the records of the segment at `base`.
fn remove_index(disk: &dyn Disk, dir: &Path, base: i64) -> Result<(), LogError> {
    let extensions = [OFFSET_INDEX, TIME_INDEX, ABORTED_INDEX, FILTER];
    extensions.iter().try_for_each(|extension| remove_if_there(disk, &file_path(dir, base, extension)))
}

pub(crate) fn remove_if_there(disk: &dyn Disk, path: &Path) -> Result<(), LogError> {
    match disk.remove(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(LogError::io("remove", path)(error)),
        _ => Ok(()),
    }
}

/// Makes the folders of partitions, which lie side by side; they are on the disk when this returns.
pub(crate) fn create_dirs(disk: &dyn Disk, dirs: &[PathBuf]) -> Result<(), LogError> {
    for dir in dirs {
        fs::create_dir_all(dir).map_err(LogError::io("create", dir))?;
    }
    dirs.first().and_then(|dir| dir.parent()).map_or(Ok(()), |parent| document::sync_dir(disk, parent))
}
