//! Which commits a restart believes. No I/O: bytes in, decision out.
//!
//! A commit counts when it is whole and everything that it names is surely there:
//! - the machine ran on (only the process ended): every whole one;
//! - the machine started anew: those up to the durable position, and after it those that are durable by themselves.
//!
//! Commits count up to some place and not beyond it, since a query's commit builds on its sources' earlier ones. What is
//! broken before the durable position, or in the middle while the machine ran on, is damage and not a torn tail.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use super::CommitRecord;
use crate::LogError;
use crate::record_batch::crc32c;

const MAGIC: &[u8; 8] = b"MILLCMTS";
const VERSION: u32 = 1;
/// Bytes before the first record.
pub(super) const HEADER_BYTES: usize = 8 + 4 + 8 + 8 + 4;

/// First bytes of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// How often the file has been replaced.
    pub(crate) generation: u64,
    /// How much of it was on the disk, with all that it names, when it was made.
    pub(crate) durable_bytes: u64,
}

impl Header {
    pub(super) fn new(generation: u64, durable_bytes: u64) -> Self {
        Self { generation, durable_bytes }
    }

    pub(super) fn to_bytes(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_BYTES);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_be_bytes());
        bytes.extend_from_slice(&self.generation.to_be_bytes());
        bytes.extend_from_slice(&self.durable_bytes.to_be_bytes());
        bytes.extend_from_slice(&crc32c(&bytes).to_be_bytes());
        bytes
    }

    /// Reads the header of the file at `path`, whose content is `bytes`.
    pub(crate) fn read(path: &Path, bytes: &[u8]) -> Result<Self, LogError> {
        let header = bytes.get(..HEADER_BYTES).filter(|header| header.starts_with(MAGIC));
        let header = header.ok_or_else(|| LogError::corrupt(path, 0, "it does not begin as a commit log does"))?;
        let number = |at: usize| u64::from_be_bytes(header[at..at + 8].try_into().expect("the header has 32 bytes"));
        let (content, crc) = header.split_at(HEADER_BYTES - 4);
        if crc != crc32c(content).to_be_bytes() {
            return Err(LogError::corrupt(path, 0, "the CRC of its header does not fit"));
        }
        let version = u32::from_be_bytes(header[8..12].try_into().expect("the header has 32 bytes"));
        if version > VERSION {
            return Err(LogError::NewerFormat { path: path.to_owned(), found: version, known: VERSION });
        }
        Ok(Self { generation: number(12), durable_bytes: number(20) })
    }
}

/// What the commits come to.
#[derive(Debug, Default)]
pub(crate) struct Replay {
    /// The last commit of each writer.
    pub(crate) last: HashMap<Arc<str>, CommitRecord>,
    /// Bytes of the file that count.
    pub(crate) bytes: u64,
    /// Why the bytes after those do not count, if there are any.
    pub(crate) dropped: Option<&'static str>,
}

/// Goes over the commits in `bytes`, the content of the file at `path`. `durable_bytes` of it are known to be durable;
/// `same_boot` says that the machine has not started anew since they were written.
pub(crate) fn replay(path: &Path, bytes: &[u8], durable_bytes: u64, same_boot: bool) -> Result<Replay, LogError> {
    if durable_bytes > bytes.len() as u64 {
        return Err(LogError::corrupt(
            path,
            bytes.len() as u64,
            format!("{durable_bytes} bytes of it were synced once"),
        ));
    }
    let mut at = HEADER_BYTES;
    let mut last = HashMap::new();
    let mut dropped = None;
    while at < bytes.len() {
        let rest = &bytes[at..];
        match CommitRecord::read_framed(rest) {
            Ok((record, length)) => {
                let known = same_boot || record.durable || (at + length) as u64 <= durable_bytes;
                if !known {
                    dropped = Some("the machine went down before these commits were surely on the disk");
                    break;
                }
                last.insert(record.writer.clone(), record);
                at += length;
            }
            Err(reason) if (at as u64) < durable_bytes || (same_boot && is_followed_by_a_commit(rest)) => {
                return Err(LogError::corrupt(path, at as u64, reason));
            }
            Err(reason) => {
                dropped = Some(reason);
                break;
            }
        }
    }
    Ok(Replay { last, bytes: at as u64, dropped })
}

/// Whether what is broken at the front of `bytes` has a whole commit behind it: a write that was cut off has not.
fn is_followed_by_a_commit(bytes: &[u8]) -> bool {
    CommitRecord::skip_framed(bytes).is_some_and(|next| CommitRecord::read_framed(&bytes[next..]).is_ok())
}
