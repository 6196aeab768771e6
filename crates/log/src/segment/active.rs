//! The segment that is appended to.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::index::IndexFiles;
use super::{AbortedList, ClosedSegment, FilterTurn, Found, Index, log_path};
use crate::record_batch::Sealed;
use crate::{Disk, LogError};

/// A place in a segment that can be gone back to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    bytes: u64,
    max_time_ms: i64,
}

/// The start of a segment.
impl Default for Mark {
    fn default() -> Self {
        Self { bytes: 0, max_time_ms: i64::MIN }
    }
}

impl Mark {
    /// Bytes between `earlier` and this place.
    pub(crate) fn bytes_since(self, earlier: Self) -> u64 {
        self.bytes - earlier.bytes
    }
}

/// An active segment.
#[derive(Debug)]
pub(crate) struct ActiveSegment {
    dir: PathBuf,
    base: i64,
    file: Arc<File>,
    bytes: u64,
    /// What was written behind `bytes` could not be cut: nothing may follow it.
    is_torn: bool,
    index: Index,
    /// Missing until there is a first entry: most topics stay smaller than that.
    index_files: Option<IndexFiles>,
    filter_turn: FilterTurn,
    /// Aborted transactions whose markers are here.
    pub(crate) aborted: AbortedList,
}

impl ActiveSegment {
    /// Begins a segment whose first record will have the offset `base`.
    pub(crate) fn create(disk: &dyn Disk, dir: &Path, base: i64) -> Result<Self, LogError> {
        let path = log_path(dir, base);
        // A file of that name can only be one that was begun, and never committed to, before a crash.
        let file = disk.create(&path).map_err(LogError::io("create", &path))?;
        Ok(Self {
            dir: dir.to_owned(),
            base,
            file: Arc::new(file),
            bytes: 0,
            is_torn: false,
            index: Index::default(),
            index_files: None,
            filter_turn: FilterTurn::default(),
            aborted: AbortedList::default(),
        })
    }

    /// Goes on with the segment at `base` after its first `bytes`, which `index` describes; what follows is cut.
    pub(crate) fn resume(disk: &dyn Disk, dir: &Path, base: i64, bytes: u64, index: Index) -> Result<Self, LogError> {
        let path = log_path(dir, base);
        let file = OpenOptions::new().read(true).write(true).open(&path).map_err(LogError::io("open", &path))?;
        let length = file.metadata().map_err(LogError::io("look at", &path))?.len();
        if length != bytes {
            disk.truncate(&file, bytes).map_err(LogError::io("cut", &path))?;
        }
        let (file, filter_turn, aborted) = (Arc::new(file), FilterTurn::default(), AbortedList::default());
        let (dir_name, is_torn, index_files) = (dir.to_owned(), false, None);
        let mut segment = Self { dir: dir_name, base, file, bytes, is_torn, index, index_files, filter_turn, aborted };
        // An index that lies there has entries to be cut, at least those that nobody trusts.
        if segment.index.len() > 0 || super::file_path(dir, base, super::TIME_INDEX).exists() {
            segment.index_files = Some(IndexFiles::open(disk, dir, base, 0)?);
            segment.write_index(disk);
        }
        Ok(segment)
    }

    /// Writes frames to the end. After an error the segment is as it was, if the disk allows.
    pub(crate) fn append(&mut self, disk: &dyn Disk, parts: [&[u8]; 2], frames: &[Sealed]) -> io::Result<()> {
        self.cut_torn(disk)?;
        if let Err(error) = disk.write_parts_at(&self.file, parts, self.bytes) {
            self.is_torn = true;
            // What was written of it must not be taken for records later. If cutting fails too, the next append tries
            // that first, or a restart cuts it, since it was never committed.
            let _ = self.cut_torn(disk);
            return Err(error);
        }
        let entries = self.index.len();
        for frame in frames {
            self.index.note(frame.base - self.base, self.bytes + frame.at as u64, frame.max_time_ms);
        }
        self.bytes += (parts[0].len() + parts[1].len()) as u64;
        if self.index.len() > entries {
            self.write_index(disk);
        }
        Ok(())
    }

    /// Cuts what is left of an append that failed. What cannot be cut must not be written over in part, nor lie at the end of
    /// a closed segment: a start would find a torn record there, and take all behind it for lost.
    pub(crate) fn cut_torn(&mut self, disk: &dyn Disk) -> io::Result<()> {
        if self.is_torn {
            disk.truncate(&self.file, self.bytes)?;
            self.is_torn = false;
        }
        Ok(())
    }

    /// Writes what is new in the index. It is a shortcut only: when that fails a restart builds it anew.
    fn write_index(&mut self, disk: &dyn Disk) {
        let files = match self.index_files.take() {
            Some(files) => Ok(files),
            None => IndexFiles::open(disk, &self.dir, self.base, 0),
        };
        let written = files.and_then(|mut files| {
            files.write(disk, &self.index, None).map_err(LogError::io("write the index of", &self.path()))?;
            Ok(files)
        });
        match written {
            Ok(files) => self.index_files = Some(files),
            Err(error) => tracing::warn!(%error, "index not written"),
        }
    }

    /// The present end.
    pub(crate) fn mark(&self) -> Mark {
        Mark { bytes: self.bytes, max_time_ms: self.index.max_time_ms() }
    }

    /// Cuts what was appended since `mark`.
    pub(crate) fn rewind(&mut self, disk: &dyn Disk, mark: Mark) -> io::Result<()> {
        if mark.bytes == self.bytes {
            return Ok(());
        }
        disk.truncate(&self.file, mark.bytes)?;
        self.bytes = mark.bytes;
        self.is_torn = false;
        self.index.truncate(mark.bytes, mark.max_time_ms);
        if let Some(files) = &mut self.index_files
            && files.truncate(disk, self.index.len()).is_err()
        {
            self.index_files = None;
        }
        Ok(())
    }

    /// Ends the segment, which is not torn, at the offset `end`.
    pub(crate) fn close(mut self, disk: &dyn Disk, end: i64) -> ClosedSegment {
        let found = Found { base: self.base, bytes: self.bytes, swap_end: None };
        let mut closed = ClosedSegment::new(&self.dir, found, Some(end)).with_index(std::mem::take(&mut self.index));
        (closed.aborted, closed.filter_turn) = (self.aborted, self.filter_turn);
        if let Err(error) = closed.save_index(disk) {
            tracing::warn!(%error, "index not written");
        }
        closed
    }

    /// Offset of the first record.
    pub(crate) fn base(&self) -> i64 {
        self.base
    }

    /// Bytes of the log file.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The log file, for reading too.
    pub(crate) fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// Path of the log file.
    pub(crate) fn path(&self) -> PathBuf {
        log_path(&self.dir, self.base)
    }

    /// For whoever makes the filter of what is there so far.
    pub(crate) fn filter_turn(&self) -> &FilterTurn {
        &self.filter_turn
    }

    /// Its index so far.
    pub(crate) fn index(&self) -> &Index {
        &self.index
    }
}
