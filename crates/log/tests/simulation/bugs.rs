//! Bugs planted between the log and its disk: what the log asks for is not done, as if it had not asked.
//!
//! Each stands for a line that somebody could forget. A harness that does not find them would not find the line missing.

use std::path::Path;

use crate::trace::Change;

/// One bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bug {
    /// Records are acknowledged before they are on the disk.
    AckBeforeSync,
    /// A new segment's name is not brought to the disk.
    SegmentWithoutFolder,
    /// A commit is acknowledged before its record is on the disk.
    CommitWithoutSync,
    /// A document takes the place of an older one before it is on the disk.
    RenameBeforeSync,
    /// The new name of a document is not brought to the disk.
    RenameWithoutFolder,
    /// What the server of clients remembers is acknowledged before it is on the disk.
    JournalWithoutSync,
    /// A new journal's name is not brought to the disk.
    JournalWithoutFolder,
    /// A new topic's folder is not brought to the disk.
    TopicWithoutFolder,
    /// What is torn stays behind the end of the file.
    TornTailStays,
    /// The log takes what a machine had in memory for what is on its disk.
    RebootUnnoticed,
}

/// All of them.
pub(crate) const ALL: [Bug; 10] = [
    Bug::AckBeforeSync,
    Bug::SegmentWithoutFolder,
    Bug::CommitWithoutSync,
    Bug::RenameBeforeSync,
    Bug::RenameWithoutFolder,
    Bug::JournalWithoutSync,
    Bug::JournalWithoutFolder,
    Bug::TopicWithoutFolder,
    Bug::TornTailStays,
    Bug::RebootUnnoticed,
];

impl Bug {
    /// Whether this change of the file or folder `path` is left out.
    pub(crate) fn swallows(self, change: &Change, path: &Path) -> bool {
        let is_in = |dir: &str| path.starts_with(dir);
        let ends = |end: &str| path.to_string_lossy().ends_with(end);
        match (self, change) {
            (Self::AckBeforeSync, Change::Sync { .. }) => is_in("topics") && ends(".log"),
            (Self::SegmentWithoutFolder, Change::SyncDir { .. }) => path.parent() == Some(Path::new("topics")),
            (Self::CommitWithoutSync, Change::Sync { .. }) => ends("commits.log"),
            (Self::RenameBeforeSync, Change::Sync { .. }) => ends(".tmp"),
            (Self::RenameWithoutFolder, Change::SyncDir { .. }) => path == Path::new(""),
            (Self::JournalWithoutSync, Change::Sync { .. }) => is_in("coordinator"),
            (Self::JournalWithoutFolder, Change::SyncDir { .. }) => is_in("coordinator"),
            (Self::TopicWithoutFolder, Change::SyncDir { .. }) => path == Path::new("topics"),
            (Self::TornTailStays, Change::Cut { .. }) => true,
            _ => false,
        }
    }
}
