//! What a search needs of a partition: its segments from the newest back, and putting a filter beside one.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Partition, State};
use crate::segment::{ActiveSegment, ClosedSegment, FilterTurn, Mark, filter_paths};
use crate::{Disk, LogError, segment};

/// A segment as it is now, to be searched.
#[derive(Debug)]
pub(crate) struct SegmentView {
    /// Offset of the first record.
    pub(crate) base: i64,
    /// Offset after the last record that is to be searched, as far as it is known.
    pub(crate) end: i64,
    pub(crate) bytes: u64,
    pub(crate) file: Arc<File>,
    pub(crate) path: PathBuf,
    /// Frames that its index names, which may lie: offsets and places.
    pub(crate) starts: Vec<(i64, u64)>,
    /// No record is of a later time.
    pub(crate) max_time_ms: i64,
    /// Nothing is appended to it any more.
    pub(crate) is_closed: bool,
    /// There where a filter may lie beside it.
    pub(crate) filter_turn: Option<FilterTurn>,
}

impl Partition {
    /// The last segment that begins before the offset `before`. `is_of_clients` says that nothing of it is ever taken back.
    pub(crate) fn segment_before(&self, before: i64, is_of_clients: bool) -> Result<Option<SegmentView>, LogError> {
        self.check_online()?;
        match self.try_segment_before(before, is_of_clients) {
            // Its owner may have put another file in the place of that one.
            Err(LogError::OffsetGone { .. }) if self.is_read_only => {
                self.list_again()?;
                self.try_segment_before(before, is_of_clients)
            }
            found => found,
        }
    }

    fn try_segment_before(&self, before: i64, is_of_clients: bool) -> Result<Option<SegmentView>, LogError> {
        let state = self.state();
        if let Some(active) = state.active.as_ref().filter(|active| active.base() < before) {
            let view = view_of_active(active, &state, is_of_clients || state.next == self.committed());
            return Ok(Some(view));
        }
        let behind = state.closed.partition_point(|segment| segment.base() < before);
        let segment = behind.checked_sub(1).map(|at| &state.closed[at]);
        segment.map(|segment| self.view_of_closed(segment)).transpose()
    }

    fn view_of_closed(&self, segment: &ClosedSegment) -> Result<SegmentView, LogError> {
        let (base, path) = (segment.base(), segment.path());
        let file = segment.open().map_err(|error| self.gone_if_missing(error, base))?;
        let index = segment.index().map_err(|error| self.gone_if_missing(error, base))?;
        let bytes = if self.is_read_only {
            file.metadata().map_err(LogError::io("look at", &path))?.len()
        } else {
            segment.bytes()
        };
        Ok(SegmentView {
            base,
            end: segment.end().unwrap_or(i64::MAX),
            bytes,
            file: Arc::new(file),
            path,
            starts: index.places().map(|(relative, position)| (base + relative, position)).collect(),
            // What ends nowhere known is still growing: its newest records are not in the index.
            max_time_ms: segment.end().map_or(i64::MAX, |_| index.max_time_ms()),
            is_closed: segment.end().is_some(),
            filter_turn: segment.filter_turn().cloned(),
        })
    }

    /// Where the filter of the segment at `base` lies, and where it is written before.
    pub(crate) fn filter_paths(&self, base: i64) -> (PathBuf, PathBuf) {
        filter_paths(&self.dir, base)
    }

    /// Puts the filter that was written to `written` beside the segment that is `turn`'s, or takes it away when that is not
    /// there any more.
    pub(crate) fn put_filter(
        &self,
        disk: &dyn Disk,
        base: i64,
        turn: &FilterTurn,
        written: &Path,
    ) -> Result<(), LogError> {
        let state = self.state();
        let closed = state.closed.iter().find(|segment| segment.base() == base).and_then(ClosedSegment::filter_turn);
        let active = state.active.as_ref().filter(|active| active.base() == base).map(ActiveSegment::filter_turn);
        if closed.or(active).is_some_and(|held| Arc::ptr_eq(held, turn)) {
            let (path, _) = self.filter_paths(base);
            return disk.rename(written, &path).map_err(LogError::io("rename", written));
        }
        drop(state);
        segment::remove_if_there(disk, written)
    }
}

/// The active segment, up to what may be taken back.
fn view_of_active(active: &ActiveSegment, state: &State, is_settled: bool) -> SegmentView {
    let base = active.base();
    let bytes = if is_settled { active.bytes() } else { state.committed.bytes_since(Mark::default()) };
    let starts = active.index().places();
    let starts =
        starts.map(|(relative, position)| (base + relative, position)).filter(|(_, position)| *position < bytes);
    SegmentView {
        base,
        end: state.next,
        bytes,
        file: active.file().clone(),
        path: active.path(),
        starts: starts.collect(),
        max_time_ms: active.index().max_time_ms(),
        is_closed: false,
        filter_turn: Some(active.filter_turn().clone()),
    }
}
