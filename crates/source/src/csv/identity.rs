//! What a file is known by: its inode, and a hash of the bytes at its front.
//!
//! Of a `.gz` or `.zst` file these are bytes of its text. Compressed again, with another time in its head or at another level,
//! it is the same file.

use std::fs::{File, Metadata};
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::time::UNIX_EPOCH;

use flate2::read::MultiGzDecoder;

use super::files::Compression;
use super::position::Identity;
use crate::error::SourceError;

/// Bytes at the front of a file that its identity depends on.
pub(super) const HEAD_BYTES: usize = 4096;

/// What a file is known by from now on.
pub(super) fn identify(on_disk: &Path, path: &str, metadata: &Metadata) -> Result<Identity, SourceError> {
    let of_text = matches!(Compression::of(path), Compression::Gzip | Compression::Zstd);
    identify_head(on_disk, path, metadata, HEAD_BYTES, of_text)
}

/// The same, by so many bytes of its front, or of the front of its text.
pub(super) fn identify_head(
    on_disk: &Path,
    path: &str,
    metadata: &Metadata,
    length: usize,
    of_text: bool,
) -> Result<Identity, SourceError> {
    let head = read_head(on_disk, length, of_text);
    let head = head.map_err(|source| SourceError::Read { path: path.to_owned(), source })?;
    Ok(Identity {
        inode: inode(metadata),
        size: metadata.len(),
        modified_ns: modified_ns(metadata),
        head_bytes: u32::try_from(head.len()).expect("a head is at most a few KiB"),
        head_hash: hash(&head),
        of_text,
    })
}

/// The first bytes of a file, or of its text. A compressed one that is cut or damaged has as much of a text as can be read.
pub(super) fn read_head(on_disk: &Path, length: usize, of_text: bool) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(length);
    let file = File::open(on_disk)?;
    let wanted = length as u64;
    if !of_text {
        file.take(wanted).read_to_end(&mut head)?;
        return Ok(head);
    }
    let buffered = BufReader::new(file);
    let read = match Compression::of(&on_disk.to_string_lossy()) {
        Compression::Zstd => zstd::stream::read::Decoder::with_buffer(buffered)?.take(wanted).read_to_end(&mut head),
        _ => MultiGzDecoder::new(buffered).take(wanted).read_to_end(&mut head),
    };
    match read {
        // The system's errors have numbers, those of the decompressor have none.
        Err(error) if error.raw_os_error().is_some() => Err(error),
        _ => Ok(head),
    }
}

/// FNV-1a with 64 bits: the same on every machine and in every version.
pub(super) fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

pub(super) fn modified_ns(metadata: &Metadata) -> i64 {
    let since_epoch = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    since_epoch.and_then(|since| i64::try_from(since.as_nanos()).ok()).unwrap_or(0)
}

#[cfg(unix)]
pub(super) fn inode(metadata: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
pub(super) fn inode(_metadata: &Metadata) -> u64 {
    0
}
