//! A file of small records that is only appended to: what the server of the Kafka port has to remember of its clients.
//!
//! ```text
//! one append: bytes u32 │ CRC-32C u32 of those and all that follows │ records: length u32, the record, …
//! ```
//!
//! Numbers are big-endian. A torn append at the end is cut when the file is opened, whole: what was appended together is there
//! together. Zeros, which a power cut may leave, are no append: the CRC of a length of 0 is not 0. When the file has grown to a multiple of
//! what its records come to, fewer take its place.
//!
//! What the disk refuses has not happened, and the next append may be taken:
//! - After a *write* that failed what came of it is cut. Until that is possible nothing is appended behind it.
//! - After a *sync* that failed nobody knows what the disk has of the file, and asking again does not tell: the system may have
//!   forgotten what it could not write. The file is **doubtful** from then on and never appended or synced again. The next change
//!   goes to a new file, with everything that was acknowledged, and is acknowledged once that file and its name are on the disk.
//!   Nothing of the old file is needed for that: its owner has all of it in memory. Should the machine stop before there is
//!   a new file, the old one has at least what was synced before; of a change that was refused it may tell or not, like of every
//!   change whose answer got lost.

#[cfg(test)]
mod tests;

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
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

/// A file shorter than this is not worth being replaced.
const REPLACED_BYTES_MIN: u64 = 4 << 20;

/// An open journal. It is its owner's alone: calls come one after the other.
pub struct Journal {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    file: Arc<File>,
    flushing: Arc<Flushing>,
    bytes: u64,
    /// What was written behind `bytes` could not be cut.
    is_torn: bool,
    /// From so many bytes on it is worth replacing.
    long_bytes: u64,
    flush: FlushMode,
}

/// What whoever flushes knows of a journal.
#[derive(Debug, Default)]
struct Flushing {
    /// The file, if it was appended to since it was last synced.
    unsynced: Mutex<Option<Arc<File>>>,
    /// A sync has failed: what the disk has of the file is unknown.
    is_doubtful: AtomicBool,
    /// Nobody flushes any more: every append has to be synced by itself.
    is_abandoned: AtomicBool,
    /// Why the last change was refused, if it was.
    refusal: Mutex<Option<String>>,
}

impl Flushing {
    fn unsynced(&self) -> MutexGuard<'_, Option<Arc<File>>> {
        self.unsynced.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn refusal(&self) -> MutexGuard<'_, Option<String>> {
        self.refusal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_doubtful(&self) -> bool {
        self.is_doubtful.load(Ordering::Acquire)
    }

    fn set_doubtful(&self, is_doubtful: bool) {
        self.is_doubtful.store(is_doubtful, Ordering::Release);
    }

    /// Brings what was appended so far to the disk.
    fn sync(&self, disk: &dyn Disk) -> io::Result<()> {
        let Some(file) = self.unsynced().take() else { return Ok(()) };
        disk.sync(&file).inspect_err(|_| self.set_doubtful(true))
    }
}

/// The journals that are open, for whoever flushes.
#[derive(Debug, Default)]
pub(crate) struct Journals(Mutex<Vec<Weak<Flushing>>>);

impl Journals {
    fn all(&self) -> Vec<Arc<Flushing>> {
        let mut journals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        journals.retain(|journal| journal.strong_count() > 0);
        journals.iter().filter_map(Weak::upgrade).collect()
    }

    /// Whether anything was appended that is not on the disk yet.
    pub(crate) fn have_unsynced(&self) -> bool {
        self.all().iter().any(|journal| journal.unsynced().is_some())
    }

    /// Brings everything appended so far to the disk.
    pub(crate) fn sync(&self, disk: &dyn Disk) -> std::io::Result<()> {
        self.all().iter().try_for_each(|journal| journal.sync(disk))
    }

    /// Says that nobody flushes any more: what is appended from now on has to reach the disk without.
    pub(crate) fn abandon(&self) {
        self.all().iter().for_each(|journal| journal.is_abandoned.store(true, Ordering::Release));
    }

    /// Why the last change of a journal was refused, of each where it was.
    pub(crate) fn refusals(&self) -> Vec<String> {
        self.all().iter().filter_map(|journal| journal.refusal().clone()).collect()
    }

    /// Flushes `journal` with the others from now on.
    pub(crate) fn add(&self, journal: &Journal) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(&journal.flushing));
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
        let (file, flushing, long_bytes) = (Arc::new(file), Arc::default(), long_bytes(bytes));
        Ok((Self { disk, path, file, flushing, bytes, is_torn: false, long_bytes, flush }, records))
    }

    /// The records of the journal `name` in `dir` at this moment, without a torn one at the end.
    pub(crate) fn read(dir: &Path, name: &str) -> Result<Vec<Bytes>, LogError> {
        Ok(records_of(&content(&dir.join(format!("{name}.log")))?).0)
    }

    /// Keeps `records`, all of them or none: behind the others; or, where the file is long or doubtful, by putting `all` in the
    /// place of everything, which has what `records` change.
    ///
    /// # Errors
    /// When the disk does not take them: nothing has changed then, and the next ones may be taken.
    pub fn keep(&mut self, records: &[Bytes], all: impl FnOnce() -> Vec<Bytes>) -> Result<(), LogError> {
        let kept = self.try_keep(records, all);
        self.noted(kept)
    }

    fn try_keep(&mut self, records: &[Bytes], all: impl FnOnce() -> Vec<Bytes>) -> Result<(), LogError> {
        if self.is_doubtful() {
            return self.try_replace(&all());
        }
        if self.bytes > self.long_bytes {
            match self.try_replace(&all()) {
                Err(error) if !self.is_doubtful() => {
                    tracing::warn!(%error, "a journal stays long");
                    // It is a lot to write in vain again and again.
                    self.long_bytes = self.bytes + self.bytes / 4;
                }
                replaced => return replaced,
            }
        }
        self.try_append(records)
    }

    /// Has whoever asks how the log is told of a change that was refused, until another is taken.
    fn noted(&self, kept: Result<(), LogError>) -> Result<(), LogError> {
        *self.flushing.refusal() = kept.as_ref().err().map(ToString::to_string);
        kept
    }

    /// Appends records, all of them or none.
    ///
    /// # Errors
    /// When the disk does not take them, or the file is doubtful.
    pub fn append(&mut self, records: &[Bytes]) -> Result<(), LogError> {
        let appended = self.try_append(records);
        self.noted(appended)
    }

    fn try_append(&mut self, records: &[Bytes]) -> Result<(), LogError> {
        let bytes: usize = records.iter().map(|record| LENGTH_BYTES + record.len()).sum();
        if bytes > APPEND_BYTES_MAX {
            let error = io::Error::new(ErrorKind::FileTooLarge, "more than 4 GiB at once");
            return Err(LogError::io("write", &self.path)(error));
        }
        if self.is_doubtful() {
            let error = io::Error::other("an earlier sync of it has failed");
            return Err(LogError::io("append to", &self.path)(error));
        }
        let mut framed = Vec::with_capacity(FRONT_BYTES + bytes);
        frame(records, &mut framed);
        self.cut_torn()?;
        if let Err(error) = self.disk.write_at(&self.file, &framed, self.bytes) {
            self.is_torn = true;
            // Half a record must not be followed by a whole one. If cutting fails too, the next append tries that first.
            let _ = self.cut_torn();
            return Err(LogError::io("write", &self.path)(error));
        }
        if self.flush != FlushMode::Commit && !self.flushing.is_abandoned.load(Ordering::Acquire) {
            *self.flushing.unsynced() = Some(self.file.clone());
        } else if let Err(error) = self.sync() {
            // It has not happened: a restart had better not find it.
            let _ = self.disk.truncate(&self.file, self.bytes);
            return Err(error);
        }
        self.bytes += framed.len() as u64;
        Ok(())
    }

    /// Cuts what is left of an append that failed.
    fn cut_torn(&mut self) -> Result<(), LogError> {
        if self.is_torn {
            self.disk.truncate(&self.file, self.bytes).map_err(LogError::io("cut", &self.path))?;
            self.is_torn = false;
        }
        Ok(())
    }

    /// Brings all that was appended to the disk. One sync that fails is the last.
    fn sync(&self) -> Result<(), LogError> {
        let synced = self.disk.sync(&self.file).map_err(LogError::io("sync", &self.path));
        *self.flushing.unsynced() = None;
        synced.inspect_err(|_| self.flushing.set_doubtful(true))
    }

    /// Whether a sync has failed, and no other file has taken the place of the one that it was of. [`keep`](Self::keep) and
    /// [`replace`](Self::replace) mend that.
    pub fn is_doubtful(&self) -> bool {
        self.flushing.is_doubtful()
    }

    /// The records that were kept up to now, in order.
    ///
    /// # Errors
    /// When the disk does not answer or lies.
    pub fn records(&self) -> Result<Vec<Bytes>, LogError> {
        let mut content = vec![0; usize::try_from(self.bytes).expect("it was read whole when it was opened")];
        self.file.read_exact_at(&mut content, 0).map_err(LogError::io("read", &self.path))?;
        let (records, whole) = records_of(&Bytes::from(content));
        if whole as u64 == self.bytes {
            return Ok(records);
        }
        Err(LogError::corrupt(&self.path, whole as u64, "a record is not what was written"))
    }

    /// Puts `records` in the place of all records; they are on the disk when this returns.
    ///
    /// # Errors
    /// When the disk does not take them: the old ones are there then.
    pub fn replace(&mut self, records: &[Bytes]) -> Result<(), LogError> {
        let replaced = self.try_replace(records);
        self.noted(replaced)
    }

    fn try_replace(&mut self, records: &[Bytes]) -> Result<(), LogError> {
        let mut framed = Vec::new();
        // One by one: the file takes the place of the other as a whole, and an append is bounded.
        records.iter().for_each(|record| frame(std::slice::from_ref(record), &mut framed));
        let file = document::prepare(self.disk.as_ref(), &self.path, &framed)?;
        // Until its name is on the disk, nobody knows which of the two a restart finds.
        self.flushing.set_doubtful(true);
        *self.flushing.unsynced() = None;
        document::install(self.disk.as_ref(), &self.path)?;
        // Not opened anew: what is appended to the old one, were that to fail, would have no name.
        self.file = Arc::new(file);
        self.bytes = framed.len() as u64;
        self.long_bytes = long_bytes(self.bytes);
        self.is_torn = false;
        self.flushing.set_doubtful(false);
        Ok(())
    }
}

/// How long a file may become whose records come to so many bytes.
fn long_bytes(bytes: u64) -> u64 {
    REPLACED_BYTES_MIN.max(4 * bytes)
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
