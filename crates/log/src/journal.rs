//! A file of small records that is only appended to: what the server of the Kafka port has to remember of its clients.
//!
//! ```text
//! length u32 │ CRC-32C u32 of the record │ the record
//! ```
//!
//! Numbers are big-endian. A torn record at the end is cut when the file is opened. When the file has grown to a multiple of
//! what its records come to, the owner replaces it by fewer.

use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use crate::lock::FolderLock;
use crate::record_batch::crc32c;
use crate::{Disk, FlushMode, LocalDisk, LogError, checkpoint, document};

/// Bytes in front of a record.
const FRONT_BYTES: usize = 8;
/// Largest record: what a server remembers is small.
const RECORD_BYTES_MAX: usize = 64 << 20;
/// The folder of journals, in that of the log.
pub(crate) const DIR: &str = "coordinator";

/// An open journal. It is its owner's alone: calls come one after the other.
pub struct Journal {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    file: File,
    bytes: u64,
    /// Bytes after the last replacement.
    replaced_bytes: u64,
    flush: FlushMode,
    /// Held where no open log holds it.
    _lock: Option<FolderLock>,
}

impl Journal {
    /// Opens the journal `name` of the log in `dir` while no process uses that log, and keeps others from using it until it
    /// is dropped. There need not be a log yet.
    ///
    /// # Errors
    /// When a process uses the log, when the log is of a later version, or when the disk does not answer.
    pub fn open_stopped(dir: &Path, name: &str) -> Result<(Self, Vec<Bytes>), LogError> {
        fs::create_dir_all(dir).map_err(LogError::io("create", dir))?;
        let lock = FolderLock::take(dir)?;
        checkpoint::check_format(dir)?;
        let (journal, records) = Self::open(Arc::new(LocalDisk), &dir.join(DIR), name, FlushMode::Commit)?;
        Ok((Self { _lock: Some(lock), ..journal }, records))
    }

    /// The whole records of the journal `name` of the log in `dir` at this moment, whoever uses it.
    ///
    /// # Errors
    /// When the disk does not answer.
    pub fn read(dir: &Path, name: &str) -> Result<Vec<Bytes>, LogError> {
        Ok(records_of(&read_file(&file_of(&dir.join(DIR), name))?).0)
    }

    /// Opens the journal `name` in `dir`, or makes it; answers its records, in order.
    ///
    /// # Errors
    /// When the disk does not answer.
    pub(crate) fn open(
        disk: Arc<dyn Disk>,
        dir: &Path,
        name: &str,
        flush: FlushMode,
    ) -> Result<(Self, Vec<Bytes>), LogError> {
        fs::create_dir_all(dir).map_err(LogError::io("create", dir))?;
        let path = file_of(dir, name);
        let content = read_file(&path)?;
        let (records, whole) = records_of(&content);
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let file = file.map_err(LogError::io("open", &path))?;
        if whole < content.len() {
            tracing::warn!(file = %path.display(), from_byte = whole, "a torn record at the end is cut");
            disk.truncate(&file, whole as u64).map_err(LogError::io("cut", &path))?;
        }
        document::sync_dir(disk.as_ref(), dir)?;
        let bytes = whole as u64;
        Ok((Self { disk, path, file, bytes, replaced_bytes: bytes, flush, _lock: None }, records))
    }

    /// Appends records, all of them or none.
    ///
    /// # Errors
    /// When the disk does not take them.
    pub fn append(&mut self, records: &[Bytes]) -> Result<(), LogError> {
        let framed = frame(records);
        if let Err(error) = self.disk.write_at(&self.file, &framed, self.bytes) {
            // Half a record must not be followed by a whole one. If cutting fails too, the next append overwrites it.
            let _ = self.disk.truncate(&self.file, self.bytes);
            return Err(LogError::io("write", &self.path)(error));
        }
        self.bytes += framed.len() as u64;
        if self.flush == FlushMode::Commit { self.sync() } else { Ok(()) }
    }

    /// Returns when everything appended is on the disk.
    ///
    /// # Errors
    /// When the disk does not answer: what it holds is unknown then.
    pub fn sync(&self) -> Result<(), LogError> {
        self.disk.sync(&self.file).map_err(LogError::io("sync", &self.path))
    }

    /// Whether so much was appended since it was replaced that replacing it again is worth it.
    pub fn wants_replacement(&self) -> bool {
        self.bytes > (4 << 20) && self.bytes > 4 * self.replaced_bytes
    }

    /// Puts `records` in the place of all records.
    ///
    /// # Errors
    /// When the disk does not take them: the old ones are there then.
    pub fn replace(&mut self, records: &[Bytes]) -> Result<(), LogError> {
        let framed = frame(records);
        document::replace(self.disk.as_ref(), &self.path, &framed)?;
        let file = OpenOptions::new().read(true).write(true).open(&self.path);
        self.file = file.map_err(LogError::io("open", &self.path))?;
        self.bytes = framed.len() as u64;
        self.replaced_bytes = self.bytes;
        Ok(())
    }
}

fn file_of(dir: &Path, name: &str) -> PathBuf {
    dir.join(format!("{name}.log"))
}

/// What is in a file; nothing if it is not there.
fn read_file(path: &Path) -> Result<Bytes, LogError> {
    match fs::read(path) {
        Ok(content) => Ok(Bytes::from(content)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Bytes::new()),
        Err(error) => Err(LogError::io("read", path)(error)),
    }
}

fn frame(records: &[Bytes]) -> Vec<u8> {
    let mut framed = Vec::with_capacity(records.iter().map(|record| record.len() + FRONT_BYTES).sum());
    for record in records {
        let length = u32::try_from(record.len()).expect("a record is bounded far below 4 GiB");
        framed.extend_from_slice(&length.to_be_bytes());
        framed.extend_from_slice(&crc32c(record).to_be_bytes());
        framed.extend_from_slice(record);
    }
    framed
}

/// The whole records at the front of `content`, and how many bytes they take.
fn records_of(content: &Bytes) -> (Vec<Bytes>, usize) {
    let (mut records, mut at) = (Vec::new(), 0);
    while let Some((front, rest)) = content[at..].split_first_chunk::<FRONT_BYTES>() {
        let number = |at: usize| u32::from_be_bytes([front[at], front[at + 1], front[at + 2], front[at + 3]]);
        let length = number(0) as usize;
        if length > RECORD_BYTES_MAX || length > rest.len() || crc32c(&rest[..length]) != number(4) {
            break;
        }
        records.push(content.slice(at + FRONT_BYTES..at + FRONT_BYTES + length));
        at += FRONT_BYTES + length;
    }
    (records, at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LocalDisk;

    fn open(dir: &Path) -> (Journal, Vec<Bytes>) {
        Journal::open(Arc::new(LocalDisk), dir, "groups", FlushMode::Interval).expect("the disk answers")
    }

    #[test]
    fn records_come_back_and_a_torn_one_is_cut_at_any_byte() {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let (mut journal, found) = open(folder.path());
        assert!(found.is_empty());
        journal.append(&[Bytes::from("one"), Bytes::new(), Bytes::from("three")]).expect("there is room");
        let path = folder.path().join("groups.log");
        let whole = fs::read(&path).expect("it is there");
        journal.append(&[Bytes::from("four")]).expect("there is room");
        let all = fs::read(&path).expect("it is there");
        for length in whole.len()..all.len() {
            fs::write(&path, &all[..length]).expect("it can be written");
            let (mut journal, found) = open(folder.path());
            assert_eq!(found, ["one", "", "three"], "{length} of {}", all.len());
            journal.append(&[Bytes::from("five")]).expect("there is room");
            assert_eq!(open(folder.path()).1, ["one", "", "three", "five"]);
        }
    }

    #[test]
    fn a_journal_is_written_without_its_log_unless_the_log_is_used() {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        assert!(Journal::read(folder.path(), "users").expect("nothing is there").is_empty());
        let (mut journal, _) = Journal::open_stopped(folder.path(), "users").expect("nobody uses it");
        journal.append(&[Bytes::from("one")]).expect("there is room");
        assert_eq!(Journal::read(folder.path(), "users").expect("it is there"), ["one"]);
        let taken = Journal::open_stopped(folder.path(), "users").err().expect("it is held");
        assert!(matches!(taken, LogError::Locked { .. }), "{taken}");
        drop(journal);
        assert_eq!(Journal::open_stopped(folder.path(), "users").expect("it is free again").1, ["one"]);
    }

    #[test]
    fn fewer_records_take_the_place_of_many() {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let (mut journal, _) = open(folder.path());
        let large = Bytes::from(vec![7; 1 << 20]);
        (0..5).for_each(|_| journal.append(std::slice::from_ref(&large)).expect("there is room"));
        assert!(journal.wants_replacement());
        journal.replace(&[Bytes::from("all that matters")]).expect("there is room");
        assert!(!journal.wants_replacement());
        journal.append(&[Bytes::from("more")]).expect("there is room");
        assert_eq!(open(folder.path()).1, ["all that matters", "more"]);
    }
}
