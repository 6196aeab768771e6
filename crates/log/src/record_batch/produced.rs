//! A frame that a client has sent: all of it is looked at before any of it is kept.

use super::decode::APPEND_TIME_BIT;
use super::encode::put_crc_of;
use super::{Damage, FrameHeader, FrameView, HEADER_BYTES, LENGTH_END, MAGIC, frame_bytes};

/// Why a frame is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NotTaken {
    /// The bytes are not those that were sent.
    Corrupt(Damage),
    /// It says what no client may say.
    Invalid(&'static str),
    /// These records of it, counted from 0, have no key and need one.
    WithoutKey(Vec<u32>),
    /// It has another version of the format.
    OldFormat,
    /// A record's timestamp is too far from now.
    Timestamp,
}

/// What a topic asks of a frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FrameRules {
    /// Every record must have a key.
    pub(crate) needs_keys: bool,
    /// Records may be this much older than now.
    pub(crate) behind_ms_max: i64,
    /// Records may be this much newer than now.
    pub(crate) ahead_ms_max: i64,
}

/// A checked frame on its way to the log: its records stay where they were received.
#[derive(Debug)]
pub(crate) struct Produced<'a> {
    pub(crate) head: [u8; HEADER_BYTES],
    pub(crate) records: &'a [u8],
}

impl<'a> Produced<'a> {
    /// The frame in `bytes`, at least a header.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        let (head, records) = bytes.split_first_chunk().expect("a frame that was checked has a header");
        Self { head: *head, records }
    }

    /// Number of bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.head.len() + self.records.len()
    }
}

/// Checks the frame that a client sent as `bytes`, which must be one whole frame; answers its header, with the greatest
/// timestamp that its records have.
pub(crate) fn check_produced(bytes: &[u8], rules: FrameRules, now_ms: i64) -> Result<FrameHeader, NotTaken> {
    if bytes.len() > 16 && bytes[16] < MAGIC {
        return Err(NotTaken::OldFormat);
    }
    if bytes.len() < HEADER_BYTES {
        return Err(NotTaken::Corrupt(Damage("a batch is cut off")));
    }
    if frame_bytes(bytes).map_err(NotTaken::Corrupt)? < bytes.len() {
        return Err(NotTaken::Invalid("there is more than one batch for a partition"));
    }
    let frame = FrameView::parse(bytes).map_err(NotTaken::Corrupt)?;
    let mut header = frame.header;
    if header.is_control() {
        return Err(NotTaken::Invalid("a control batch is for the broker to write"));
    }
    if header.delete_horizon_ms().is_some() {
        return Err(NotTaken::Invalid("until when tombstones stay is for the broker to write"));
    }
    if header.count as u64 != header.end().abs_diff(header.base) {
        return Err(NotTaken::Invalid("the offsets of a batch have a gap"));
    }
    if header.producer_id >= 0 && (header.producer_epoch < 0 || header.base_sequence < 0) {
        return Err(NotTaken::Invalid("a producer with an id has an epoch and counts its records"));
    }
    if header.producer_id < 0 && header.is_transactional() {
        return Err(NotTaken::Invalid("a transaction needs a producer with an id"));
    }
    let unpacked = frame.unpacked().map_err(NotTaken::Corrupt)?;
    let (mut count, mut max_time_ms, mut without_key) = (0_u32, i64::MIN, Vec::new());
    for record in frame.records_in(&unpacked) {
        let record = record.map_err(|damage| NotTaken::Invalid(damage.0))?;
        if rules.needs_keys && record.key.is_none() {
            without_key.push(count);
        }
        let (early, late) = (now_ms.saturating_sub(rules.behind_ms_max), now_ms.saturating_add(rules.ahead_ms_max));
        if record.time_ms < early || record.time_ms > late {
            return Err(NotTaken::Timestamp);
        }
        max_time_ms = max_time_ms.max(record.time_ms);
        count += 1;
    }
    if !without_key.is_empty() {
        return Err(NotTaken::WithoutKey(without_key));
    }
    if count as usize != header.count {
        return Err(NotTaken::Invalid("a batch has another number of records than it says"));
    }
    header.max_time_ms = max_time_ms;
    Ok(header)
}

/// Gives a checked frame its place: the first offset, and the epoch of its leader. Neither is under the CRC. The greatest
/// timestamp, which what seeks by time trusts, is put right where the client has it wrong.
pub(crate) fn place(frame: &mut Produced<'_>, header: &FrameHeader, base: i64, leader_epoch: i32) {
    let Produced { head, records } = frame;
    head[0..8].copy_from_slice(&base.to_be_bytes());
    head[LENGTH_END..LENGTH_END + 4].copy_from_slice(&leader_epoch.to_be_bytes());
    if head[35..43] != header.max_time_ms.to_be_bytes() {
        head[35..43].copy_from_slice(&header.max_time_ms.to_be_bytes());
        put_crc_of(head, records);
    }
}

/// Gives a checked frame the time of its append: all records have it from then on.
pub(crate) fn stamp(frame: &mut Produced<'_>, now_ms: i64) {
    let Produced { head, records } = frame;
    let attributes = i16::from_be_bytes([head[21], head[22]]) | APPEND_TIME_BIT;
    head[21..23].copy_from_slice(&attributes.to_be_bytes());
    head[35..43].copy_from_slice(&now_ms.to_be_bytes());
    put_crc_of(head, records);
}
