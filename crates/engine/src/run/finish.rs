//! The end of an epoch: what changed leaves, what is closed is forgotten, what is new is saved; and its way back at a start.

use std::path::Path;

use arrow::array::UInt32Array;
use arrow::record_batch::RecordBatch;
use millrace_flow::{Batch, LogWriter};

use super::changes::KeyedRows;
use super::dedup::DedupState;
use super::epoch::Work;
use super::error::EngineError;
use super::output;
use super::snapshot::{FrameKind, SAVE_ROWS_MAX, SnapshotFile};
use super::state::{AggregateState, window_of};
use crate::plan::{Emit, Query};

/// Bytes of state, about, that are turned into columns at once.
const SAVE_BYTES_MAX: usize = 64 << 20;

impl Work {
    /// Whether the watermark closes something that must leave, or be forgotten.
    pub(super) fn closes(&self, watermark_us: i64) -> bool {
        self.aggregate.as_ref().is_some_and(|state| !state.groups_closed_by(watermark_us).is_empty())
    }

    /// Ends the epoch: output rows to `writer`, what changed to `snapshot`, closed windows forgotten.
    pub(super) fn finish(
        &mut self,
        watermark_us: i64,
        is_final: bool,
        snapshot: &mut SnapshotFile,
        writer: &mut dyn LogWriter,
        now_ms: i64,
    ) -> Result<(), EngineError> {
        self.finish_aggregate(watermark_us, is_final, snapshot, writer, now_ms)?;
        if let Some(dedup) = &mut self.dedup {
            let window = self.query.aggregate.as_ref().and_then(window_of).map_or(0, |(_, window)| window.size_us);
            let keep_us = window + self.query.allowed_lateness_us;
            dedup.forget(watermark_us.saturating_sub(keep_us));
            if let Some(seen) = dedup.save(false)? {
                snapshot.append(FrameKind::Seen, &seen)?;
            }
            if self.aggregate.is_none() {
                self.closed_us = self.closed_us.max(watermark_us);
            }
        }
        if snapshot.wants_rewrite() {
            self.rewrite(snapshot)?;
        }
        Ok(())
    }

    fn finish_aggregate(
        &mut self,
        watermark_us: i64,
        is_final: bool,
        snapshot: &mut SnapshotFile,
        writer: &mut dyn LogWriter,
        now_ms: i64,
    ) -> Result<(), EngineError> {
        let Some(state) = &mut self.aggregate else { return Ok(()) };
        let query = self.query.clone();
        let changed = state.take_changed();
        let on_close = query.emit == Emit::OnWindowClose;
        if let Some(keyed) = &mut self.keyed {
            let empty = keyed.recompute(state, &changed)?;
            let batches = self.changed_rows(&changed, writer, now_ms)?;
            let (Some(state), Some(keyed)) = (&mut self.aggregate, &mut self.keyed) else { return Ok(()) };
            let batches = without_empty(&query, state, &empty, batches, now_ms)?;
            keyed.save(false)?.iter().try_for_each(|rows| snapshot.append(FrameKind::Rows, rows))?;
            self.forget_failing(&empty);
            return batches.into_iter().try_for_each(|rows| self.emit(rows, writer));
        }
        let closing = match (on_close, is_final) {
            (true, true) => state.all_groups(),
            _ => state.groups_closed_by(watermark_us),
        };
        let leaving = if on_close { closing.clone() } else { changed.clone() };
        let batches = self.changed_rows(&leaving, writer, now_ms)?;
        let Some(state) = &mut self.aggregate else { return Ok(()) };
        if let Some((_, window)) = query.aggregate.as_ref().and_then(window_of) {
            let end = state.last_start(&closing)?.map(|start| start + window.size_us + query.allowed_lateness_us);
            self.closed_us = self.closed_us.max(end.unwrap_or(i64::MIN)).max(if on_close && is_final {
                i64::MIN
            } else {
                watermark_us
            });
        }
        state.remove(&closing);
        let closed: hashbrown::HashSet<u32> = closing.iter().copied().collect();
        let saved: Vec<u32> = changed.into_iter().filter(|group| !closed.contains(group)).collect();
        save_groups(state, &saved, false, snapshot)?;
        self.forget_failing(&closing);
        batches.into_iter().try_for_each(|rows| self.emit(rows, writer))
    }

    fn rewrite(&mut self, snapshot: &mut SnapshotFile) -> Result<(), EngineError> {
        snapshot.begin_next()?;
        if let Some(keyed) = &mut self.keyed {
            keyed.save(true)?.iter().try_for_each(|rows| snapshot.append(FrameKind::Rows, rows))?;
        } else if let Some(state) = &mut self.aggregate {
            save_groups(state, &state.live_groups(), true, snapshot)?;
        }
        if let Some(seen) = self.dedup.as_mut().map(|dedup| dedup.save(true)).transpose()?.flatten() {
            snapshot.append(FrameKind::Seen, &seen)?;
        }
        snapshot.mark_whole();
        Ok(())
    }

    /// Opens the snapshot in `folder` and takes back what is in it.
    pub(super) fn restore(
        &mut self,
        folder: &Path,
        generation: u64,
        lengths: (u64, u64),
    ) -> Result<SnapshotFile, EngineError> {
        let snapshot = SnapshotFile::open(folder, generation, lengths, |kind, batch| self.restore_frame(kind, &batch))?;
        let Some(state) = &mut self.aggregate else { return Ok(snapshot) };
        if let Some(keyed) = &mut self.keyed {
            let changed = state.take_changed();
            let empty = keyed.recompute(state, &changed)?;
            state.remove(&empty);
            // Computing the rows again tells which groups have one out there.
            let live = state.live_groups();
            let failed = output::changed_rows(&self.query, state, &live, 0)?.failed;
            self.failing.extend(failed.into_iter().map(|(row, _)| live[row]));
        } else {
            let closed = state.groups_closed_by(self.closed_us);
            state.remove(&closed);
            state.take_changed();
        }
        Ok(snapshot)
    }

    fn restore_frame(&mut self, kind: FrameKind, batch: &RecordBatch) -> Result<(), EngineError> {
        match (kind, &mut self.aggregate, &mut self.keyed, &mut self.dedup) {
            (FrameKind::Groups, Some(state), None, _) => state.restore(batch),
            (FrameKind::Rows, Some(state), Some(keyed), _) => keyed.restore(state, batch),
            (FrameKind::Seen, _, _, Some(dedup)) => {
                dedup.restore(batch);
                Ok(())
            }
            _ => Err(EngineError::Fingerprint { query: self.query.name.to_string() }),
        }
    }

    /// Groups and rows held.
    pub(super) fn state_rows(&self) -> usize {
        self.aggregate.as_ref().map_or(0, AggregateState::len) + self.dedup.as_ref().map_or(0, DedupState::len)
    }

    /// Bytes held, about.
    pub(super) fn memory_bytes(&self) -> usize {
        self.aggregate.as_ref().map_or(0, AggregateState::memory_bytes)
            + self.dedup.as_ref().map_or(0, DedupState::memory_bytes)
            + self.keyed.as_ref().map_or(0, KeyedRows::memory_bytes)
    }
}

/// Writes groups in parts that are small beside the columns' limit of 2 GiB.
fn save_groups(
    state: &mut AggregateState,
    groups: &[u32],
    whole: bool,
    snapshot: &mut SnapshotFile,
) -> Result<(), EngineError> {
    let bytes_each = state.memory_bytes() / state.len().max(1);
    let at_once = (SAVE_BYTES_MAX / bytes_each.max(1)).clamp(1, SAVE_ROWS_MAX);
    groups.chunks(at_once).try_for_each(|part| snapshot.append(FrameKind::Groups, &state.save(part, whole)?))
}

/// Takes the rows of groups that have nothing left out of `batches` and puts tombstones in their place.
fn without_empty(
    query: &Query,
    state: &mut AggregateState,
    empty: &[u32],
    mut batches: Vec<Batch>,
    now_ms: i64,
) -> Result<Vec<Batch>, EngineError> {
    if empty.is_empty() {
        return Ok(batches);
    }
    let keys = output::keys_of(query, state, empty)?;
    let gone: hashbrown::HashSet<&[u8]> = keys.iter().flatten().collect();
    for batch in &mut batches {
        let own = batch.keys.clone().expect("the rows of an aggregate have keys");
        let stays: UInt32Array = (0..)
            .zip(own.iter())
            .filter(|(_, key)| key.is_none_or(|key| !gone.contains(key)))
            .map(|(row, _)| row)
            .collect();
        *batch = batch.take(&stays)?;
    }
    batches.retain(|batch| batch.num_rows() > 0);
    batches.push(output::tombstones(&query.output, keys.clone(), now_ms));
    state.remove(empty);
    Ok(batches)
}
