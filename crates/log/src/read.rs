//! Reads committed frames back from the segments of a partition.
//!
//! Every frame that is handed on has been checked. Frames that are only passed on the way are believed by their header,
//! so that damage spoils the range it is in and no more. Below the place's `sparse` offset records may be missing: who asks for
//! one of them gets the next that is there.

use std::ops::Range;
use std::os::unix::fs::FileExt;

use bytes::Bytes;
use millrace_flow::{Offset, TopicPartition};

use crate::LogError;
use crate::clients::Isolation;
use crate::partition::{Partition, Place, Reach};
use crate::piece::{FileRange, Piece};
use crate::record_batch::{Damage, FrameHeader, FrameView, HEADER_BYTES, RecordView, frame_bytes, frame_span};

/// Least and most read from the disk at once, whatever the caller asks for.
const READ_BYTES: std::ops::RangeInclusive<usize> = (64 << 10)..=(8 << 20);
/// Read at a place where only headers are wanted: mostly one small frame or the header of a large one.
const HOP_BYTES: usize = 16 << 10;

/// One record as it lies in the log, for tools.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its offset.
    pub offset: Offset,
    /// Its timestamp.
    pub time_ms: i64,
    /// Its key.
    pub key: Option<Bytes>,
    /// Its value: a zero byte, the schema id, and Avro; `None` for a tombstone.
    pub value: Option<Bytes>,
    /// Its headers.
    pub headers: Vec<(String, Bytes)>,
}

impl Record {
    /// The same, out of its frame.
    pub(crate) fn of(record: &RecordView<'_>) -> Result<Self, Damage> {
        let owned = |bytes: Option<&[u8]>| bytes.map(Bytes::copy_from_slice);
        let headers = record.headers().map(|header| header.map(|(k, v)| (k.to_owned(), Bytes::copy_from_slice(v))));
        let (headers, offset) = (headers.collect::<Result<_, _>>()?, Offset(record.offset));
        Ok(Self { offset, time_ms: record.time_ms, key: owned(record.key), value: owned(record.value), headers })
    }
}

/// Whole frames of one segment, side by side.
pub(crate) struct Chunk {
    bytes: Vec<u8>,
    frames: Vec<Range<usize>>,
    place: Place,
    /// Where in the file `bytes` begins.
    position: u64,
}

impl Chunk {
    /// The frames, checked: those before the first damaged one, or the damage when that is all there is.
    pub(crate) fn frames(&self) -> Result<Vec<FrameView<'_>>, LogError> {
        let mut frames = Vec::with_capacity(self.frames.len());
        for range in &self.frames {
            match FrameView::parse(&self.bytes[range.clone()]) {
                Ok(frame) => frames.push(frame),
                Err(damage) if frames.is_empty() => return Err(self.corrupt(range.start, damage)),
                Err(_) => break,
            }
        }
        Ok(frames)
    }

    /// The frames as they are, unchecked: the first one, and those behind it that stay within `bytes_max` with it. Also the
    /// offset behind the last of them.
    pub(crate) fn into_bytes(mut self, bytes_max: usize) -> (Bytes, i64) {
        let behind = self.frames.iter().skip(1).take_while(|frame| frame.end <= bytes_max);
        let Some(last) = behind.last().or(self.frames.first()).cloned() else { return (Bytes::new(), i64::MAX) };
        // Its header was looked at when the chunk was read.
        let end = frame_span(&self.bytes[last.clone()]).map_or(i64::MAX, |span| span.end);
        self.bytes.truncate(last.end);
        // More may have been read than is wanted, and it may be long until a client takes it.
        self.bytes.shrink_to_fit();
        (Bytes::from(self.bytes), end)
    }

    /// The error of damage in this chunk.
    pub(crate) fn corrupt(&self, at: usize, damage: Damage) -> LogError {
        LogError::corrupt(&self.place.path, self.position + at as u64, damage.0)
    }
}

/// Reads frames of `partition`, the first of which ends behind `from`, up to about `bytes_max`, and none from `end` on. There
/// is none at all when compaction took all that was between.
pub(crate) fn read_chunk(partition: &Partition, from: i64, end: i64, bytes_max: usize) -> Result<Chunk, LogError> {
    let mut from = from;
    loop {
        let place = partition.locate(from, Reach::NONE)?;
        let mut window = Window::new(&place);
        match seek(&mut window, from)? {
            Some(first) => {
                let (bytes, frames) = read_frames(window, first, end, bytes_max)?;
                return Ok(Chunk { bytes, frames, place, position: first.1 });
            }
            None if place.end < end => from = place.end,
            None => return Ok(Chunk { bytes: Vec::new(), frames: Vec::new(), place, position: 0 }),
        }
    }
}

/// Frames of `partition` for a client, as [`read_chunk`] finds them, and the offset behind the last: in memory if they are
/// few, otherwise where they lie. One comes in any case, others as long as all stay within `bytes_max`.
pub(crate) fn find_frames(
    partition: &Partition,
    from: i64,
    end: i64,
    bytes_max: usize,
) -> Result<(Piece, i64), LogError> {
    let mut from = from;
    loop {
        let place = partition.locate(from, Reach { bytes: bytes_max as u64, end })?;
        let mut window = Window::new(&place);
        let Some(first) = seek(&mut window, from)? else {
            if place.end < end {
                from = place.end;
                continue;
            }
            return Ok((Piece::default(), i64::MAX));
        };
        if let Some((range, behind)) = range_from(&mut window, first)? {
            return Ok((Piece::File(range), behind));
        }
        let (bytes, frames) = read_frames(window, first, end, bytes_max)?;
        let (bytes, behind) = Chunk { bytes, frames, place, position: first.1 }.into_bytes(bytes_max);
        return Ok((Piece::Memory(bytes), behind));
    }
}

/// The frames from `first` on, its offset and where it begins, as far as the place reaches, and the offset behind them;
/// nothing where that is so little that it is better read.
fn range_from(window: &mut Window<'_>, first: (i64, u64)) -> Result<Option<(FileRange, i64)>, LogError> {
    let Place { far: (mut behind, mut to), bytes, .. } = *window.place;
    if to <= first.1 {
        // At least the first one, however large. That its header is in memory has found it.
        let corrupt = |damage| window.corrupt(first.1, damage);
        to = first.1 + frame_bytes(window.at(first.1)).map_err(corrupt)? as u64;
        behind = frame_span(window.at(first.1)).map_err(corrupt)?.end;
        if to > bytes {
            return Ok(None);
        }
    }
    let length = usize::try_from(to - first.1).unwrap_or(usize::MAX);
    if length < *READ_BYTES.start() {
        return Ok(None);
    }
    if to < bytes {
        // An index may lie: there has to be a frame that follows.
        window.read_at_least(to, HEADER_BYTES, HEADER_BYTES)?;
        let is_end = frame_span(window.at(to)).is_ok_and(|span| may_follow(span.start, behind, window.place.sparse));
        if !is_end {
            return Ok(None);
        }
    }
    Ok(Some((FileRange::new(window.place.file.clone(), first.1, length), behind)))
}

/// Reads frames from the one at `first` on, its offset and where it begins.
fn read_frames(
    mut window: Window<'_>,
    (base, position): (i64, u64),
    end: i64,
    bytes_max: usize,
) -> Result<(Vec<u8>, Vec<Range<usize>>), LogError> {
    let sparse = window.place.sparse;
    let wanted = bytes_max.clamp(*READ_BYTES.start(), *READ_BYTES.end());
    window.read_at_least(position, HEADER_BYTES, wanted)?;
    let first = frame_bytes(window.at(position)).map_err(|damage| window.corrupt(position, damage))?;
    window.read_at_least(position, first, wanted)?;

    let mut frames = Vec::new();
    let mut at = 0;
    let mut next = base;
    let bytes = window.at(position);
    while next < end && at < wanted && bytes.len() - at >= HEADER_BYTES {
        // What is wrong behind the first frame is for whoever asks for it: the first was looked at when it was found.
        let (Ok(length), Ok(span)) = (frame_bytes(&bytes[at..]), frame_span(&bytes[at..])) else { break };
        if length > bytes.len() - at || !may_follow(span.start, next, sparse) || span.start >= end {
            break;
        }
        frames.push(at..at + length);
        at += length;
        next = span.end;
    }
    Ok((window.into_bytes_from(position), frames))
}

/// Whether a frame may begin at `base` where the one before it ends at `next`: at once, or behind records that compaction
/// took, all of which were before `sparse`.
pub(crate) fn may_follow(base: i64, next: i64, sparse: i64) -> bool {
    base == next || (base > next && base <= sparse)
}

/// The frames of a chunk that have something for readers in this process, neither control batches nor what was aborted; and
/// the offset behind all frames.
pub(crate) fn shown<'a>(partition: &Partition, chunk: &'a Chunk) -> Result<(Vec<FrameView<'a>>, i64), LogError> {
    let mut frames = chunk.frames()?;
    let behind = frames.last().map_or(i64::MAX, |frame| frame.header.end());
    if let Some(first) = frames.iter().find(|frame| frame.header.is_transactional()) {
        let aborted = partition.aborted_between(first.header.base, behind)?;
        let is_hidden = |header: &FrameHeader| aborted.iter().any(|aborted| aborted.hides(header));
        frames.retain(|frame| !is_hidden(&frame.header));
    }
    frames.retain(|frame| !frame.header.is_control());
    Ok((frames, behind))
}

/// Goes from the place's hint to the first frame that ends behind `from`; answers its first offset and where it begins, or
/// nothing when compaction has taken all from there on.
fn seek(window: &mut Window<'_>, from: i64) -> Result<Option<(i64, u64)>, LogError> {
    let hint = window.place.hint;
    let start = (window.place.base, 0);
    match seek_from(window, hint, from) {
        // The index may be wrong where the log is right.
        Err(LogError::Corrupt { .. }) if hint != start => seek_from(window, start, from),
        found => found,
    }
}

fn seek_from(window: &mut Window<'_>, hint: (i64, u64), from: i64) -> Result<Option<(i64, u64)>, LogError> {
    let (mut next, mut position) = hint;
    let Place { end, sparse, bytes, .. } = *window.place;
    loop {
        if position == bytes && end <= sparse {
            return Ok(None);
        }
        window.read_at_least(position, HEADER_BYTES, HOP_BYTES)?;
        let front = window.at(position);
        let corrupt = |damage| window.corrupt(position, damage);
        let length = frame_bytes(front).map_err(corrupt)?;
        let span = frame_span(front).map_err(corrupt)?;
        // The entry of an index names its frame exactly.
        let is_exact = position > 0 && position == hint.1;
        if !may_follow(span.start, next, if is_exact { next } else { sparse }) {
            return Err(corrupt(Damage("a batch does not begin at the offset behind the last one")));
        }
        if from < span.end {
            return Ok(Some((span.start, position)));
        }
        position += length as u64;
        next = span.end;
    }
}

/// A part of a file in memory.
struct Window<'a> {
    place: &'a Place,
    start: u64,
    bytes: Vec<u8>,
}

impl<'a> Window<'a> {
    fn new(place: &'a Place) -> Self {
        Self { place, start: 0, bytes: Vec::new() }
    }

    /// What is in memory from `position` on.
    fn at(&self, position: u64) -> &[u8] {
        let skip = position.checked_sub(self.start).and_then(|skip| usize::try_from(skip).ok());
        skip.and_then(|skip| self.bytes.get(skip..)).unwrap_or_default()
    }

    /// Makes sure that `bytes` from `position` on are in memory, reading `ahead` if it has to read.
    fn read_at_least(&mut self, position: u64, bytes: usize, ahead: usize) -> Result<(), LogError> {
        if self.at(position).len() >= bytes {
            return Ok(());
        }
        let left = usize::try_from(self.place.bytes.saturating_sub(position)).unwrap_or(usize::MAX);
        if left < bytes {
            return Err(self.corrupt(position, Damage("the file ends within a batch")));
        }
        self.start = position;
        self.bytes.clear();
        self.bytes.resize(bytes.max(ahead).min(left), 0);
        let read = self.place.file.read_exact_at(&mut self.bytes, position);
        read.map_err(LogError::io("read", &self.place.path))
    }

    fn corrupt(&self, position: u64, damage: Damage) -> LogError {
        LogError::corrupt(&self.place.path, position, damage.0)
    }

    fn into_bytes_from(mut self, position: u64) -> Vec<u8> {
        let skip = usize::try_from(position - self.start).expect("the position is within the window");
        self.bytes.drain(..skip);
        self.bytes
    }
}

/// First record of `partition` before `end` with the timestamp `time_ms` or a later one: its offset and its timestamp.
pub(crate) fn first_since(
    partition: &Partition,
    time_ms: i64,
    end: i64,
    isolation: Isolation,
) -> Result<Option<(i64, i64)>, LogError> {
    let Some(place) = partition.locate_time(time_ms)? else { return Ok(None) };
    // The place is before the record or at it, the index is only in the way of finding it sooner.
    let mut next = place.hint.0.max(partition.start());
    drop(place);
    while next < end {
        let from = next;
        let chunk = read_chunk(partition, next, end, *READ_BYTES.end())?;
        let frames = match isolation {
            Isolation::Committed => {
                let (frames, behind) = shown(partition, &chunk)?;
                next = behind;
                frames
            }
            Isolation::Uncommitted => {
                let frames = chunk.frames()?;
                next = frames.last().map_or(end, |frame| frame.header.end());
                frames
            }
        };
        for frame in frames.iter().filter(|frame| frame.header.newest_ms() >= time_ms) {
            let unpacked = frame.unpacked().map_err(|damage| chunk.corrupt(0, damage))?;
            for record in frame.records_in(&unpacked) {
                let record = record.map_err(|damage| chunk.corrupt(0, damage))?;
                if record.offset >= from && record.time_ms >= time_ms {
                    return Ok(Some((record.offset, record.time_ms)));
                }
            }
        }
    }
    Ok(None)
}

/// Records of `partition` from `from` on and before `end`, at most `records_max`.
pub(crate) fn read_records(
    partition: &Partition,
    from: i64,
    end: i64,
    records_max: usize,
) -> Result<Vec<Record>, LogError> {
    let mut records = Vec::new();
    let mut next = from;
    while next < end && records.len() < records_max {
        let chunk = read_chunk(partition, next, end, *READ_BYTES.start())?;
        let (frames, behind) = shown(partition, &chunk)?;
        next = behind;
        for frame in frames {
            let unpacked = frame.unpacked().map_err(|damage| chunk.corrupt(0, damage))?;
            for record in frame.records_in(&unpacked) {
                let record = record.map_err(|damage| chunk.corrupt(0, damage))?;
                if record.offset < from || records.len() >= records_max {
                    continue;
                }
                records.push(Record::of(&record).map_err(|damage| chunk.corrupt(0, damage))?);
            }
        }
    }
    Ok(records)
}

/// Refuses offsets that a partition from `start` to `end` does not have; says whether there is anything from `from` on.
pub(crate) fn check_range(name: &TopicPartition, from: i64, start: i64, end: i64) -> Result<bool, LogError> {
    if from < start {
        let (partition, from, start) = (name.clone(), Offset(from), Offset(start));
        return Err(LogError::OffsetGone { partition, from, start });
    }
    if from > end {
        let (partition, from, end) = (name.clone(), Offset(from), Offset(end));
        return Err(LogError::OffsetPastEnd { partition, from, end });
    }
    Ok(from < end)
}
