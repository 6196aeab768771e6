//! A segment that is not appended to any more.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::index::IndexFiles;
use super::{AbortedList, Found, Index, ScanStop, Scanner, log_path};
use crate::{Disk, LogError};

/// A closed segment. Its file is opened when it is read, its index is loaded when it is first asked for.
#[derive(Debug)]
pub(crate) struct ClosedSegment {
    dir: PathBuf,
    base: i64,
    /// Offset after its last record, where that is known.
    end: Option<i64>,
    bytes: u64,
    index: OnceLock<Index>,
    /// Aborted transactions whose markers are here.
    pub(crate) aborted: AbortedList,
}

impl ClosedSegment {
    /// The segment that was found in `dir`; `end` is the base of the next one, or `None` for one still being written to
    /// by another process.
    pub(crate) fn new(dir: &Path, found: Found, end: Option<i64>) -> Self {
        let aborted = AbortedList::default();
        Self { dir: dir.to_owned(), base: found.base, end, bytes: found.bytes, index: OnceLock::new(), aborted }
    }

    /// The same with an index at hand.
    pub(crate) fn with_index(self, index: Index) -> Self {
        let Self { dir, base, end, bytes, aborted, .. } = self;
        Self { dir, base, end, bytes, index: OnceLock::from(index), aborted }
    }

    /// Offset of the first record.
    pub(crate) fn base(&self) -> i64 {
        self.base
    }

    /// Offset after the last record, where that is known.
    pub(crate) fn end(&self) -> Option<i64> {
        self.end
    }

    /// Bytes of the log file.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Path of the log file.
    pub(crate) fn path(&self) -> PathBuf {
        log_path(&self.dir, self.base)
    }

    /// Opens the log file for reading.
    pub(crate) fn open(&self) -> Result<File, LogError> {
        let path = self.path();
        File::open(&path).map_err(LogError::io("open", &path))
    }

    /// Its index: loaded, or built anew from the log when what lies beside it makes no sense.
    pub(crate) fn index(&self) -> Result<&Index, LogError> {
        if let Some(index) = self.index.get() {
            return Ok(index);
        }
        let end = self.end.map(|end| end - self.base);
        let index = match Index::load(&self.dir, self.base, self.bytes, end) {
            Some(index) => index,
            None => self.rebuild()?,
        };
        Ok(self.index.get_or_init(|| index))
    }

    /// Writes the index at hand beside the log.
    pub(crate) fn save_index(&self, disk: &dyn Disk) -> Result<(), LogError> {
        let index = self.index()?;
        let mut files = IndexFiles::open(disk, &self.dir, self.base, 0)?;
        let end = self.end.map(|end| end - self.base);
        files.write(disk, index, end).map_err(LogError::io("write the index of", &self.path()))
    }

    /// Builds the index from the log, up to the first damage if there is any: what lies before that stays readable.
    fn rebuild(&self) -> Result<Index, LogError> {
        let path = self.path();
        let file = self.open()?;
        let mut index = Index::default();
        let mut scanner = Scanner::new(&file, &path, 0, self.bytes);
        loop {
            match scanner.next_frame() {
                Ok(Some((position, frame))) => {
                    index.note(frame.header.base - self.base, position, frame.header.newest_ms());
                }
                Ok(None) | Err(ScanStop::Damage(_)) => return Ok(index),
                Err(ScanStop::Io(error)) => return Err(error),
            }
        }
    }
}
