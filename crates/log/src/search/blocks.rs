//! The blocks of one segment: as its filter has them, then as its index does.

use std::os::unix::fs::FileExt;

use super::walk::Tools;
use crate::LogError;
use crate::filter::{self, Block, Covered, FilterFile, Times};
use crate::partition::{Partition, SegmentView};
use crate::record_batch::{HEADER_BYTES, frame_span};
use crate::segment::{ScanStop, Scanner};

/// Bytes of a block, up to the end of its last frame: small enough that little is read for one record, and large enough that
/// its sets take little beside it.
pub(super) const BLOCK_BYTES: u64 = 256 << 10;

/// A segment in blocks, gone through from its end.
#[derive(Debug)]
pub(super) struct Blocks {
    pub(super) view: SegmentView,
    filter: Option<FilterFile>,
    /// Where blocks begin, in order: offset and place.
    starts: Vec<(i64, u64)>,
    /// Blocks that are left: the next is the last of them.
    pub(super) left: usize,
    /// What was learned of blocks, from the last one back.
    made: Vec<(usize, Block)>,
    /// What is covered with the last one of those.
    tail: Option<Covered>,
}

/// Where a block lies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) offset: i64,
    pub(super) position: u64,
    /// Offset behind its last record, or a later one.
    pub(super) end: i64,
    pub(super) end_position: u64,
}

impl Span {
    pub(super) fn bytes(&self) -> u64 {
        self.end_position - self.position
    }
}

impl Blocks {
    pub(super) fn new(partition: &Partition, view: SegmentView, tools: &mut Tools<'_>) -> Result<Self, LogError> {
        let (path, _) = partition.filter_paths(view.base);
        let open = |_: &_| FilterFile::open(&path, tools.fields.version(), view.base, &view.file, view.bytes);
        let filter = view.filter_turn.as_ref().and_then(open);
        tools.progress.filter_bytes += filter.as_ref().map_or(0, |filter| filter.bytes_read);
        let mut starts: Vec<(i64, u64)> = filter.iter().flat_map(FilterFile::starts).collect();
        let covered = filter.as_ref().map_or((view.base, 0), |filter| (filter.covered.end, filter.covered.bytes));
        if covered.1 < view.bytes {
            starts.push(covered);
            let mut last = covered.1;
            let is_far = |(_, position): &(i64, u64)| {
                let is_far = *position >= last.saturating_add(BLOCK_BYTES);
                last = if is_far { *position } else { last };
                is_far
            };
            let indexed: Vec<_> = view.starts.iter().copied().filter(is_far).collect();
            let tell_truth = indexed.iter().all(|(offset, position)| begins_at(&view, *offset, *position));
            starts.extend(if tell_truth { indexed } else { find_starts(&view, covered.1)? });
        }
        let left = starts.len();
        Ok(Self { view, filter, starts, left, made: Vec::new(), tail: None })
    }

    /// Greatest timestamp that the next block can have.
    pub(super) fn next_time_ms(&self) -> i64 {
        let at = self.left.saturating_sub(1);
        let filter = self.filter.as_ref().filter(|filter| at < filter.len());
        let times = filter.map_or(Times::ANY, |filter| filter.times(at));
        times.max_ms.min(self.view.max_time_ms)
    }

    /// Takes the next block: its number, and where it lies.
    pub(super) fn take(&mut self) -> Option<(usize, Span)> {
        let at = self.left.checked_sub(1)?;
        self.left = at;
        let (offset, position) = self.starts[at];
        let (end, end_position) = self.starts.get(at + 1).copied().unwrap_or((self.view.end, self.view.bytes));
        Some((at, Span { offset, position, end, end_position }))
    }

    /// What the filter says of a block.
    pub(super) fn known(&mut self, at: usize, tools: &mut Tools<'_>) -> Option<Block> {
        let filter = self.filter.as_mut()?;
        let (before, hashes) = (filter.bytes_read, &tools.comparison.hashes);
        if !filter.times(at).overlap(hashes.times) {
            return filter.block(at, false, false);
        }
        let block = filter.block(at, hashes.keys.is_some(), hashes.fields.is_some());
        tools.progress.filter_bytes += filter.bytes_read - before;
        block
    }

    /// Whether nothing will be appended to a block any more.
    pub(super) fn is_full(&self, at: usize) -> bool {
        at + 1 < self.starts.len() || self.view.is_closed
    }

    /// Keeps what was learned of a block; `tail` is what is covered with it.
    pub(super) fn keep(&mut self, at: usize, block: Block, tail: Covered) {
        if self.tail.is_none() && self.filter.as_ref().is_none_or(|filter| at >= filter.len()) {
            self.tail = Some(tail);
        }
        self.made.push((at, block));
    }

    /// Writes down what was learned. It is a shortcut only: when that fails the next search learns it again.
    pub(super) fn save(&mut self, partition: &Partition, tools: &mut Tools<'_>) {
        if let Err(error) = self.try_save(partition, tools) {
            tracing::warn!(%error, "filter not written");
        }
    }

    fn try_save(&mut self, partition: &Partition, tools: &mut Tools<'_>) -> Result<(), LogError> {
        let Some(turn) = self.view.filter_turn.clone().filter(|_| !self.made.is_empty()) else { return Ok(()) };
        // Whoever reads only, or comes too late, keeps nothing; and of two who learn the same, one is enough.
        let (Ok(_open), Ok(_turn)) = (tools.shared.enter(), turn.try_lock()) else { return Ok(()) };
        let mut made = std::mem::take(&mut self.made);
        let known = self.filter.as_ref().map_or(0, FilterFile::len);
        let count = made.first().map_or(0, |(at, _)| at + 1).max(known);
        let covered = self.tail.or(self.filter.as_ref().map(|filter| filter.covered));
        let Some(covered) = covered else { return Ok(()) };
        let mut blocks = Vec::with_capacity(count);
        for (at, (offset, position)) in self.starts.iter().copied().enumerate().take(count) {
            let is_new = made.last().is_some_and(|(last, _)| *last == at);
            let new = if is_new { made.pop().map(|(_, block)| block) } else { None };
            let old = || self.filter.as_mut().and_then(|filter| filter.block(at, true, true));
            blocks.push(new.or_else(old).unwrap_or_else(|| Block::unknown(offset, position)));
        }
        let (disk, (_, written)) = (tools.shared.disk(), partition.filter_paths(self.view.base));
        let segment = (self.view.base, &*self.view.file);
        filter::write(disk, &written, tools.fields.version(), segment, covered, &blocks)?;
        partition.put_filter(disk, self.view.base, &turn, &written)
    }
}

/// Whether a frame with this offset lies there.
fn begins_at(view: &SegmentView, offset: i64, position: u64) -> bool {
    let mut header = [0; HEADER_BYTES];
    let is_read = view.file.read_exact_at(&mut header, position).is_ok();
    is_read && frame_span(&header).is_ok_and(|span| span.start == offset)
}

/// Where blocks begin behind `from`, by the frames themselves.
fn find_starts(view: &SegmentView, from: u64) -> Result<Vec<(i64, u64)>, LogError> {
    let mut starts = Vec::new();
    let mut last = from;
    let mut scanner = Scanner::new(&view.file, &view.path, from, view.bytes);
    loop {
        let position = scanner.position();
        match scanner.next_header() {
            Ok(Some((header, _))) if position >= last.saturating_add(BLOCK_BYTES) => {
                starts.push((header.base, position));
                last = position;
            }
            Ok(Some(_)) => {}
            // What is damaged is for whoever reads it.
            Ok(None) | Err(ScanStop::Damage(_)) => return Ok(starts),
            Err(ScanStop::Io(error)) => return Err(error),
        }
    }
}
