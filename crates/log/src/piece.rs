//! Bytes of the log on their way to a client: in memory, or still where they lie.
//!
//! What lies in a file and is asked for by a client goes from the system's memory to the socket, without coming by here. Frames
//! that may be read are never changed or cut, and whoever holds the file reads it to its end though its name be gone.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;

/// Bytes that follow each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// They are here.
    Memory(Bytes),
    /// They lie in a file.
    File(FileRange),
}

/// A part of a file.
#[derive(Debug, Clone)]
pub struct FileRange {
    file: Arc<File>,
    position: u64,
    bytes: usize,
}

impl Piece {
    /// Number of bytes.
    pub fn len(&self) -> usize {
        match self {
            Self::Memory(bytes) => bytes.len(),
            Self::File(range) => range.bytes,
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes in memory, read if need be.
    ///
    /// # Errors
    /// When the disk does not answer.
    pub fn read(&self) -> io::Result<Bytes> {
        match self {
            Self::Memory(bytes) => Ok(bytes.clone()),
            Self::File(range) => range.read(0, range.bytes),
        }
    }
}

impl From<Bytes> for Piece {
    fn from(bytes: Bytes) -> Self {
        Self::Memory(bytes)
    }
}

impl Default for Piece {
    fn default() -> Self {
        Self::Memory(Bytes::new())
    }
}

impl FileRange {
    pub(crate) fn new(file: Arc<File>, position: u64, bytes: usize) -> Self {
        Self { file, position, bytes }
    }

    /// The file.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Where in the file it begins.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Number of bytes.
    pub fn len(&self) -> usize {
        self.bytes
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// At most `bytes_max` of its bytes, after the first `skip`.
    ///
    /// # Errors
    /// When the disk does not answer, or the file ends before.
    pub fn read(&self, skip: usize, bytes_max: usize) -> io::Result<Bytes> {
        let mut bytes = vec![0; self.bytes.saturating_sub(skip).min(bytes_max)];
        self.file.read_exact_at(&mut bytes, self.position + skip as u64)?;
        Ok(bytes.into())
    }
}

/// The same part of the same open file.
impl PartialEq for FileRange {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.file, &other.file) && (self.position, self.bytes) == (other.position, other.bytes)
    }
}

impl Eq for FileRange {}
