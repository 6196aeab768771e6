//! Kafka's RecordBatch v2: the frame in which records lie in a segment, byte for byte as Kafka's own segments have it.
//!
//! ```text
//!  0 base offset i64 │ 8 length i32 of what follows │ 12 leader epoch i32 │ 16 magic i8 = 2 │ 17 CRC-32C u32 of all from 21
//! 21 attributes i16 │ 23 last offset delta i32 │ 27 base timestamp i64 │ 35 max timestamp i64
//! 43 producer id i64 │ 51 producer epoch i16 │ 53 base sequence i32 │ 57 record count i32 │ 61 records
//!
//! record: length varint │ attributes i8 │ timestamp delta varlong │ offset delta varint
//!         │ key length varint, key │ value length varint, value │ header count varint │ headers
//! header: key length varint, key │ value length varint, value
//! ```
//!
//! Numbers are big-endian, varints are zigzag; a length of -1 is null. The base offset is outside the CRC. Source: "Record
//! Batch" in the documentation of Apache Kafka. What we write ourselves is not packed and has no gaps in its offsets; what
//! clients append may be packed, part of a transaction, or a control batch. Compaction leaves gaps in the offsets: base offset
//! and last offset delta stay, records go. With bit 6 of the attributes the base timestamp is a *delete horizon*: until then
//! compaction keeps the tombstones in the frame. Timestamp deltas count from it like from any other base.

mod compose;
mod compression;
mod control;
mod decode;
mod encode;
mod produced;
mod rewrite;
#[cfg(test)]
mod tests;
mod varint;

pub use compose::NewRecord;
pub(crate) use compose::compose;
pub(crate) use compression::{Compression, Levels};
pub(crate) use control::Marker;
pub(crate) use decode::{FrameHeader, FrameView, RecordView, claimed_max_time_ms, frame_bytes, frame_crc, frame_span};
pub(crate) use encode::{Input, Sealed, encode_frame};
pub use produced::transaction_of;
pub(crate) use produced::{FrameRules, NotTaken, Produced, check_produced, place, stamp};
pub(crate) use rewrite::{Leave, Left, leave, repack};

/// Bytes before the first record of a frame.
pub(crate) const HEADER_BYTES: usize = 61;
/// Bytes before those that the length field counts.
const LENGTH_END: usize = 12;
/// First byte that the CRC covers.
const CRC_FROM: usize = 21;
/// The only version of the format that has headers and the CRC-32C.
const MAGIC: u8 = 2;
const CRC_32C: crc_fast::CrcAlgorithm = crc_fast::CrcAlgorithm::Crc32Iscsi;
/// Name of the header with a record's origin, `<file number>:<line>`.
pub(crate) const ORIGIN_HEADER: &str = "at";

/// What is wrong with bytes that should be a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Damage(pub(crate) &'static str);

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

/// The CRC that Kafka uses: CRC-32C, that of iSCSI.
pub(crate) fn crc32c(bytes: &[u8]) -> u32 {
    of_32_bits(crc_fast::checksum(CRC_32C, bytes))
}

/// The same of bytes that lie in two places.
fn crc32c_of(parts: [&[u8]; 2]) -> u32 {
    let mut digest = crc_fast::Digest::new(CRC_32C);
    parts.iter().for_each(|part| digest.update(part));
    of_32_bits(digest.finalize())
}

fn of_32_bits(crc: u64) -> u32 {
    u32::try_from(crc).expect("a CRC of 32 bits fits 32 bits")
}
