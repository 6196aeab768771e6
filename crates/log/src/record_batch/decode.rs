//! Frames to records. Every length is compared with the bytes that are left before it is used.

use std::borrow::Cow;
use std::ops::Range;

use super::compression::{Compression, unpack};
use super::varint::take_varint;
use super::{CRC_FROM, Damage, HEADER_BYTES, LENGTH_END, MAGIC, ORIGIN_HEADER, crc32c};

/// Bits of the attributes: what the records are packed with.
pub(super) const COMPRESSION_BITS: i16 = 0b111;
/// The timestamp of all records is that of the append, and stands where the greatest one does.
pub(super) const APPEND_TIME_BIT: i16 = 1 << 3;
/// The frame is part of a transaction.
pub(super) const TRANSACTION_BIT: i16 = 1 << 4;
/// The frame says something about a transaction, and nothing to readers.
const CONTROL_BIT: i16 = 1 << 5;
/// The base timestamp says until when compaction keeps the tombstones of the frame.
pub(super) const HORIZON_BIT: i16 = 1 << 6;
/// Fewest bytes that a record takes with its length: six numbers of one byte and the attributes.
const RECORD_BYTES_MIN: usize = 7;

/// What the header of a frame says of its records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    /// Offset of the first record.
    pub(crate) base: i64,
    /// Number of records. Compaction leaves fewer of them than there are offsets, and none at all of a frame that only says
    /// how far its producer has come.
    pub(crate) count: usize,
    /// Offsets after the first one.
    pub(crate) last_delta: i32,
    /// Greatest timestamp.
    pub(crate) max_time_ms: i64,
    /// Who sent it, as the producer's id; -1 for nobody who counts.
    pub(crate) producer_id: i64,
    /// Which life of the producer.
    pub(crate) producer_epoch: i16,
    /// The producer's number of the first record.
    pub(crate) base_sequence: i32,
    attributes: i16,
    base_time_ms: i64,
}

impl FrameHeader {
    /// Offset after the last record.
    pub(crate) fn end(&self) -> i64 {
        self.base + i64::from(self.last_delta) + 1
    }

    /// Whether it says something about a transaction instead of having records for readers.
    pub(crate) fn is_control(&self) -> bool {
        self.attributes & CONTROL_BIT != 0
    }

    /// Whether it is part of a transaction.
    pub(crate) fn is_transactional(&self) -> bool {
        self.attributes & TRANSACTION_BIT != 0
    }

    /// Until when compaction keeps the tombstones in it, once it has seen them.
    pub(crate) fn delete_horizon_ms(&self) -> Option<i64> {
        (self.attributes & HORIZON_BIT != 0).then_some(self.base_time_ms)
    }

    /// What the timestamps of the records are counted from.
    pub(super) fn base_time_ms(&self) -> i64 {
        self.base_time_ms
    }

    /// Whether the timestamp of all records is that of the append.
    pub(super) fn has_append_time(&self) -> bool {
        self.attributes & APPEND_TIME_BIT != 0
    }

    /// Greatest timestamp of records for readers: those of a control batch are for nobody to be found by.
    pub(crate) fn newest_ms(&self) -> i64 {
        if self.is_control() { i64::MIN } else { self.max_time_ms }
    }

    /// What the records are packed with.
    pub(crate) fn compression(&self) -> Result<Compression, Damage> {
        Compression::from_bits(self.attributes & COMPRESSION_BITS)
    }

    /// Whether the records lie there as they are.
    pub(crate) fn is_plain(&self) -> bool {
        self.attributes & COMPRESSION_BITS == 0
    }

    /// A header with nothing but a place and a producer: id, epoch, number of the first record.
    #[cfg(test)]
    pub(crate) fn of_producer(
        base: i64,
        records: i32,
        (producer_id, producer_epoch, base_sequence): (i64, i16, i32),
    ) -> Self {
        let (count, last_delta) = (usize::try_from(records).expect("a number of records"), records - 1);
        let (attributes, base_time_ms, max_time_ms) = (0, 0, 0);
        Self {
            base,
            count,
            last_delta,
            max_time_ms,
            producer_id,
            producer_epoch,
            base_sequence,
            attributes,
            base_time_ms,
        }
    }

    /// The same as part of a transaction.
    #[cfg(test)]
    pub(crate) fn in_transaction(mut self) -> Self {
        self.attributes |= TRANSACTION_BIT;
        self
    }

    fn time_ms(&self, delta: i64) -> i64 {
        if self.has_append_time() { self.max_time_ms } else { self.base_time_ms.wrapping_add(delta) }
    }

    /// The header in `front`, at least its 61 bytes; nothing of it has been checked.
    pub(crate) fn read(front: &[u8]) -> Self {
        Self {
            base: i64::from_be_bytes(be(front, 0)),
            attributes: i16::from_be_bytes(be(front, 21)),
            last_delta: i32::from_be_bytes(be(front, 23)),
            base_time_ms: i64::from_be_bytes(be(front, 27)),
            max_time_ms: i64::from_be_bytes(be(front, 35)),
            producer_id: i64::from_be_bytes(be(front, 43)),
            producer_epoch: i16::from_be_bytes(be(front, 51)),
            base_sequence: i32::from_be_bytes(be(front, 53)),
            // Counted below zero, it is more than any frame has room for.
            count: usize::try_from(i32::from_be_bytes(be(front, 57))).unwrap_or(usize::MAX),
        }
    }
}

/// A frame whose header is sane and whose CRC fits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FrameView<'a> {
    /// Its header.
    pub(crate) header: FrameHeader,
    whole: &'a [u8],
}

/// One record in a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RecordView<'a> {
    pub(crate) offset: i64,
    pub(crate) time_ms: i64,
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) value: Option<&'a [u8]>,
    header_count: usize,
    headers: &'a [u8],
    /// All of it with its length, as it lies there.
    pub(super) whole: &'a [u8],
    pub(super) attributes: u8,
    /// What follows its timestamp.
    pub(super) after_time: &'a [u8],
}

fn be<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..at + N].try_into().expect("the caller has checked that the header is there")
}

/// Bytes of the frame that `front`, at least its first twelve bytes, begins.
pub(crate) fn frame_bytes(front: &[u8]) -> Result<usize, Damage> {
    let length = i32::from_be_bytes(be(front, 8));
    let length = usize::try_from(length).map_err(|_| Damage("a batch has a negative length"))?;
    if length < HEADER_BYTES - LENGTH_END {
        return Err(Damage("a batch is shorter than its own header"));
    }
    Ok(length + LENGTH_END)
}

/// Offsets that the header in `front`, at least its 61 bytes, claims; nothing of it has been checked.
pub(crate) fn frame_span(front: &[u8]) -> Result<Range<i64>, Damage> {
    let base = i64::from_be_bytes(be(front, 0));
    let last_delta = i32::from_be_bytes(be(front, 23));
    let end = base.checked_add(i64::from(last_delta)).and_then(|last| last.checked_add(1));
    let end = end.filter(|end| base >= 0 && *end > base);
    Ok(base..end.ok_or(Damage("a batch has an impossible offset"))?)
}

/// Greatest timestamp that a header claims; nothing of it has been checked.
pub(crate) fn claimed_max_time_ms(header: &[u8; HEADER_BYTES]) -> i64 {
    i64::from_be_bytes(be(header, 35))
}

/// The checksum that a header has; nothing of it has been checked.
pub(crate) fn frame_crc(header: &[u8; HEADER_BYTES]) -> u32 {
    u32::from_be_bytes(be(header, 17))
}

impl<'a> FrameView<'a> {
    /// Checks the whole of one frame.
    pub(crate) fn parse(frame: &'a [u8]) -> Result<Self, Damage> {
        if frame.len() < HEADER_BYTES || frame_bytes(frame)? != frame.len() {
            return Err(Damage("a batch is cut off"));
        }
        if frame[16] != MAGIC {
            return Err(Damage("a batch does not have magic 2"));
        }
        if u32::from_be_bytes(be(frame, 17)) != crc32c(&frame[CRC_FROM..]) {
            return Err(Damage("the CRC of a batch does not fit its content"));
        }
        let header = FrameHeader::read(frame);
        let records = &frame[HEADER_BYTES..];
        let offsets = i64::from(header.last_delta) + 1;
        if offsets < 1 || (header.count == 0) != records.is_empty() {
            return Err(Damage("a batch has an impossible record count"));
        }
        // Packed records may take less than a byte each.
        let fits = !header.is_plain() || header.count <= records.len() / RECORD_BYTES_MIN;
        if header.count as u64 > offsets.unsigned_abs() || !fits {
            return Err(Damage("a batch has an impossible record count"));
        }
        if header.base < 0 || header.base.checked_add(offsets).is_none() {
            return Err(Damage("a batch has an impossible offset"));
        }
        header.compression()?;
        Ok(Self { header, whole: frame })
    }

    /// All of it, as it lies there.
    pub(crate) fn whole(&self) -> &'a [u8] {
        self.whole
    }

    /// Its records, as they lie there.
    fn packed(&self) -> &'a [u8] {
        &self.whole[HEADER_BYTES..]
    }

    /// The records, in order, of a frame that is not packed. After the first damaged one nothing follows.
    pub(crate) fn records(&self) -> Records<'a> {
        self.records_in(self.packed())
    }

    /// What the records lie in, unpacked if need be: for [`FrameView::records_in`].
    pub(crate) fn unpacked(&self) -> Result<Cow<'a, [u8]>, Damage> {
        match self.packed() {
            [] => Ok(Cow::Borrowed(&[])),
            packed => unpack(self.header.compression()?, packed),
        }
    }

    /// The records, in order, which lie in `unpacked`. After the first damaged one nothing follows.
    pub(crate) fn records_in<'b>(&self, unpacked: &'b [u8]) -> Records<'b> {
        Records { header: self.header, rest: unpacked, next: 0, last_delta: -1 }
    }
}

/// The records of a frame.
pub(crate) struct Records<'a> {
    header: FrameHeader,
    rest: &'a [u8],
    next: usize,
    last_delta: i64,
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<RecordView<'a>, Damage>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next == self.header.count {
            let left = std::mem::take(&mut self.rest);
            return (!left.is_empty()).then_some(Err(Damage("a batch goes on after its last record")));
        }
        let record = self.take_record();
        self.next += 1;
        if record.is_err() {
            self.next = self.header.count;
            self.rest = &[];
        }
        Some(record)
    }
}

impl<'a> Records<'a> {
    fn take_record(&mut self) -> Result<RecordView<'a>, Damage> {
        let front = self.rest;
        let mut body = take_bytes(&mut self.rest)?.ok_or(Damage("a record has no length"))?;
        let whole = &front[..front.len() - self.rest.len()];
        let (attributes, rest) = body.split_first().ok_or(Damage("a record is cut off"))?;
        body = rest;
        let time_delta = take_varint(&mut body)?;
        let after_time = body;
        let delta = take_varint(&mut body)?;
        if delta <= self.last_delta || delta > i64::from(self.header.last_delta) {
            return Err(Damage("the offsets of a batch are not in order"));
        }
        self.last_delta = delta;
        let key = take_bytes(&mut body)?;
        let value = take_bytes(&mut body)?;
        let header_count = take_varint(&mut body)?;
        // A header takes at least two bytes.
        let header_count = usize::try_from(header_count).ok().filter(|n| *n <= body.len() / 2);
        let header_count = header_count.ok_or(Damage("a record has an impossible header count"))?;
        if header_count == 0 && !body.is_empty() {
            return Err(Damage("a record goes on after its end"));
        }
        Ok(RecordView {
            offset: self.header.base + delta,
            time_ms: self.header.time_ms(time_delta),
            key,
            value,
            header_count,
            headers: body,
            whole,
            attributes: *attributes,
            after_time,
        })
    }
}

impl<'a> RecordView<'a> {
    /// Its headers. Ends early, with an error, at a damaged one.
    pub(crate) fn headers(&self) -> impl Iterator<Item = Result<(&'a str, &'a [u8]), Damage>> + use<'a> {
        let mut rest = self.headers;
        let mut broken = false;
        (0..self.header_count).map_while(move |_| {
            if broken {
                return None;
            }
            let header = take_header(&mut rest);
            broken = header.is_err();
            Some(header)
        })
    }

    /// File number and line of its origin, if it has one.
    pub(crate) fn origin(&self) -> Result<Option<(u32, u64)>, Damage> {
        for header in self.headers() {
            let (key, text) = header?;
            if key == ORIGIN_HEADER {
                return parse_origin(text).map(Some).ok_or(Damage("the origin of a record is no origin"));
            }
        }
        Ok(None)
    }
}

fn take_header<'a>(rest: &mut &'a [u8]) -> Result<(&'a str, &'a [u8]), Damage> {
    let key = take_bytes(rest)?.ok_or(Damage("a header has no key"))?;
    let key = std::str::from_utf8(key).map_err(|_| Damage("the key of a header is no UTF-8"))?;
    Ok((key, take_bytes(rest)?.unwrap_or_default()))
}

fn parse_origin(text: &[u8]) -> Option<(u32, u64)> {
    let (file, line) = std::str::from_utf8(text).ok()?.split_once(':')?;
    Some((file.parse().ok()?, line.parse().ok()?))
}

/// Takes a length and as many bytes off the front of `from`; `None` for the length -1.
#[inline]
fn take_bytes<'a>(from: &mut &'a [u8]) -> Result<Option<&'a [u8]>, Damage> {
    let length = take_varint(from)?;
    if length == -1 {
        return Ok(None);
    }
    let length = usize::try_from(length).ok().filter(|length| *length <= from.len());
    let (taken, rest) = from.split_at(length.ok_or(Damage("a record is longer than its batch"))?);
    *from = rest;
    Ok(Some(taken))
}
