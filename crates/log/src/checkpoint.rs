//! What is known to be on the disk: `checkpoint`, replaced at every flush; and `clean-shutdown`, there after a clean stop.
//!
//! A recovery point says: all of the partition before it was synced, so a restart need not check it. It is never a promise
//! about what is committed; that is the commit log's.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::commits::CommitPosition;
use crate::{Disk, LogError, document};

const FILE: &str = "checkpoint";
const CLEAN_FILE: &str = "clean-shutdown";
const META_FILE: &str = "meta.properties";
/// Version of the folder's layout and of every format in it.
const FORMAT_VERSION: u32 = 1;

/// One partition's share of a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PartitionPoint {
    /// First offset that is still there.
    pub(crate) start: i64,
    /// All before this offset was synced.
    pub(crate) recovery: i64,
    /// Compaction may have taken records before this offset.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) sparse: i64,
    /// Compaction has gone over all before this offset.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) clean: i64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes what it asks about by reference")]
fn is_zero(offset: &i64) -> bool {
    *offset == 0
}

/// What was known to be on the disk at some moment.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Checkpoint {
    /// What names the log for ever.
    #[serde(default)]
    pub(crate) log_id: String,
    /// The start of the machine during which it was written.
    pub(crate) boot_id: String,
    /// Which commit log `commits_bytes` is of.
    pub(crate) commits_generation: u64,
    /// All commits before this place are on the disk, with all that they name.
    pub(crate) commits_bytes: u64,
    /// The epoch in which clients append: one more after every unclean stop.
    #[serde(default)]
    pub(crate) leader_epoch: i32,
    /// By `<topic>-<partition>`.
    pub(crate) partitions: BTreeMap<String, PartitionPoint>,
}

impl Checkpoint {
    /// Durable bytes of a commit log of this generation, if the checkpoint is about it.
    pub(crate) fn durable_bytes(&self, generation: u64) -> Option<u64> {
        (self.commits_generation == generation).then_some(self.commits_bytes)
    }

    /// Takes over the place in the commit log.
    pub(crate) fn set_commits(&mut self, position: CommitPosition) {
        self.commits_generation = position.generation;
        self.commits_bytes = position.bytes;
    }
}

/// The checkpoint in `dir`; `None` in a new folder.
pub(crate) fn read(dir: &Path) -> Result<Option<Checkpoint>, LogError> {
    document::read(&dir.join(FILE))
}

/// Replaces the checkpoint in `dir`.
pub(crate) fn write(disk: &dyn Disk, dir: &Path, checkpoint: &Checkpoint) -> Result<(), LogError> {
    document::write(disk, &dir.join(FILE), checkpoint)
}

/// Leaves the mark of a clean stop.
pub(crate) fn write_clean_mark(disk: &dyn Disk, dir: &Path) -> Result<(), LogError> {
    document::replace(disk, &dir.join(CLEAN_FILE), b"")
}

/// Whether the last process to use `dir` stopped cleanly.
pub(crate) fn has_clean_mark(dir: &Path) -> bool {
    dir.join(CLEAN_FILE).exists()
}

/// Takes the mark of a clean stop away; it is gone from the disk when this returns.
pub(crate) fn remove_clean_mark(disk: &dyn Disk, dir: &Path) -> Result<(), LogError> {
    document::remove(disk, &dir.join(CLEAN_FILE))
}

/// Refuses a folder of a later version; says whether the folder has been used at all.
pub(crate) fn check_format(dir: &Path) -> Result<bool, LogError> {
    let path = dir.join(META_FILE);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(LogError::io("read", &path)(error)),
    };
    let version = text.lines().find_map(|line| line.trim().strip_prefix("format.version="));
    let version = version.and_then(|version| version.trim().parse::<u32>().ok());
    match version {
        Some(found) if found > FORMAT_VERSION => Err(LogError::NewerFormat { path, found, known: FORMAT_VERSION }),
        Some(_) => Ok(true),
        None => Err(LogError::corrupt(&path, 0, "it names no `format.version`")),
    }
}

/// Marks the folder as one of this version.
pub(crate) fn write_format(disk: &dyn Disk, dir: &Path) -> Result<(), LogError> {
    let text = format!("format.version={FORMAT_VERSION}\n");
    document::replace(disk, &dir.join(META_FILE), text.as_bytes())
}
