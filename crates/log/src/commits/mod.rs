//! The commit log: what makes an append visible, and what a restart believes.
//!
//! ```text
//! header  "MILLCMTS" │ version u32 │ generation u64 │ durable bytes u64 │ CRC-32C u32 of what comes before
//! record  length u32 │ CRC-32C u32 of the payload │ payload
//! payload flags u8 (1 sealed, 2 durable) │ epoch u64 │ writer u16+bytes │ cookie u32+bytes
//!         │ topics u16 × ( name u16+bytes │ partitions u32 × end i64 )
//! ```
//!
//! Numbers are big-endian. When the file has grown large it is replaced by one of the next generation that begins with the
//! last durable commit of every writer: "durable bytes" says how far that goes. A record has the flag *durable* when all
//! that it names was on the disk before it was written.

mod record;
mod replay;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(crate) use record::{COOKIE_BYTES_MAX, CommitRecord};
pub(crate) use replay::{Header, Replay, replay};

use crate::{Disk, LogError, document};

/// The file's name.
pub(crate) const FILE: &str = "commits.log";
/// A file larger than this is replaced by one with the last commit of each writer.
const COMPACT_BYTES: u64 = 16 << 20;

/// Place in the commit log after some record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct CommitPosition {
    /// Which file it is.
    pub(crate) generation: u64,
    /// Bytes of that file.
    pub(crate) bytes: u64,
    /// Records appended by this process: orders positions over generations.
    pub(crate) sequence: u64,
}

/// The commit log of a running process.
pub(crate) struct CommitLog {
    path: PathBuf,
    disk: Arc<dyn Disk>,
    tail: Mutex<Tail>,
    /// Sequence up to which the file is on the disk. Held while syncing, so that those who wait share one sync.
    synced: Mutex<u64>,
}

struct Tail {
    file: Arc<File>,
    position: CommitPosition,
    /// Used again for every record.
    buffer: Vec<u8>,
}

impl CommitLog {
    /// Makes an empty one, on the disk when this returns.
    pub(crate) fn create(disk: &dyn Disk, dir: &Path) -> Result<(), LogError> {
        document::replace(disk, &dir.join(FILE), &Header::new(1, replay::HEADER_BYTES as u64).to_bytes())
    }

    /// Goes on after the first `bytes` of the file, which a replay has found to be good; what follows is cut.
    pub(crate) fn resume(disk: Arc<dyn Disk>, dir: &Path, generation: u64, bytes: u64) -> Result<Self, LogError> {
        let path = dir.join(FILE);
        let file = OpenOptions::new().read(true).write(true).open(&path).map_err(LogError::io("open", &path))?;
        let length = file.metadata().map_err(LogError::io("look at", &path))?.len();
        if length != bytes {
            disk.truncate(&file, bytes).map_err(LogError::io("cut", &path))?;
            disk.sync(&file).map_err(LogError::io("sync", &path))?;
        }
        let position = CommitPosition { generation, bytes, sequence: 0 };
        let tail = Mutex::new(Tail { file: Arc::new(file), position, buffer: Vec::new() });
        Ok(Self { path, disk, tail, synced: Mutex::new(0) })
    }

    fn tail(&self) -> MutexGuard<'_, Tail> {
        self.tail.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The present end.
    pub(crate) fn position(&self) -> CommitPosition {
        self.tail().position
    }

    /// Appends a record; answers the place after it. After an error the file is as it was.
    pub(crate) fn append(&self, record: &CommitRecord) -> Result<CommitPosition, LogError> {
        let mut tail = self.tail();
        let Tail { file, position, buffer } = &mut *tail;
        buffer.clear();
        record.write_framed(buffer);
        if let Err(error) = self.disk.write_at(file, buffer, position.bytes) {
            // A record cut off must not lie before the next one. If cutting fails too, the next one overwrites it.
            let _ = self.disk.truncate(file, position.bytes);
            return Err(LogError::io("write", &self.path)(error));
        }
        position.bytes += buffer.len() as u64;
        position.sequence += 1;
        Ok(*position)
    }

    /// Returns when all records up to `position` are on the disk.
    pub(crate) fn sync_to(&self, position: CommitPosition) -> Result<(), LogError> {
        let mut synced = self.synced.lock().unwrap_or_else(PoisonError::into_inner);
        if *synced >= position.sequence {
            return Ok(());
        }
        let (file, sequence) = {
            let tail = self.tail();
            (tail.file.clone(), tail.position.sequence)
        };
        self.disk.sync(&file).map_err(LogError::io("sync", &self.path))?;
        *synced = sequence;
        Ok(())
    }

    /// Whether the file should be replaced.
    pub(crate) fn wants_compaction(&self) -> bool {
        self.position().bytes > COMPACT_BYTES
    }

    /// Replaces the file: of the commits up to `durable`, which must be on the disk with all that they name, only the last
    /// of each writer stays; those after it stay all.
    pub(crate) fn compact(&self, durable: CommitPosition) -> Result<(), LogError> {
        let mut synced = self.synced.lock().unwrap_or_else(PoisonError::into_inner);
        let mut tail = self.tail();
        assert_eq!(
            durable.generation, tail.position.generation,
            "one thread compacts, and nobody else replaces the file"
        );
        let bytes = self.compacted(&tail, durable)?;
        // Not opened anew: what is appended to the old one, were that to fail, would have no name.
        let file = document::prepare(self.disk.as_ref(), &self.path, &bytes)?;
        document::install(self.disk.as_ref(), &self.path)?;
        tail.file = Arc::new(file);
        tail.position.generation += 1;
        tail.position.bytes = bytes.len() as u64;
        *synced = tail.position.sequence;
        Ok(())
    }

    /// Content of the file that replaces the present one.
    fn compacted(&self, tail: &Tail, durable: CommitPosition) -> Result<Vec<u8>, LogError> {
        let length =
            usize::try_from(tail.position.bytes).expect("the commit log is bounded far below the address space");
        let mut old = vec![0; length];
        tail.file.read_exact_at(&mut old, 0).map_err(LogError::io("read", &self.path))?;
        let durable_bytes = usize::try_from(durable.bytes).expect("it is not beyond the file's end");
        let mut last: HashMap<Arc<str>, std::ops::Range<usize>> = HashMap::new();
        let mut at = replay::HEADER_BYTES;
        while at < durable_bytes {
            let (record, bytes) = CommitRecord::read_framed(&old[at..])
                .map_err(|reason| LogError::corrupt(&self.path, at as u64, reason))?;
            last.insert(record.writer, at..at + bytes);
            at += bytes;
        }
        let mut kept: Vec<_> = last.into_values().collect();
        kept.sort_by_key(|range| range.start);
        let kept_bytes = replay::HEADER_BYTES + kept.iter().map(std::ops::Range::len).sum::<usize>();
        let mut new = Header::new(tail.position.generation + 1, kept_bytes as u64).to_bytes();
        for range in kept {
            new.extend_from_slice(&old[range]);
        }
        new.extend_from_slice(&old[durable_bytes..]);
        Ok(new)
    }
}
