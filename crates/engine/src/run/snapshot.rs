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
//! one and the old one goes after the commit that names the new.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

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
}

impl SnapshotFile {
    /// Opens generation `generation` in `folder`, cut to `length` bytes, and hands each frame to `take`.
    pub(super) fn open(
        folder: &Path,
        generation: u64,
        length: u64,
        take: impl FnMut(FrameKind, RecordBatch) -> Result<(), EngineError>,
    ) -> Result<Self, EngineError> {
        fs::create_dir_all(folder).map_err(io(folder))?;
        let path = path_of(folder, generation);
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
            Self { folder: folder.to_owned(), generation, file: Arc::new(file), length, whole_length: length };
        snapshot.remove_others()?;
        Ok(snapshot)
    }

    /// The file itself, to be made durable with the commit.
    pub(super) fn file(&self) -> Arc<File> {
        self.file.clone()
    }

    /// Number of the file.
    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    /// Bytes written.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Appends one frame.
    pub(super) fn append(&mut self, kind: FrameKind, batch: &RecordBatch) -> Result<(), EngineError> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let frame = encode_frame(kind, batch)?;
        let path = path_of(&self.folder, self.generation);
        (&*self.file).write_all(&frame).map_err(io(&path))?;
        self.length += frame.len() as u64;
        Ok(())
    }

    /// Whether the file has grown so long that it should be written anew.
    pub(super) fn wants_rewrite(&self) -> bool {
        self.length > REWRITE_BYTES_MIN.max(self.whole_length.saturating_mul(REWRITE_FACTOR))
    }

    /// Begins the next generation; the caller appends the whole state to it, commits, and calls
    /// [`SnapshotFile::remove_others`].
    pub(super) fn begin_next(&mut self) -> Result<(), EngineError> {
        let path = path_of(&self.folder, self.generation + 1);
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

    /// Removes the files of other generations.
    pub(super) fn remove_others(&self) -> Result<(), EngineError> {
        for entry in fs::read_dir(&self.folder).map_err(io(&self.folder))? {
            let path = entry.map_err(io(&self.folder))?.path();
            let is_run = path.extension().is_some_and(|extension| extension == "run");
            if is_run && path != path_of(&self.folder, self.generation) {
                fs::remove_file(&path).map_err(io(&path))?;
            }
        }
        Ok(())
    }
}

fn path_of(folder: &Path, generation: u64) -> PathBuf {
    folder.join(format!("{generation:010}.run"))
}

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> EngineError + '_ {
    |source| EngineError::Io { path: path.to_owned(), source }
}

fn encode_frame(kind: FrameKind, batch: &RecordBatch) -> Result<Vec<u8>, EngineError> {
    let compression = (batch.get_array_memory_size() >= COMPRESS_BYTES_MIN).then_some(CompressionType::ZSTD);
    let options = IpcWriteOptions::default().try_with_compression(compression)?;
    let mut frame = vec![0; HEADER_BYTES];
    frame[HEADER_BYTES - 1] = kind as u8;
    let mut writer = StreamWriter::try_new_with_options(&mut frame, &batch.schema(), options)?;
    writer.write(batch)?;
    writer.finish()?;
    drop(writer);
    let length = u32::try_from(frame.len() - 8).ok().filter(|length| *length <= FRAME_BYTES_MAX);
    let length = length.expect("an epoch is bounded far below the longest frame");
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
    use arrow::array::{Array, ArrayRef, Int64Array};

    use super::*;

    fn batch(values: Vec<i64>) -> RecordBatch {
        let column: ArrayRef = Arc::new(Int64Array::from(values));
        RecordBatch::try_from_iter([("c0", column)]).expect("one column makes a batch")
    }

    fn rows(folder: &Path, length: u64) -> Result<usize, EngineError> {
        let mut rows = 0;
        SnapshotFile::open(folder, 1, length, |_, batch| {
            rows += batch.column(0).len();
            Ok(())
        })?;
        Ok(rows)
    }

    #[test]
    fn what_lies_beyond_the_committed_length_is_cut() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut file = SnapshotFile::open(folder.path(), 1, 0, |_, _| Ok(())).expect("an empty folder opens");
        file.append(FrameKind::Groups, &batch(vec![1, 2])).expect("the disk has room");
        let committed = file.length();
        file.append(FrameKind::Groups, &batch(vec![3])).expect("the disk has room");
        assert_eq!(rows(folder.path(), file.length()).expect("two whole frames"), 3);
        assert_eq!(rows(folder.path(), committed).expect("one whole frame"), 2);
        assert!(matches!(rows(folder.path(), committed + 1), Err(EngineError::Snapshot { .. })));
    }

    #[test]
    fn a_flipped_bit_is_found() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut file = SnapshotFile::open(folder.path(), 1, 0, |_, _| Ok(())).expect("an empty folder opens");
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
