//! A segment that is not appended to any more.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::index::IndexFiles;
use super::{AbortedList, FilterTurn, Found, Index, Replacement, ScanStop, Scanner, log_path};
use crate::record_batch::{HEADER_BYTES, claimed_max_time_ms};
use crate::{Disk, LogError};

/// A closed segment. Its file is opened when it is read, its index is loaded when it is first asked for.
#[derive(Debug)]
pub(crate) struct ClosedSegment {
    dir: PathBuf,
    base: i64,
    /// Offset after its last record, where that is known.
    end: Option<i64>,
    bytes: u64,
    /// Its records do not have their name yet.
    is_swap: bool,
    index: OnceLock<Index>,
    pub(super) filter_turn: FilterTurn,
    /// Aborted transactions whose markers are here.
    pub(crate) aborted: AbortedList,
}

impl ClosedSegment {
    /// The segment that was found in `dir`; `end` is the base of the next one, or `None` for one still being written to
    /// by another process.
    pub(crate) fn new(dir: &Path, found: Found, end: Option<i64>) -> Self {
        let Found { base, bytes, swap_end } = found;
        let (is_swap, end, aborted) = (swap_end.is_some(), swap_end.or(end), AbortedList::default());
        let (index, filter_turn) = (OnceLock::new(), FilterTurn::default());
        Self { dir: dir.to_owned(), base, end, bytes, is_swap, index, filter_turn, aborted }
    }

    /// The same with an index at hand.
    pub(crate) fn with_index(self, index: Index) -> Self {
        Self { index: OnceLock::from(index), ..self }
    }

    /// For whoever makes its filter; not before its records have their name, since what may lie there is that of others.
    pub(crate) fn filter_turn(&self) -> Option<&FilterTurn> {
        (!self.is_swap).then_some(&self.filter_turn)
    }

    /// Says that its records have their name now.
    pub(crate) fn set_renamed(&mut self) {
        self.is_swap = false;
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
        match self.end.filter(|_| self.is_swap) {
            Some(end) => Replacement { base: self.base, end }.swap_path(&self.dir),
            None => log_path(&self.dir, self.base),
        }
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

/// Greatest timestamp of the first frame in the log file at `path`, `i64::MAX` when there is none.
pub(crate) fn first_time_ms(path: &Path) -> Result<i64, LogError> {
    let file = File::open(path).map_err(LogError::io("open", path))?;
    let mut front = [0; HEADER_BYTES];
    match file.read_exact_at(&mut front, 0) {
        Ok(()) => Ok(claimed_max_time_ms(&front)),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(i64::MAX),
        Err(error) => Err(LogError::io("read", path)(error)),
    }
}
