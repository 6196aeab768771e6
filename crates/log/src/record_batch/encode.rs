//! Records to frames.
//!
//! The caller's buffers are used again and again: nothing is allocated for a record.

use std::ops::Range;

use arrow::array::{Array, BinaryArray, BooleanArray};
use millrace_flow::Origin;

use super::varint::{VARINT_BYTES_MAX, put_varint, varint_bytes};
use super::{CRC_FROM, HEADER_BYTES, LENGTH_END, MAGIC, ORIGIN_HEADER, crc32c, crc32c_of};

/// Longest text of an origin: a 32-bit and a 64-bit number with a colon between.
const ORIGIN_BYTES_MAX: usize = 10 + 1 + 20;

/// Records in columns, the values encoded already.
pub(crate) struct Input<'a> {
    /// Record timestamps.
    pub(crate) times_ms: &'a [i64],
    /// Record keys.
    pub(crate) keys: Option<&'a BinaryArray>,
    /// All values, one after the other.
    pub(crate) values: &'a [u8],
    /// End of each value in `values`.
    pub(crate) ends: &'a [usize],
    /// Records without a value, whatever `values` has for them.
    pub(crate) tombstones: Option<&'a BooleanArray>,
    /// Origins, which become headers.
    pub(crate) origin: Option<&'a Origin>,
}

/// A frame just written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sealed {
    /// Where in the buffer it begins.
    pub(crate) at: usize,
    /// Offset of its first record.
    pub(crate) base: i64,
    /// Greatest timestamp in it.
    pub(crate) max_time_ms: i64,
}

impl Input<'_> {
    fn key(&self, row: usize) -> Option<&[u8]> {
        self.keys.filter(|keys| keys.is_valid(row)).map(|keys| keys.value(row))
    }

    fn value(&self, row: usize) -> Option<&[u8]> {
        if self.tombstones.is_some_and(|marks| marks.value(row)) {
            return None;
        }
        let start = if row == 0 { 0 } else { self.ends[row - 1] };
        Some(&self.values[start..self.ends[row]])
    }
}

/// Appends one frame to `out` with the rows from `rows.start` on, as many as stay within `frame_bytes_max` but at least
/// one, and answers the row after the last. `base` is the offset of the first.
pub(crate) fn encode_frame(
    input: &Input<'_>,
    rows: Range<usize>,
    base: i64,
    frame_bytes_max: usize,
    out: &mut Vec<u8>,
) -> (Sealed, usize) {
    let at = out.len();
    out.resize(at + HEADER_BYTES, 0);
    let base_time_ms = input.times_ms[rows.start];
    let mut max_time_ms = base_time_ms;
    let mut row = rows.start;
    while row < rows.end {
        let begun = out.len();
        let time_ms = input.times_ms[row];
        put_record(input, row, row - rows.start, time_ms.wrapping_sub(base_time_ms), out);
        if out.len() - at > frame_bytes_max && row > rows.start {
            out.truncate(begun);
            break;
        }
        max_time_ms = max_time_ms.max(time_ms);
        row += 1;
    }
    let count = row - rows.start;
    seal(&mut out[at..], base, count, base_time_ms, max_time_ms);
    (Sealed { at, base, max_time_ms }, row)
}

#[inline]
fn put_record(input: &Input<'_>, row: usize, offset_delta: usize, time_delta: i64, out: &mut Vec<u8>) {
    let key = input.key(row);
    let value = input.value(row);
    let mut origin = [0; ORIGIN_BYTES_MAX];
    let origin = input.origin.map(|from| write_origin(from.file.value(row), from.line.value(row), &mut origin));

    // What lies between the record's length and its key, and what comes before the value, is put together on the stack.
    let mut front = [0; 1 + 3 * VARINT_BYTES_MAX];
    let mut front_bytes = 1;
    front_bytes += put_varint(time_delta, &mut front[front_bytes..]);
    front_bytes += put_varint(offset_delta as i64, &mut front[front_bytes..]);
    front_bytes += put_varint(signed_len(key), &mut front[front_bytes..]);
    let mut middle = [0; VARINT_BYTES_MAX];
    let middle_bytes = put_varint(signed_len(value), &mut middle);
    let headers_bytes = 1 + origin.map_or(0, header_bytes);
    let body = front_bytes + key.map_or(0, <[u8]>::len) + middle_bytes + value.map_or(0, <[u8]>::len) + headers_bytes;

    let mut length = [0; VARINT_BYTES_MAX];
    let length_bytes = put_varint(body as i64, &mut length);
    out.extend_from_slice(&length[..length_bytes]);
    out.extend_from_slice(&front[..front_bytes]);
    out.extend_from_slice(key.unwrap_or_default());
    out.extend_from_slice(&middle[..middle_bytes]);
    out.extend_from_slice(value.unwrap_or_default());
    match origin {
        None => out.push(0),
        Some(text) => put_header(text, out),
    }
}

/// Header count and the one header with the origin `text`. All its lengths are below 64 and take one byte.
fn put_header(text: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&[1 << 1, (ORIGIN_HEADER.len() as u8) << 1]);
    out.extend_from_slice(ORIGIN_HEADER.as_bytes());
    out.push((text.len() as u8) << 1);
    out.extend_from_slice(text);
}

fn header_bytes(text: &[u8]) -> usize {
    varint_bytes(ORIGIN_HEADER.len() as i64) + ORIGIN_HEADER.len() + varint_bytes(text.len() as i64) + text.len()
}

fn signed_len(bytes: Option<&[u8]>) -> i64 {
    bytes.map_or(-1, |bytes| bytes.len() as i64)
}

/// Writes `<file>:<line>` to the end of `to`; answers the text.
fn write_origin(file: u32, line: u64, to: &mut [u8; ORIGIN_BYTES_MAX]) -> &[u8] {
    let colon = write_decimal_before(to.len(), line, to) - 1;
    to[colon] = b':';
    let start = write_decimal_before(colon, u64::from(file), to);
    &to[start..]
}

/// Writes `number` so that its last digit lies before `end`; answers where its first one lies.
fn write_decimal_before(end: usize, mut number: u64, to: &mut [u8]) -> usize {
    let mut at = end;
    loop {
        at -= 1;
        to[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return at;
        }
    }
}

/// Fills in the header of `frame`, whose records are there already.
pub(super) fn seal(frame: &mut [u8], base: i64, count: usize, base_time_ms: i64, max_time_ms: i64) {
    let length = i32::try_from(frame.len() - LENGTH_END).expect("a frame is bounded far below 2 GiB");
    let count = i32::try_from(count).expect("a frame has fewer records than bytes");
    frame[0..8].copy_from_slice(&base.to_be_bytes());
    frame[8..12].copy_from_slice(&length.to_be_bytes());
    frame[12..16].copy_from_slice(&0_i32.to_be_bytes());
    frame[16] = MAGIC;
    frame[21..23].copy_from_slice(&0_i16.to_be_bytes());
    frame[23..27].copy_from_slice(&(count - 1).to_be_bytes());
    frame[27..35].copy_from_slice(&base_time_ms.to_be_bytes());
    frame[35..43].copy_from_slice(&max_time_ms.to_be_bytes());
    // No producer id, epoch or sequence: records in this process are not sent twice.
    frame[43..51].copy_from_slice(&(-1_i64).to_be_bytes());
    frame[51..53].copy_from_slice(&(-1_i16).to_be_bytes());
    frame[53..57].copy_from_slice(&(-1_i32).to_be_bytes());
    frame[57..61].copy_from_slice(&count.to_be_bytes());
    put_crc(frame);
}

/// Fills in the CRC in the header of a frame that is complete but for that, and whose records lie elsewhere.
pub(super) fn put_crc_of(head: &mut [u8; HEADER_BYTES], records: &[u8]) {
    let crc = crc32c_of([&head[CRC_FROM..], records]);
    head[17..21].copy_from_slice(&crc.to_be_bytes());
}

/// Fills in the CRC of a frame that is complete but for that.
pub(super) fn put_crc(frame: &mut [u8]) {
    let crc = crc32c(&frame[CRC_FROM..]);
    frame[17..21].copy_from_slice(&crc.to_be_bytes());
}
