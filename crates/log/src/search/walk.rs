//! One partition, gone through from its end.

use std::ops::Range;
use std::sync::Arc;

use super::blocks::{Blocks, Span};
use super::compare::Comparison;
use super::{Fields, FoundRecord, SearchProgress};
use crate::LogError;
use crate::filter::{Covered, Notes};
use crate::partition::Partition;
use crate::read::Record;
use crate::record_batch::{Damage, FrameView, RecordView};
use crate::segment::{Aborted, ScanStop, Scanner};
use crate::shared::Shared;

/// What a search has that all walks need.
pub(super) struct Tools<'a> {
    pub(super) shared: &'a Shared,
    pub(super) comparison: &'a Comparison,
    pub(super) fields: &'a mut dyn Fields,
    pub(super) progress: &'a mut SearchProgress,
}

/// A partition that is being searched.
pub(super) struct Walk {
    partition: Arc<Partition>,
    /// Offsets that are left.
    range: Range<i64>,
    is_of_clients: bool,
    /// Bytes of it that were neither read nor passed over.
    bytes_left: u64,
    segment: Option<Blocks>,
}

/// What came of reading a block.
struct Reading {
    /// What was found, oldest first.
    found: Vec<FoundRecord>,
    /// Where the last frame lies, and the offset behind it.
    last: Option<(u64, i64)>,
    /// All of it was read, and every frame is whole.
    is_whole: bool,
}

impl Walk {
    pub(super) fn new(partition: Arc<Partition>, range: Range<i64>, is_of_clients: bool) -> Self {
        let bytes_left = partition.bytes();
        Self { partition, range, is_of_clients, bytes_left, segment: None }
    }

    /// Bytes that it has before it.
    pub(super) fn bytes_left(&self) -> u64 {
        self.bytes_left
    }

    fn skip(&mut self, bytes: u64, tools: &mut Tools<'_>) {
        tools.progress.bytes_skipped += bytes.min(self.bytes_left);
        self.bytes_left = self.bytes_left.saturating_sub(bytes);
    }

    /// Makes sure that there is a next block, if there is any left.
    pub(super) fn get_ready(&mut self, tools: &mut Tools<'_>) -> Result<(), LogError> {
        while self.segment.as_ref().is_none_or(|segment| segment.left == 0) {
            self.leave(tools);
            self.range.start = self.range.start.max(self.partition.start());
            if self.range.is_empty() {
                // What came before the first record, and what was appended meanwhile or is not certain yet.
                self.skip(u64::MAX, tools);
                return Ok(());
            }
            let view = self.partition.segment_before(self.range.end, self.is_of_clients)?;
            let Some(view) = view else {
                self.range.end = self.range.start;
                continue;
            };
            if tools.comparison.reaches(view.max_time_ms) {
                self.segment = Some(Blocks::new(&self.partition, view, tools)?);
            } else {
                self.skip(view.bytes, tools);
                self.range.end = view.base;
            }
        }
        Ok(())
    }

    /// Leaves the segment, and keeps what was learned of it.
    pub(super) fn leave(&mut self, tools: &mut Tools<'_>) {
        if let Some(mut segment) = self.segment.take() {
            segment.save(&self.partition, tools);
            self.range.end = self.range.end.min(segment.view.base);
        }
    }

    /// Greatest timestamp that the next block can have; `None` at the end.
    pub(super) fn next_time_ms(&self) -> Option<i64> {
        self.segment.as_ref().map(Blocks::next_time_ms)
    }

    /// Passes over the next block, or reads it and answers what was found in it, newest first.
    pub(super) fn advance(&mut self, tools: &mut Tools<'_>) -> Result<Option<Vec<FoundRecord>>, LogError> {
        let Some(segment) = self.segment.as_mut() else { return Ok(None) };
        let Some((at, span)) = segment.take() else { return Ok(None) };
        let is_outside = span.end <= self.range.start || span.offset >= self.range.end;
        let known = if is_outside { None } else { segment.known(at, tools) };
        if is_outside || known.as_ref().is_some_and(|block| block.excludes(&tools.comparison.hashes)) {
            tools.progress.blocks_skipped += 1;
            self.skip(span.bytes(), tools);
            return Ok(None);
        }
        let is_unknown = known.is_none_or(|block| !block.is_known());
        let is_kept = segment.is_full(at) && segment.view.filter_turn.is_some() && tools.shared.commits.is_some();
        let mut notes = (is_unknown && is_kept).then(Notes::new);
        let reading = self.read(span, notes.as_mut(), tools)?;
        tools.progress.blocks_read += 1;
        tools.progress.bytes_read += span.bytes();
        self.bytes_left = self.bytes_left.saturating_sub(span.bytes());
        tools.progress.blocks_damaged += u64::from(!reading.is_whole);
        let Reading { mut found, last, is_whole } = reading;
        if let (Some(notes), Some((last, end)), Some(segment)) = (notes, last, self.segment.as_mut())
            && is_whole
            && end <= self.range.end
            && end <= self.partition.recovery()
        {
            let block = notes.into_block(span.offset, span.position, span.bytes());
            // Compaction may have taken what lay behind the last frame.
            let end = if span.end == i64::MAX { end } else { span.end.max(end) };
            segment.keep(at, block, Covered { end, bytes: span.end_position, last });
        }
        found.reverse();
        Ok(Some(found))
    }

    /// Reads a block.
    fn read(&self, span: Span, mut notes: Option<&mut Notes>, tools: &mut Tools<'_>) -> Result<Reading, LogError> {
        let view = &self.segment.as_ref().expect("a block is of a segment").view;
        let mut scanner = Scanner::new(&view.file, &view.path, span.position, span.end_position);
        let mut reading = Reading { found: Vec::new(), last: None, is_whole: true };
        let mut aborted: Option<Vec<Aborted>> = None;
        let mut next = span.offset;
        while next < self.range.end {
            let (position, frame) = match scanner.next_frame() {
                Ok(Some(frame)) => frame,
                Ok(None) => break,
                Err(ScanStop::Io(error)) => return Err(error),
                Err(ScanStop::Damage(_)) => {
                    reading.is_whole = false;
                    // Whoever rotted spoils its own records, and no others.
                    let Some(passed) = scanner.pass_damaged() else { break };
                    next = passed.end;
                    continue;
                }
            };
            next = frame.header.end();
            reading.last = Some((position, next));
            if frame.header.is_control() {
                continue;
            }
            if aborted.is_none() && frame.header.is_transactional() {
                aborted = Some(self.partition.aborted_between(frame.header.base, span.end.min(self.range.end))?);
            }
            let is_hidden = aborted.iter().flatten().any(|aborted| aborted.hides(&frame.header));
            let found = self.compare(&frame, is_hidden, notes.as_deref_mut(), tools);
            match found {
                Ok(found) => reading.found.extend(found),
                Err(_) => reading.is_whole = false,
            }
        }
        // What lies behind the end of the search was not looked at.
        if scanner.position() < span.end_position {
            reading.last = None;
        }
        Ok(reading)
    }

    /// Holds the records of a frame against what is wanted.
    fn compare(
        &self,
        frame: &FrameView<'_>,
        is_hidden: bool,
        mut notes: Option<&mut Notes>,
        tools: &mut Tools<'_>,
    ) -> Result<Vec<FoundRecord>, Damage> {
        let unpacked = frame.unpacked()?;
        let records = frame.records_in(&unpacked).collect::<Result<Vec<_>, _>>()?;
        if let Some(notes) = notes.as_deref_mut() {
            records.iter().for_each(|record| notes.note(record.time_ms, record.key));
        }
        let comparison = tools.comparison;
        let is_candidate =
            |record: &RecordView<'_>| !is_hidden && self.range.contains(&record.offset) && comparison.passes(record);
        tools.progress.records += records.len() as u64;
        let mut matches: Vec<bool> = records.iter().map(is_candidate).collect();
        if notes.is_some() || (comparison.field().is_some() && matches.contains(&true)) {
            let has_field = look_at_fields(&records, &matches, notes, tools);
            if comparison.field().is_some() {
                matches.iter_mut().zip(has_field).for_each(|(matched, has_field)| *matched &= has_field);
            }
        }
        let partition = self.partition.name.partition;
        let matched = records.iter().zip(matches).filter(|(_, matched)| *matched);
        matched.map(|(record, _)| Ok(FoundRecord { partition, record: Record::of(record)? })).collect()
    }
}

/// Takes note of all fields of all records, if there is somebody to note them, and says which records have the wanted one.
fn look_at_fields(
    records: &[RecordView<'_>],
    candidates: &[bool],
    mut notes: Option<&mut Notes>,
    tools: &mut Tools<'_>,
) -> Vec<bool> {
    let is_noted = notes.is_some();
    let looked_at = records.iter().enumerate().filter(|(at, _)| is_noted || candidates[*at]);
    let (places, values): (Vec<usize>, Vec<&[u8]>) =
        looked_at.filter_map(|(at, record)| Some((at, record.value?))).unzip();
    let mut has_field = vec![false; records.len()];
    let only = if is_noted { None } else { tools.comparison.field() };
    let comparison = tools.comparison;
    let is_certain = tools.fields.read(&values, only, &mut |at, name, scalar| {
        if let Some(notes) = notes.as_deref_mut() {
            notes.note_field(name, scalar);
        }
        has_field[places[at]] |= comparison.is_wanted(name, scalar);
    });
    if let Some(notes) = notes.filter(|_| !is_certain) {
        notes.doubt();
    }
    has_field
}
