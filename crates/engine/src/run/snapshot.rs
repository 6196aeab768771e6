//! The snapshot file of a query: what changed in each epoch, appended.
//!
//! ```text
//!   <generation, 10 digits>.run     frame*
//!   frame   length u32 LE │ crc32c u32 LE │ kind u8 │ body      (length and crc cover kind and body)
//!   body    one Arrow IPC stream with one record batch, zstd
//! ```
//!
//! The length that counts is in the cookie of the last commit; what lies beyond it is the work of an epoch that never
//! committed, and is cut off. When a file has grown to several times what is alive, the whole state is written into a new
//! one, and the old one goes once the commit that names the new one is on the disk.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::Array;
use arrow::record_batch::RecordBatch;
use arrow_ipc::CompressionType;
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::{IpcWriteOptions, StreamWriter};
use crc_fast::{CrcAlgorithm, checksum};

use super::error::EngineError;

/// Below this a file is never rewritten: reading it back takes milliseconds.
const REWRITE_BYTES_MIN: u64 = 4 * 1024 * 1024;

/// A file is rewritten when it is this many times as long as it was when it was whole.
const REWRITE_FACTOR: u64 = 4;

/// Length, checksum and kind.
const HEADER_BYTES: usize = 9;

/// No frame is longer; a length beyond it is damage.
const FRAME_BYTES_MAX: u32 = 1 << 30;

/// Rows of state that are turned into columns at once.
pub(super) const SAVE_ROWS_MAX: usize = 1 << 18;

/// Rows that need more memory than this are written in several frames.
const FRAME_MEMORY_BYTES_MAX: usize = if cfg!(test) { 1 << 20 } else { 128 << 20 };

/// Frames below this are not compressed: there is nothing to gain.
const COMPRESS_BYTES_MIN: usize = 16 * 1024;

/// What a frame holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum FrameKind {
    /// Groups of the aggregate.
    Groups = 1,
    /// Rows seen by the duplicate removal.
    Seen = 2,
    /// Rows of an input that are replaced by key.
    Rows = 3,
}

impl FrameKind {
    fn from_code(code: u8) -> Option<Self> {
        [Self::Groups, Self::Seen, Self::Rows].into_iter().find(|kind| *kind as u8 == code)
    }
}

/// The open snapshot file of a query.
pub(super) struct SnapshotFile {
    folder: PathBuf,
    generation: u64,
    file: Arc<File>,
    length: u64,
    whole_length: u64,
    /// Folders with new entries, not handed out yet.
    folders: Vec<Arc<File>>,
}

impl SnapshotFile {
    /// Opens generation `generation` in `folder`, cut to `length` bytes of which the first `whole_length` were written as
    /// one whole, and hands each frame to `take`.
    pub(super) fn open(
        folder: &Path,
        generation: u64,
        (length, whole_length): (u64, u64),
        take: impl FnMut(FrameKind, RecordBatch) -> Result<(), EngineError>,
    ) -> Result<Self, EngineError> {
        let path = path_of(folder, generation);
        let folders = if path.exists() { Vec::new() } else { new_folders(folder)? };
        let mut file =
            OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path).map_err(io(&path))?;
        let present = file.metadata().map_err(io(&path))?.len();
        if present < length {
            let reason = format!("it is {present} bytes long and should be {length}");
            return Err(EngineError::Snapshot { file: path, position: present, reason });
        }
        file.set_len(length).map_err(io(&path))?;
        read_frames(&path, &mut file, length, take)?;
        file.seek(SeekFrom::Start(length)).map_err(io(&path))?;
        let snapshot =
            Self { folder: folder.to_owned(), generation, file: Arc::new(file), length, whole_length, folders };
        // No commit, not even one that a power cut brings back, names a later generation than this one.
        for path in snapshot.others(|other| other > generation)? {
            fs::remove_file(&path).map_err(io(&path))?;
        }
        Ok(snapshot)
    }

    /// The file itself, to be made durable with the commit, after folders that have to be as well.
    pub(super) fn files(&mut self) -> Vec<Arc<File>> {
        let mut files = std::mem::take(&mut self.folders);
        files.push(self.file.clone());
        files
    }

    /// Number of the file.
    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    /// Bytes written.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Bytes written when the whole state was written last.
    pub(super) fn whole_length(&self) -> u64 {
        self.whole_length
    }

    /// Appends rows, in as many frames as their size asks for.
    pub(super) fn append(&mut self, kind: FrameKind, batch: &RecordBatch) -> Result<(), EngineError> {
        let rows = batch.num_rows();
        if rows > 1 && memory_bytes(batch)? > FRAME_MEMORY_BYTES_MAX {
            self.append(kind, &batch.slice(0, rows / 2))?;
            return self.append(kind, &batch.slice(rows / 2, rows - rows / 2));
        }
        if rows == 0 {
            return Ok(());
        }
        let path = path_of(&self.folder, self.generation);
        let frame = encode_frame(kind, batch, &path)?;
        (&*self.file).write_all(&frame).map_err(io(&path))?;
        self.length += frame.len() as u64;
        Ok(())
    }

    /// Whether the file has grown so long that it should be written anew.
    pub(super) fn wants_rewrite(&self) -> bool {
        self.length > REWRITE_BYTES_MIN.max(self.whole_length.saturating_mul(REWRITE_FACTOR))
    }

    /// Begins the next generation; the caller appends the whole state to it, commits, and discards
    /// [`SnapshotFile::earlier`].
    pub(super) fn begin_next(&mut self) -> Result<(), EngineError> {
        let path = path_of(&self.folder, self.generation + 1);
        self.folders.push(Arc::new(File::open(&self.folder).map_err(io(&self.folder))?));
        let file = OpenOptions::new().create(true).truncate(true).read(true).write(true).open(&path);
        self.file = Arc::new(file.map_err(io(&path))?);
        self.generation += 1;
        self.length = 0;
        Ok(())
    }

    /// Says that what is in the file now is the whole state.
    pub(super) fn mark_whole(&mut self) {
        self.whole_length = self.length;
    }

    /// The files of earlier generations: a commit that is not on the disk yet may be all that speaks against them.
    pub(super) fn earlier(&self) -> Result<Vec<PathBuf>, EngineError> {
        self.others(|other| other < self.generation)
    }

    fn others(&self, is_meant: impl Fn(u64) -> bool) -> Result<Vec<PathBuf>, EngineError> {
        let mut others = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(io(&self.folder))? {
            let path = entry.map_err(io(&self.folder))?.path();
            let name = path.file_name().and_then(|name| name.to_str());
            let generation = name.and_then(|name| name.strip_suffix(".run")).and_then(|number| number.parse().ok());
            if generation.is_some_and(&is_meant) {
                others.push(path);
            }
        }
        Ok(others)
    }
}

/// Makes `folder`; answers the folders that get a new entry by that and by a new file in it.
fn new_folders(folder: &Path) -> Result<Vec<Arc<File>>, EngineError> {
    let is_missing = |ancestor: &&Path| !ancestor.as_os_str().is_empty() && !ancestor.exists();
    let made = folder.ancestors().take_while(is_missing).count();
    fs::create_dir_all(folder).map_err(io(folder))?;
    let touched = folder.ancestors().take(made + 1).filter(|ancestor| !ancestor.as_os_str().is_empty());
    touched.map(|folder| Ok(Arc::new(File::open(folder).map_err(io(folder))?))).collect()
}

/// Bytes of the rows themselves: a slice does not count with the whole that it is of.
fn memory_bytes(batch: &RecordBatch) -> Result<usize, EngineError> {
    batch.columns().iter().try_fold(0, |bytes, column| Ok(bytes + column.to_data().get_slice_memory_size()?))
}

fn path_of(folder: &Path, generation: u64) -> PathBuf {
    folder.join(format!("{generation:010}.run"))
}

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> EngineError + '_ {
    |source| EngineError::Io { path: path.to_owned(), source }
}

fn encode_frame(kind: FrameKind, batch: &RecordBatch, path: &Path) -> Result<Vec<u8>, EngineError> {
    let compression = (memory_bytes(batch)? >= COMPRESS_BYTES_MIN).then_some(CompressionType::ZSTD);
    let options = IpcWriteOptions::default().try_with_compression(compression)?;
    let mut frame = vec![0; HEADER_BYTES];
    frame[HEADER_BYTES - 1] = kind as u8;
    let mut writer = StreamWriter::try_new_with_options(&mut frame, &batch.schema(), options)?;
    writer.write(batch)?;
    writer.finish()?;
    drop(writer);
    let length = u32::try_from(frame.len() - 8).ok().filter(|length| *length <= FRAME_BYTES_MAX);
    let length = length.ok_or_else(|| EngineError::GroupTooLarge { file: path.to_owned(), bytes: frame.len() })?;
    frame[..4].copy_from_slice(&length.to_le_bytes());
    let crc = crc_of(&frame[8..]);
    frame[4..8].copy_from_slice(&crc.to_le_bytes());
    Ok(frame)
}

fn crc_of(bytes: &[u8]) -> u32 {
    u32::try_from(checksum(CrcAlgorithm::Crc32Iscsi, bytes)).expect("a CRC-32 has 32 bits")
}

fn read_frames(
    path: &Path,
    file: &mut File,
    length: u64,
    mut take: impl FnMut(FrameKind, RecordBatch) -> Result<(), EngineError>,
) -> Result<(), EngineError> {
    let mut position = 0;
    let mut body = Vec::new();
    let mut reader = std::io::BufReader::new(file);
    while position < length {
        let damaged = |reason: String| EngineError::Snapshot { file: path.to_owned(), position, reason };
        let mut header = [0; 8];
        if length - position < header.len() as u64 {
            return Err(damaged("a frame is cut short".to_owned()));
        }
        reader.read_exact(&mut header).map_err(io(path))?;
        let [a, b, c, d, e, f, g, h] = header;
        let (size, crc) = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]));
        if size == 0 || size > FRAME_BYTES_MAX || u64::from(size) > length - position - 8 {
            return Err(damaged(format!("a frame claims {size} bytes")));
        }
        body.resize(size as usize, 0);
        reader.read_exact(&mut body).map_err(io(path))?;
        if crc_of(&body) != crc {
            return Err(damaged("the checksum of a frame does not match".to_owned()));
        }
        let kind = FrameKind::from_code(body[0]).ok_or_else(|| damaged(format!("unknown kind {}", body[0])))?;
        for batch in StreamReader::try_new(&body[1..], None)? {
            take(kind, batch?)?;
        }
        position += 8 + u64::from(size);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, Int64Array};

    use super::*;

    fn batch(values: Vec<i64>) -> RecordBatch {
        let column: ArrayRef = Arc::new(Int64Array::from(values));
        RecordBatch::try_from_iter([("c0", column)]).expect("one column makes a batch")
    }

    fn rows(folder: &Path, length: u64) -> Result<usize, EngineError> {
        let mut rows = 0;
        SnapshotFile::open(folder, 1, (length, 0), |_, batch| {
            rows += batch.column(0).len();
            Ok(())
        })?;
        Ok(rows)
    }

    #[test]
    fn what_lies_beyond_the_committed_length_is_cut() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut file = SnapshotFile::open(folder.path(), 1, (0, 0), |_, _| Ok(())).expect("an empty folder opens");
        file.append(FrameKind::Groups, &batch(vec![1, 2])).expect("the disk has room");
        let committed = file.length();
        file.append(FrameKind::Groups, &batch(vec![3])).expect("the disk has room");
        assert_eq!(rows(folder.path(), file.length()).expect("two whole frames"), 3);
        assert_eq!(rows(folder.path(), committed).expect("one whole frame"), 2);
        assert!(matches!(rows(folder.path(), committed + 1), Err(EngineError::Snapshot { .. })));
    }

    #[test]
    fn an_earlier_generation_stays_until_it_is_discarded_and_a_later_one_goes() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let state = folder.path().join("state").join("v");
        let mut file = SnapshotFile::open(&state, 1, (0, 0), |_, _| Ok(())).expect("an empty folder opens");
        assert_eq!(file.files().len(), 4, "the two new folders, the one above them, and the file");
        assert_eq!(file.files().len(), 1);
        file.append(FrameKind::Groups, &batch(vec![1, 2])).expect("the disk has room");
        let first = file.length();
        file.begin_next().expect("the disk has room");
        file.append(FrameKind::Groups, &batch(vec![3])).expect("the disk has room");
        file.mark_whole();
        assert_eq!(file.files().len(), 2, "the folder with its new entry, and the file");
        assert_eq!(file.earlier().expect("the folder is there"), [path_of(&state, 1)]);
        drop(file);
        // As after a power cut that took the commit which named the second.
        assert_eq!(rows(&state, first).expect("the first is whole"), 2);
        assert!(!path_of(&state, 2).exists());
    }

    #[test]
    fn rows_too_large_for_a_frame_are_written_in_several() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut file = SnapshotFile::open(folder.path(), 1, (0, 0), |_, _| Ok(())).expect("an empty folder opens");
        let many = 3 * FRAME_MEMORY_BYTES_MAX / size_of::<i64>() + 1;
        file.append(FrameKind::Groups, &batch(vec![7; many])).expect("the disk has room");
        let (mut frames, mut read) = (0, 0);
        SnapshotFile::open(folder.path(), 1, (file.length(), 0), |_, batch| {
            frames += 1;
            read += batch.num_rows();
            Ok(())
        })
        .expect("whole frames");
        assert_eq!((frames, read), (4, many));
    }

    #[test]
    fn a_flipped_bit_is_found() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut file = SnapshotFile::open(folder.path(), 1, (0, 0), |_, _| Ok(())).expect("an empty folder opens");
        file.append(FrameKind::Seen, &batch(vec![7; 100])).expect("the disk has room");
        let path = path_of(folder.path(), 1);
        let whole = fs::read(&path).expect("the file is there");
        for at in (0..whole.len()).step_by(37) {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x10;
            fs::write(&path, &bytes).expect("the disk has room");
            assert!(rows(folder.path(), whole.len() as u64).is_err(), "byte {at}");
        }
    }
}
