//! The journals of a log that nobody runs: read without a lock, and changed under the folder's.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use crate::lock::FolderLock;
use crate::{FlushMode, Journal, LocalDisk, LogError, checkpoint, journal};

/// A journal of a log that does not run. Nobody else starts the log while this is there.
pub struct StoppedJournal {
    /// The journal.
    pub journal: Journal,
    _lock: FolderLock,
}

impl StoppedJournal {
    /// Opens the journal `name` of the log in `dir`; answers its records, in order. There need not be a log yet.
    ///
    /// # Errors
    /// When somebody uses the folder, it is of a later version, or the disk does not answer.
    pub fn open(dir: &Path, name: &str) -> Result<(Self, Vec<Bytes>), LogError> {
        fs::create_dir_all(dir).map_err(LogError::io("create", dir))?;
        let lock = FolderLock::take(dir)?;
        checkpoint::check_format(dir)?;
        // Whoever changes a log that does not run is a person who waits: what was said is on the disk.
        let (journal, records) = Journal::open(Arc::new(LocalDisk), &journal::folder(dir), name, FlushMode::Commit)?;
        Ok((Self { journal, _lock: lock }, records))
    }
}

/// The records of the journal `name` of the log in `dir` at this moment, whether or not a process appends to it.
///
/// # Errors
/// When the folder is of a later version, or the disk does not answer.
pub fn read_journal(dir: &Path, name: &str) -> Result<Vec<Bytes>, LogError> {
    checkpoint::check_format(dir)?;
    Journal::read(&journal::folder(dir), name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stopped_journal_keeps_others_out_and_goes_on() {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        assert!(read_journal(folder.path(), "groups").expect("nothing is no error").is_empty());
        let (mut stopped, records) = StoppedJournal::open(folder.path(), "groups").expect("nobody has it");
        assert!(records.is_empty());
        assert!(matches!(StoppedJournal::open(folder.path(), "groups"), Err(LogError::Locked { .. })));
        stopped.journal.append(&[Bytes::from("one")]).expect("there is room");
        assert_eq!(read_journal(folder.path(), "groups").expect("it is there"), ["one"]);
        drop(stopped);
        assert_eq!(StoppedJournal::open(folder.path(), "groups").expect("it was left").1, ["one"]);
    }
}
