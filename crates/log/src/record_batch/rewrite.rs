//! Frames that are written again: with fewer of their records, or packed in another way.
//!
//! A frame that loses records keeps its base offset, its last offset delta and its producer, so that offsets never change
//! and a producer is known by its last frame. Its count, its greatest timestamp and its CRC are found anew; records that
//! stay are copied as they are, unless their timestamps have to be counted from a delete horizon.

use super::compression::pack;
use super::decode::{COMPRESSION_BITS, HORIZON_BIT};
use super::encode::put_crc;
use super::varint::{VARINT_BYTES_MAX, put_varint, varint_bytes};
use super::{Compression, Damage, FrameView, HEADER_BYTES, LENGTH_END, Levels, RecordView};

/// Timestamp of a frame without records.
const NO_TIME_MS: i64 = -1;
/// Where in a frame what is.
const LENGTH_AT: usize = 8;
const ATTRIBUTES_AT: usize = 21;
const BASE_TIME_AT: usize = 27;
const MAX_TIME_AT: usize = 35;
const COUNT_AT: usize = 57;

/// What to leave of a frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Leave {
    /// Until when tombstones stay that are seen for the first time.
    pub(crate) horizon_ms: i64,
    /// Whether a frame without records is left when all of them go.
    pub(crate) empty: bool,
}

/// What was left of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Left {
    /// All of it, byte for byte.
    Same,
    /// Something else, with this greatest timestamp.
    Changed(i64),
    /// Nothing.
    Nothing,
}

/// Appends to `out` what is left of `frame` when only those records stay of which `stays` says so.
pub(crate) fn leave(
    frame: &FrameView<'_>,
    rules: Leave,
    mut stays: impl FnMut(&RecordView<'_>) -> bool,
    out: &mut Vec<u8>,
) -> Result<Left, Damage> {
    let (bytes, unpacked) = (frame.whole(), frame.unpacked()?);
    let mut kept = Vec::with_capacity(frame.header.count);
    for record in frame.records_in(&unpacked) {
        let record = record?;
        if stays(&record) {
            kept.push(record);
        }
    }
    let header = &frame.header;
    let starts_horizon = header.delete_horizon_ms().is_none() && kept.iter().any(|record| record.value.is_none());
    if kept.len() == header.count && !starts_horizon && (header.count > 0 || rules.empty) {
        out.extend_from_slice(bytes);
        return Ok(Left::Same);
    }
    if kept.is_empty() {
        if !rules.empty {
            return Ok(Left::Nothing);
        }
        out.extend_from_slice(&emptied(bytes));
        return Ok(Left::Changed(NO_TIME_MS));
    }
    let base_time_ms = if starts_horizon { rules.horizon_ms } else { frame.header.base_time_ms() };
    let records = records_from(&kept, starts_horizon.then_some(base_time_ms));
    let mut attributes = attributes_of(bytes);
    if starts_horizon {
        attributes |= HORIZON_BIT;
    }
    let newest_ms = kept.iter().map(|record| record.time_ms).max().unwrap_or(header.max_time_ms);
    let count = i32::try_from(kept.len()).expect("no more records stay than there were");
    let at = out.len();
    out.extend_from_slice(&bytes[..HEADER_BYTES]);
    pack(header.compression()?, Levels::default(), &records, out);
    seal_again(&mut out[at..], attributes, (base_time_ms, newest_ms), count);
    Ok(Left::Changed(newest_ms))
}

/// The frame that lies as `bytes`, with its records packed as `compression` says.
pub(crate) fn repack(bytes: &[u8], compression: Compression, levels: Levels) -> Result<Vec<u8>, Damage> {
    let frame = FrameView::parse(bytes)?;
    let mut out = bytes[..HEADER_BYTES].to_vec();
    pack(compression, levels, &frame.unpacked()?, &mut out);
    let attributes = (attributes_of(bytes) & !COMPRESSION_BITS) | compression.bits();
    let times_ms = (frame.header.base_time_ms(), frame.header.max_time_ms);
    let count = i32::try_from(frame.header.count).expect("it was read from 32 bits");
    seal_again(&mut out, attributes, times_ms, count);
    Ok(out)
}

/// The frame without records: it says who sent it, and which offsets it had.
fn emptied(bytes: &[u8]) -> Vec<u8> {
    let mut out = bytes[..HEADER_BYTES].to_vec();
    let attributes = attributes_of(bytes) & !(COMPRESSION_BITS | HORIZON_BIT);
    seal_again(&mut out, attributes, (NO_TIME_MS, NO_TIME_MS), 0);
    out
}

fn attributes_of(bytes: &[u8]) -> i16 {
    i16::from_be_bytes([bytes[ATTRIBUTES_AT], bytes[ATTRIBUTES_AT + 1]])
}

/// The records side by side, with their timestamps counted from another base if there is one.
fn records_from(kept: &[RecordView<'_>], base_time_ms: Option<i64>) -> Vec<u8> {
    let mut records = Vec::with_capacity(kept.iter().map(|record| record.whole.len() + VARINT_BYTES_MAX).sum());
    for record in kept {
        let Some(base_time_ms) = base_time_ms else {
            records.extend_from_slice(record.whole);
            continue;
        };
        let delta = record.time_ms.wrapping_sub(base_time_ms);
        let length = 1 + varint_bytes(delta) + record.after_time.len();
        let mut number = [0; VARINT_BYTES_MAX];
        let bytes = put_varint(length as i64, &mut number);
        records.extend_from_slice(&number[..bytes]);
        records.push(record.attributes);
        let bytes = put_varint(delta, &mut number);
        records.extend_from_slice(&number[..bytes]);
        records.extend_from_slice(record.after_time);
    }
    records
}

/// Fills in what has changed in the header of `frame`.
fn seal_again(frame: &mut [u8], attributes: i16, (base_time_ms, newest_ms): (i64, i64), count: i32) {
    let length = i32::try_from(frame.len() - LENGTH_END).expect("a frame is bounded far below 2 GiB");
    frame[LENGTH_AT..LENGTH_AT + 4].copy_from_slice(&length.to_be_bytes());
    frame[ATTRIBUTES_AT..ATTRIBUTES_AT + 2].copy_from_slice(&attributes.to_be_bytes());
    frame[BASE_TIME_AT..BASE_TIME_AT + 8].copy_from_slice(&base_time_ms.to_be_bytes());
    frame[MAX_TIME_AT..MAX_TIME_AT + 8].copy_from_slice(&newest_ms.to_be_bytes());
    frame[COUNT_AT..COUNT_AT + 4].copy_from_slice(&count.to_be_bytes());
    put_crc(frame);
}
