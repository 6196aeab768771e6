//! A file of small records that is only appended to: what the server of the Kafka port has to remember of its clients.
//!
//! ```text
//! one append: bytes u32 │ CRC-32C u32 of those and all that follows │ records: length u32, the record, …
//! ```
//!
//! Numbers are big-endian. A torn append at the end is cut when the file is opened, whole: what was appended together is there
//! together. Zeros, which a power cut may leave, are no append: the CRC of a length of 0 is not 0. When the file has grown to a multiple of
//! what its records come to, the owner replaces it by fewer.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bytes::Bytes;

use crate::record_batch::crc32c;
use crate::{Disk, FlushMode, LogError, document};

/// Bytes in front of an append.
const FRONT_BYTES: usize = 8;
/// Bytes in front of a record.
const LENGTH_BYTES: usize = 4;
/// Largest append, and so what the owners of journals keep together: its length has four bytes.
const APPEND_BYTES_MAX: usize = u32::MAX as usize;

/// An open journal. It is its owner's alone: calls come one after the other.
pub struct Journal {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    file: Arc<File>,
    unsynced: Arc<Unsynced>,
    bytes: u64,
    /// Bytes after the last replacement.
    replaced_bytes: u64,
    flush: FlushMode,
}

/// The file of a journal that was appended to since it was last synced.
#[derive(Debug, Default)]
struct Unsynced(Mutex<Option<Arc<File>>>);

impl Unsynced {
    fn file(&self) -> MutexGuard<'_, Option<Arc<File>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The journals that are open, for whoever flushes.
#[derive(Debug, Default)]
pub(crate) struct Journals(Mutex<Vec<Weak<Unsynced>>>);

impl Journals {
    fn all(&self) -> Vec<Arc<Unsynced>> {
        let mut journals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        journals.retain(|journal| journal.strong_count() > 0);
        journals.iter().filter_map(Weak::upgrade).collect()
    }

    /// Whether anything was appended that is not on the disk yet.
    pub(crate) fn have_unsynced(&self) -> bool {
        self.all().iter().any(|journal| journal.file().is_some())
    }

    /// Brings everything appended so far to the disk.
    pub(crate) fn sync(&self, disk: &dyn Disk) -> std::io::Result<()> {
        self.all().iter().filter_map(|journal| journal.file().take()).try_for_each(|file| disk.sync(&file))
    }

    /// Flushes `journal` with the others from now on.
    pub(crate) fn add(&self, journal: &Journal) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(&journal.unsynced));
    }
}

impl Journal {
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
        let path = dir.join(format!("{name}.log"));
        let content = content(&path)?;
        let (records, whole) = records_of(&content);
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let file = file.map_err(LogError::io("open", &path))?;
        if whole < content.len() {
            tracing::warn!(file = %path.display(), from_byte = whole, "a torn record at the end is cut");
            disk.truncate(&file, whole as u64).map_err(LogError::io("cut", &path))?;
            // What was behind the tear must not come back behind what is appended next.
            disk.sync(&file).map_err(LogError::io("sync", &path))?;
        }
        document::sync_dir(disk.as_ref(), dir)?;
        document::sync_dir(disk.as_ref(), dir.parent().expect("it lies in the log's folder"))?;
        let bytes = whole as u64;
        let (file, unsynced) = (Arc::new(file), Arc::default());
        Ok((Self { disk, path, file, unsynced, bytes, replaced_bytes: bytes, flush }, records))
    }

    /// The records of the journal `name` in `dir` at this moment, without a torn one at the end.
    pub(crate) fn read(dir: &Path, name: &str) -> Result<Vec<Bytes>, LogError> {
        Ok(records_of(&content(&dir.join(format!("{name}.log")))?).0)
    }

    /// Appends records, all of them or none.
    ///
    /// # Errors
    /// When the disk does not take them.
    pub fn append(&mut self, records: &[Bytes]) -> Result<(), LogError> {
        let bytes: usize = records.iter().map(|record| LENGTH_BYTES + record.len()).sum();
        if bytes > APPEND_BYTES_MAX {
            let error = io::Error::new(ErrorKind::FileTooLarge, "more than 4 GiB at once");
            return Err(LogError::io("write", &self.path)(error));
        }
        let mut framed = Vec::with_capacity(FRONT_BYTES + bytes);
        frame(records, &mut framed);
        if let Err(error) = self.disk.write_at(&self.file, &framed, self.bytes) {
            // Half a record must not be followed by a whole one. If cutting fails too, the next append overwrites it.
            let _ = self.disk.truncate(&self.file, self.bytes);
            return Err(LogError::io("write", &self.path)(error));
        }
        self.bytes += framed.len() as u64;
        *self.unsynced.file() = Some(self.file.clone());
        if self.flush == FlushMode::Commit { self.sync() } else { Ok(()) }
    }

    /// Returns when everything appended is on the disk.
    ///
    /// # Errors
    /// When the disk does not answer: what it holds is unknown then.
    pub fn sync(&self) -> Result<(), LogError> {
        self.disk.sync(&self.file).map_err(LogError::io("sync", &self.path))?;
        *self.unsynced.file() = None;
        Ok(())
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
        let mut framed = Vec::new();
        // One by one: the file takes the place of the other as a whole, and an append is bounded.
        records.iter().for_each(|record| frame(std::slice::from_ref(record), &mut framed));
        // Not opened anew: what is appended to the old one, were that to fail, would have no name.
        self.file = Arc::new(document::replace(self.disk.as_ref(), &self.path, &framed)?);
        // The new file is on the disk; the old one is nobody's.
        *self.unsynced.file() = None;
        self.bytes = framed.len() as u64;
        self.replaced_bytes = self.bytes;
        Ok(())
    }
}

/// Where the journals of the log in `dir` are.
pub(crate) fn folder(dir: &Path) -> PathBuf {
    dir.join("coordinator")
}

fn content(path: &Path) -> Result<Bytes, LogError> {
    match fs::read(path) {
        Ok(content) => Ok(Bytes::from(content)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Bytes::new()),
        Err(error) => Err(LogError::io("read", path)(error)),
    }
}

/// Puts one append of `records` at the end of `framed`.
fn frame(records: &[Bytes], framed: &mut Vec<u8>) {
    let number =
        |bytes: usize| u32::try_from(bytes).expect("what is remembered is bounded far below 4 GiB").to_be_bytes();
    let at = framed.len();
    framed.extend_from_slice(&[0; FRONT_BYTES]);
    for record in records {
        framed.extend_from_slice(&number(record.len()));
        framed.extend_from_slice(record);
    }
    let bytes = number(framed.len() - at - FRONT_BYTES);
    framed[at..at + LENGTH_BYTES].copy_from_slice(&bytes);
    let crc = checksum(bytes, &framed[at + FRONT_BYTES..]);
    framed[at + LENGTH_BYTES..at + FRONT_BYTES].copy_from_slice(&crc.to_be_bytes());
}

/// The CRC of an append.
fn checksum(bytes: [u8; 4], records: &[u8]) -> u32 {
    crc32c(&bytes) ^ crc32c(records)
}

/// The records of the whole appends at the front of `content`, and how many bytes these take.
fn records_of(content: &Bytes) -> (Vec<Bytes>, usize) {
    let (mut records, mut at) = (Vec::new(), 0);
    while let Some((front, rest)) = content[at..].split_first_chunk::<FRONT_BYTES>() {
        let (bytes, crc) = ([front[0], front[1], front[2], front[3]], [front[4], front[5], front[6], front[7]]);
        let length = u32::from_be_bytes(bytes) as usize;
        if length > rest.len() || checksum(bytes, &rest[..length]) != u32::from_be_bytes(crc) {
            break;
        }
        let body = content.slice(at + FRONT_BYTES..at + FRONT_BYTES + length);
        let Some(more) = split(&body) else { break };
        records.extend(more);
        at += FRONT_BYTES + length;
    }
    (records, at)
}

/// The records of one append.
fn split(body: &Bytes) -> Option<Vec<Bytes>> {
    let (mut records, mut at) = (Vec::new(), 0);
    while at < body.len() {
        let (length, rest) = body[at..].split_first_chunk::<LENGTH_BYTES>()?;
        let length = u32::from_be_bytes(*length) as usize;
        if length > rest.len() {
            return None;
        }
        records.push(body.slice(at + LENGTH_BYTES..at + LENGTH_BYTES + length));
        at += LENGTH_BYTES + length;
    }
    Some(records)
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
    fn what_was_appended_together_is_there_together() {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        open(folder.path()).0.append(&[Bytes::from("one"), Bytes::from("two")]).expect("there is room");
        let path = folder.path().join("groups.log");
        let all = fs::read(&path).expect("it is there");
        for length in 0..all.len() {
            fs::write(&path, &all[..length]).expect("it can be written");
            assert!(open(folder.path()).1.is_empty(), "{length} of {}", all.len());
        }
    }

    #[test]
    fn a_large_append_is_no_torn_one() {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let large = Bytes::from(vec![7; 65 << 20]);
        let mut journal = open(folder.path()).0;
        journal.append(std::slice::from_ref(&large)).expect("there is room");
        journal.append(&[Bytes::from("after it")]).expect("there is room");
        let found = open(folder.path()).1;
        assert!(found.len() == 2 && found[0] == large && found[1] == "after it", "{} records", found.len());
    }

    #[test]
    fn zeros_at_the_end_are_no_records() {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        open(folder.path()).0.append(&[Bytes::from("one")]).expect("there is room");
        let path = folder.path().join("groups.log");
        let mut all = fs::read(&path).expect("it is there");
        all.extend([0; 100]);
        fs::write(&path, &all).expect("it can be written");
        assert_eq!(open(folder.path()).1, ["one"]);
    }

    /// A disk on which whatever is renamed cannot be opened by its name afterwards.
    struct OutOfHandles;

    impl Disk for OutOfHandles {
        fn create(&self, path: &Path) -> std::io::Result<File> {
            LocalDisk.create(path)
        }

        fn rename(&self, from: &Path, to: &Path) -> std::io::Result<()> {
            LocalDisk.rename(from, &to.with_extension("renamed"))?;
            LocalDisk.remove(to)?;
            fs::create_dir(to)
        }

        fn remove(&self, path: &Path) -> std::io::Result<()> {
            LocalDisk.remove(path)
        }

        fn write_at(&self, file: &File, bytes: &[u8], position: u64) -> std::io::Result<()> {
            LocalDisk.write_at(file, bytes, position)
        }

        fn truncate(&self, file: &File, bytes: u64) -> std::io::Result<()> {
            LocalDisk.truncate(file, bytes)
        }

        fn sync(&self, file: &File) -> std::io::Result<()> {
            LocalDisk.sync(file)
        }

        fn sync_dir(&self, dir: &File) -> std::io::Result<()> {
            LocalDisk.sync_dir(dir)
        }

        fn sync_filesystem(&self, file: &File) -> std::io::Result<()> {
            LocalDisk.sync_filesystem(file)
        }
    }

    #[test]
    fn what_is_appended_after_a_replacement_goes_to_the_new_file_whatever_can_be_opened() {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let opened = Journal::open(Arc::new(OutOfHandles), folder.path(), "groups", FlushMode::Interval);
        let (mut journal, _) = opened.expect("the disk answers");
        journal.append(&[Bytes::from("one")]).expect("there is room");
        journal.replace(&[Bytes::from("all that matters")]).expect("nothing is opened");
        journal.append(&[Bytes::from("more")]).expect("there is room");
        let content = fs::read(folder.path().join("groups.renamed")).expect("it was renamed");
        assert_eq!(records_of(&Bytes::from(content)).0, ["all that matters", "more"]);
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
