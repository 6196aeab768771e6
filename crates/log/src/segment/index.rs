//! Where in a segment to begin: a sparse list of frames with their positions and the greatest timestamp before them.
//!
//! ```text
//! .index      8 bytes an entry:  offset - base u32 │ position u32
//! .timeindex 12 bytes an entry:  greatest timestamp of all records before the entry's frame i64 │ offset - base u32
//!            and, once the segment is closed, one more: the greatest timestamp of all │ end - base
//! ```
//!
//! Both are big-endian and go in step. An index is a shortcut and never believed over the log: one that does not make
//! sense is built anew, and whoever begins at an entry compares the frame that he finds there.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;

use super::{OFFSET_INDEX, TIME_INDEX, file_path};
use crate::{Disk, LogError};

/// Bytes of log between two entries: to skip as many takes about ten microseconds, and an index of a gigabyte of log
/// takes a quarter of a megabyte of memory.
pub(crate) const INTERVAL_BYTES: u64 = 64 << 10;
const OFFSET_ENTRY_BYTES: usize = 8;
const TIME_ENTRY_BYTES: usize = 12;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    /// Offset of the frame, from the base of the segment.
    relative: u32,
    /// Where the frame begins.
    position: u32,
    /// Greatest timestamp of all records before it.
    max_before_ms: i64,
}

/// The index of one segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Index {
    entries: Vec<Entry>,
    /// Greatest timestamp of all records so far.
    max_time_ms: i64,
}

impl Default for Index {
    fn default() -> Self {
        Self { entries: Vec::new(), max_time_ms: i64::MIN }
    }
}

impl Index {
    /// Takes note of the frame at `position`, whose first offset is `relative` to the base.
    pub(crate) fn note(&mut self, relative: i64, position: u64, max_time_ms: i64) {
        let last = self.entries.last().map_or(0, |entry| u64::from(entry.position));
        if position - last >= INTERVAL_BYTES {
            let fits = "a segment is bounded below 4 GiB";
            let relative = u32::try_from(relative).expect(fits);
            let position = u32::try_from(position).expect(fits);
            self.entries.push(Entry { relative, position, max_before_ms: self.max_time_ms });
        }
        self.max_time_ms = self.max_time_ms.max(max_time_ms);
    }

    /// Forgets the frames from `bytes` on; before them the greatest timestamp was `max_time_ms`.
    pub(crate) fn truncate(&mut self, bytes: u64, max_time_ms: i64) {
        let kept = self.entries.partition_point(|entry| u64::from(entry.position) < bytes);
        self.entries.truncate(kept);
        self.max_time_ms = max_time_ms;
    }

    /// Keeps only what comes at or before the offset `relative` to the base, and answers where to go on from: offset
    /// relative to the base, and position.
    pub(crate) fn rewind_to(&mut self, relative: i64) -> (i64, u64) {
        let kept = self.entries.partition_point(|entry| i64::from(entry.relative) <= relative);
        self.entries.truncate(kept);
        let last = self.entries.last();
        self.max_time_ms = last.map_or(i64::MIN, |entry| entry.max_before_ms);
        last.map_or((0, 0), |entry| (i64::from(entry.relative), u64::from(entry.position)))
    }

    /// Last known frame that begins at or before the offset `relative`: its offset, relative too, and its position.
    pub(crate) fn before_offset(&self, relative: i64) -> (i64, u64) {
        let after = self.entries.partition_point(|entry| i64::from(entry.relative) <= relative);
        self.entry_before(after)
    }

    /// Last known frame that begins at or before both the position `bytes` and the offset `relative`: its offset, relative
    /// too, and its position.
    pub(crate) fn before_both(&self, bytes: u64, relative: i64) -> (i64, u64) {
        let is_before = |entry: &Entry| u64::from(entry.position) <= bytes && i64::from(entry.relative) <= relative;
        self.entry_before(self.entries.partition_point(is_before))
    }

    /// Last known frame before which no record has a timestamp of `time_ms` or later.
    pub(crate) fn before_time(&self, time_ms: i64) -> (i64, u64) {
        let after = self.entries.partition_point(|entry| entry.max_before_ms < time_ms);
        self.entry_before(after)
    }

    /// All known frames: offsets, relative too, and positions.
    pub(crate) fn places(&self) -> impl Iterator<Item = (i64, u64)> + '_ {
        self.entries.iter().map(|entry| (i64::from(entry.relative), u64::from(entry.position)))
    }

    fn entry_before(&self, after: usize) -> (i64, u64) {
        let entry = after.checked_sub(1).map(|at| self.entries[at]);
        entry.map_or((0, 0), |entry| (i64::from(entry.relative), u64::from(entry.position)))
    }

    /// Greatest timestamp of all records, `i64::MIN` when there is none.
    pub(crate) fn max_time_ms(&self) -> i64 {
        self.max_time_ms
    }

    /// Number of entries.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The index that lies beside the log of `log_bytes`, if it makes sense. With `end`, relative to the base, it must be
    /// that of a closed segment; without it, the greatest timestamp is only that before the last entry.
    pub(crate) fn load(dir: &Path, base: i64, log_bytes: u64, end: Option<i64>) -> Option<Self> {
        let entries_max = usize::try_from(log_bytes / INTERVAL_BYTES).ok()?;
        let offsets = read_bounded(&file_path(dir, base, OFFSET_INDEX), entries_max * OFFSET_ENTRY_BYTES)?;
        let times = read_bounded(&file_path(dir, base, TIME_INDEX), (entries_max + 1) * TIME_ENTRY_BYTES)?;
        let times: Vec<(i64, u32)> = times.chunks_exact(TIME_ENTRY_BYTES).map(time_entry).collect();
        let offsets = offsets.chunks_exact(OFFSET_ENTRY_BYTES).map(offset_entry);
        let paired = offsets.zip(&times).map(|((relative, position), (max_before_ms, same))| {
            (relative == *same).then_some(Entry { relative, position, max_before_ms: *max_before_ms })
        });
        let entries = paired.collect::<Option<Vec<_>>>()?;
        let last = entries.last();
        let max_time_ms = match end {
            None => last.map_or(i64::MIN, |entry| entry.max_before_ms),
            Some(end) => {
                let closing = times.get(entries.len()).filter(|(_, relative)| i64::from(*relative) == end);
                closing?.0
            }
        };
        let in_order = entries.windows(2).all(|pair| {
            let [a, b] = pair else { return false };
            a.relative < b.relative && a.position < b.position && a.max_before_ms <= b.max_before_ms
        });
        let within =
            last.is_none_or(|entry| u64::from(entry.position) < log_bytes && entry.max_before_ms <= max_time_ms);
        (in_order && within).then_some(Self { entries, max_time_ms })
    }
}

fn offset_entry(bytes: &[u8]) -> (u32, u32) {
    let number = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().expect("a chunk has eight bytes"));
    (number(0), number(4))
}

fn time_entry(bytes: &[u8]) -> (i64, u32) {
    let (time, relative) = bytes.split_at(8);
    let time = i64::from_be_bytes(time.try_into().expect("a chunk has twelve bytes"));
    (time, u32::from_be_bytes(relative.try_into().expect("a chunk has twelve bytes")))
}

/// The file's bytes; those of an empty file when it is missing; nothing when it is larger than it can rightly be.
fn read_bounded(path: &Path, bytes_max: usize) -> Option<Vec<u8>> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.len() <= bytes_max as u64 => fs::read(path).ok(),
        Ok(_) => None,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Some(Vec::new()),
        Err(_) => None,
    }
}

/// The two files of an index, written as the segment grows.
#[derive(Debug)]
pub(super) struct IndexFiles {
    offsets: File,
    times: File,
    written: usize,
}

impl IndexFiles {
    /// Opens the files, or makes them, and cuts them to the `kept` first entries.
    pub(super) fn open(disk: &dyn Disk, dir: &Path, base: i64, kept: usize) -> Result<Self, LogError> {
        let open = |extension: &str, bytes: usize| {
            let path = file_path(dir, base, extension);
            let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
            let file = file.map_err(LogError::io("open", &path))?;
            disk.truncate(&file, bytes as u64).map_err(LogError::io("cut", &path))?;
            Ok(file)
        };
        let offsets = open(OFFSET_INDEX, kept * OFFSET_ENTRY_BYTES)?;
        Ok(Self { offsets, times: open(TIME_INDEX, kept * TIME_ENTRY_BYTES)?, written: kept })
    }

    /// Writes the entries that are not there yet; with `end`, relative to the base, also the one that closes the segment.
    pub(super) fn write(&mut self, disk: &dyn Disk, index: &Index, end: Option<i64>) -> io::Result<()> {
        let new = &index.entries[self.written.min(index.entries.len())..];
        let mut offsets = Vec::with_capacity(new.len() * OFFSET_ENTRY_BYTES);
        let mut times = Vec::with_capacity((new.len() + 1) * TIME_ENTRY_BYTES);
        for entry in new {
            offsets.extend_from_slice(&entry.relative.to_be_bytes());
            offsets.extend_from_slice(&entry.position.to_be_bytes());
            times.extend_from_slice(&entry.max_before_ms.to_be_bytes());
            times.extend_from_slice(&entry.relative.to_be_bytes());
        }
        if let Some(end) = end {
            let end = u32::try_from(end).expect("a segment is bounded below 4 GiB");
            times.extend_from_slice(&index.max_time_ms.to_be_bytes());
            times.extend_from_slice(&end.to_be_bytes());
        }
        disk.write_at(&self.offsets, &offsets, (self.written * OFFSET_ENTRY_BYTES) as u64)?;
        disk.write_at(&self.times, &times, (self.written * TIME_ENTRY_BYTES) as u64)?;
        self.written = index.entries.len();
        Ok(())
    }

    /// Cuts the files to the `kept` first entries.
    pub(super) fn truncate(&mut self, disk: &dyn Disk, kept: usize) -> io::Result<()> {
        self.written = self.written.min(kept);
        disk.truncate(&self.offsets, (self.written * OFFSET_ENTRY_BYTES) as u64)?;
        disk.truncate(&self.times, (self.written * TIME_ENTRY_BYTES) as u64)
    }
}
